"""
The README's session, run as it stands: a server drives a meeting of ten by REST.

Run: `.venv/bin/python -m unittest -v` in this folder.
"""

import os
import subprocess
import sys
import unittest

from server import ROOT, Server

SCRIPT = ROOT / "signaling" / "examples" / "session.py"
LINES_MAX = 60
WITHIN_S = 60
EXPECTED = """\
list: {'rooms': ['b1', 'b2'], 'people': 10, 'revision': 1}
joined: 10 in Main room
started: 5 in Blue, 5 in Red
broadcast: 5 in Blue, 5 in Red
moved: 4 in Blue, 6 in Red
stopped: 10 in Main room
heard: 10 Five minutes left
"""


class Session(unittest.TestCase):
    """One run of the script."""

    def test_it_runs_as_it_stands(self) -> None:
        self.assertLessEqual(len(SCRIPT.read_text(encoding="utf-8").splitlines()), LINES_MAX)
        server = Server()
        try:
            environment = {**os.environ, "RINGFENCE_URL": server.url, "no_proxy": "127.0.0.1"}
            run = subprocess.run(
                [sys.executable, str(SCRIPT)], env=environment, capture_output=True, text=True, timeout=WITHIN_S
            )
            self.assertEqual(run.stdout, EXPECTED, run.stderr + server.log())
        finally:
            server.stop()
