"""
Makes up requests from the OpenAPI document and holds the answers against it (schemathesis), on a running server
with a key: no request may end in a 5xx but 503, in a status or a shape that the document does not name, be taken
though it is malformed, or be answered without a token.

Run: `tests/run schemathesis`; arguments go to schemathesis, such as `--max-examples 500 --seed 7`.
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("RINGFENCE_BIN", str(ROOT / "target" / "release" / "ringfence"))
KEY = "0123456789abcdef0123456789abcdef"
START_S = 20.0


def token() -> str:
    """An admin's, for every meeting: HS256 (RFC 7515)."""

    def encoded(part: bytes) -> str:
        return base64.urlsafe_b64encode(part).rstrip(b"=").decode()

    video = {"roomAdmin": True, "roomCreate": True, "roomList": True}
    claims = {"iss": "app", "sub": "schemathesis", "exp": int(time.time()) + 86_400, "video": video}
    signed = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return signed + "." + encoded(hmac.new(KEY.encode(), signed.encode(), hashlib.sha256).digest())


def call(url: str, bearer: str, method: str, body: dict[str, object]) -> None:
    """A request that must succeed."""
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=5):
        pass


def wait_ready(url: str) -> None:
    """Returns once it answers."""
    until = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def main() -> int:
    """Starts a server, runs schemathesis, ends the server; 0 if nothing was found."""
    os.environ["no_proxy"] = "127.0.0.1"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, bearer = f"http://127.0.0.1:{port}", token()
    media = str(random.randrange(20_000, 50_000))
    command = [BINARY, "serve", "--http", f"127.0.0.1:{port}", "--media-port", media, "--shards", "1"]
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "RINGFENCE_KEYS": f"app={KEY}"}
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
        try:
            wait_ready(url)
            # Something that names made up at random can hit.
            call(f"{url}/v1/meetings", bearer, "POST", {"id": "0"})
            call(f"{url}/v1/meetings/0/breakouts/rooms", bearer, "POST", {"max_rooms": 3})
            tool = pathlib.Path(sys.executable).parent / "schemathesis"
            config = pathlib.Path(__file__).parent / "schemathesis.toml"
            arguments = ["--header", f"Authorization: Bearer {bearer}", *sys.argv[1:]]
            run = [str(tool), "--config-file", str(config), "run", f"{url}/v1/openapi.json", *arguments]
            hooks = {**os.environ, "SCHEMATHESIS_HOOKS": str(pathlib.Path(__file__).parent / "hooks.py")}
            found = subprocess.run(run, cwd=folder, env=hooks, check=False).returncode
            if server.poll() is not None:
                print(f"the server ended with {server.returncode}")
                found = 1
        finally:
            server.terminate()
            server.wait(10)
        if found:
            log.seek(0)
            print(log.read().decode(errors="replace")[-5_000:])
    return found


if __name__ == "__main__":
    sys.exit(main())
