"""Ports that answer, refuse or stay silent; all on loopback, whose whole 127.0.0.0/8 is this machine."""

import socket
from contextlib import contextmanager


@contextmanager
def answering():
    """A port that accepts; on every address of loopback."""
    with socket.create_server(("0.0.0.0", 0), backlog=4096) as server:  # noqa: S104
        yield server.getsockname()[1]


@contextmanager
def silent():
    """A port that drops every connection request: the queue of a listener that nobody empties is full."""
    with socket.socket() as server:
        server.bind(("0.0.0.0", 0))  # noqa: S104
        server.listen(0)
        port, waiting = server.getsockname()[1], []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
            waiting.append(one)
        try:
            yield port
        finally:
            for one in waiting:
                one.close()


def refusing() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
