"""A small threaded HTTPS server: HTTP/1.1, keep-alive, handshake in the worker thread, chunked bodies understood."""

import socket
import ssl
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

LARGEST_BODY = 8 * 1024 * 1024
IDLE = 300.0


@dataclass(frozen=True, slots=True)
class Request:
    """What came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes out; status 0 closes the connection without a word."""

    status: int
    body: bytes = b""
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Iterator[bytes] | None = None
    """Instead of a body: parts, each sent as soon as it is there, until there are no more."""


class Application(Protocol):
    """Answers requests; called from many threads."""

    def __call__(self, request: Request) -> Answer:
        """One answer for one request."""
        ...


class Server(ThreadingHTTPServer):
    """One application on one address."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext, application: Application) -> None:
        """Binds at once; raises OSError if the address is taken."""
        self.context, self.application = context, application
        self.failures: list[Exception] = []
        """Mistakes of our own, for the tests."""
        super().__init__(address, _Handler)
        self._thread = threading.Thread(
            target=lambda: self.serve_forever(0.05), name=f"https:{address[1]}", daemon=True
        )

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the address."""
        self.shutdown()
        self.server_close()
        self._thread.join(timeout=5)

    def get_request(self) -> tuple[ssl.SSLSocket, object]:
        """Accept; the TLS handshake waits for the worker thread."""
        plain, address = self.socket.accept()
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.settimeout(IDLE)
        secure = self.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        return secure, address

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002  the library calls it so
        """A client that goes away or speaks no TLS is its own affair; a mistake of ours is kept."""
        error = sys.exc_info()[1]
        if isinstance(error, Exception) and not isinstance(error, OSError):
            self.failures.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()
        super().setup()

    def _serve(self) -> None:
        body = self._body()
        if body is None:
            self.send_error(413)
            return
        headers = {key.lower(): value for key, value in self.headers.items()}
        server = self.server
        if not isinstance(server, Server):
            raise TypeError("only a Server uses this handler")
        answer = server.application(Request(self.command, self.path, headers, body))
        if answer.status == 0:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for key, value in answer.headers.items():
            self.send_header(key, value)
        self.send_header("Content-Type", answer.kind)
        if answer.stream is not None:
            self._flow(answer.stream)
            return
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:  # the client asked for it; one that is not told would use the connection again
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _flow(self, stream: Iterator[bytes]) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in stream:
            self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _body(self) -> bytes | None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunks()
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(length) if 0 <= length <= LARGEST_BODY else None

    def _chunks(self) -> bytes | None:
        found = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            found += self.rfile.read(size)
            self.rfile.readline()
            if len(found) > LARGEST_BODY:
                return None
        self.rfile.readline()
        return found

    do_GET = do_POST = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815  names that the library calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is BaseHTTPRequestHandler's
        """Requests are not news."""
