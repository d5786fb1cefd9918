"""The binary under test, on free ports. `RINGFENCE_BIN` and `RINGFENCE_IO` as in the browser tests."""

import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("RINGFENCE_BIN", str(ROOT / "target" / "release" / "ringfence"))
IO = os.environ.get("RINGFENCE_IO", "auto")
START_S = 20.0
STOP_S = 5.0
SHARDS = 2


def free_tcp_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def free_udp_ports(count: int) -> int:
    """The first of `count` free ports in a row."""
    while True:
        first = random.randrange(20_000, 50_000)
        probes = []
        try:
            for number in range(count):
                probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                probes.append(probe)
                probe.bind(("0.0.0.0", first + number))
            return first
        except OSError:
            continue  # one is taken: try elsewhere
        finally:
            for probe in probes:
                probe.close()


class Server:
    """A running process, ended by its own pid."""

    def __init__(self) -> None:
        self.port = free_tcp_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._data = tempfile.mkdtemp(prefix="ringfence-test-")
        self._log = open(os.path.join(self._data, "log"), "w+", encoding="utf-8")
        command = [BINARY, "serve", "--dev", "--http", f"127.0.0.1:{self.port}", "--io", IO]
        command += ["--media-port", str(free_udp_ports(SHARDS)), "--shards", str(SHARDS)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        try:
            self._wait_ready()
        except BaseException:
            self.stop()
            raise

    def _wait_ready(self) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise RuntimeError(f"{BINARY} ended with {self._process.returncode}:\n{self.log()}")
            try:
                with opener.open(f"{self.url}/readyz", timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise RuntimeError(f"{BINARY} was not ready within {START_S} s:\n{self.log()}")

    def log(self) -> str:
        """The end of what it wrote."""
        self._log.flush()
        self._log.seek(0)
        return self._log.read()[-5_000:]

    def stop(self) -> None:
        """SIGINT (end now; SIGTERM would wait for sessions), and SIGKILL if that is not heard."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        shutil.rmtree(self._data, ignore_errors=True)
