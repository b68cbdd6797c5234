"""The control socket: one JSON object per line in, one out; how testers reach the datacenter, never the product."""

import json
import socket
import socketserver
import threading
from collections.abc import Callable
from pathlib import Path

Reply = dict[str, object]
LONGEST = 65536
TIMEOUT = 10.0


class NoDatacenter(Exception):
    """No simulator answers there."""


def find(state: Path) -> Path:
    """The control socket in a simulator's state folder; raises `NoDatacenter`."""
    path = state / "control.sock"
    if not path.exists():
        msg = f"no simulator runs in {state} (there is no control.sock); start it with: toban simulate"
        raise NoDatacenter(msg)
    return path


def ask(path: Path, request: dict[str, object]) -> Reply:
    """Send one request and read its answer; raises `NoDatacenter` if nobody answers in 10 s."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(TIMEOUT)
            line.connect(str(path))
            line.sendall(json.dumps(request).encode() + b"\n")
            with line.makefile("rb") as answers:
                found = json.loads(answers.readline())
    except (OSError, ValueError) as error:
        msg = f"the simulator at {path} does not answer ({error}); is it running?"
        raise NoDatacenter(msg) from error
    return found if isinstance(found, dict) else {"error": "the answer was no object"}


class Control:
    """Serves one socket; each request goes to `handle`."""

    def __init__(self, path: Path, handle: Callable[[dict[str, object]], Reply]) -> None:
        """Replaces a socket that a dead simulator left behind."""
        path.unlink(missing_ok=True)

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                for line in iter(lambda: self.rfile.readline(LONGEST), b""):
                    self.wfile.write(json.dumps(_reply(line, handle)).encode() + b"\n")

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        self._path, self._server = path, Server(str(path), Handler)
        path.chmod(0o600)
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.05), name="control", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop and remove the socket."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)
        self._path.unlink(missing_ok=True)


def _reply(line: bytes, handle: Callable[[dict[str, object]], Reply]) -> Reply:
    try:
        request = json.loads(line)
    except ValueError:
        return {"error": "the request is not JSON"}
    if not isinstance(request, dict):
        return {"error": "the request is not a JSON object"}
    return handle(request)
