"""A hypervisor's management port: it accepts while the host can be reached, and is silent while it cannot."""

import contextlib
import socket
import threading

from toban.simulator.truth import Host

POLL = 0.02
FILLERS = 4
"""Connections that fill the queue of a listener that accepts nobody: what comes then is dropped without a word."""


class Port:
    """One TCP port of one host."""

    def __init__(self, host: Host, address: str) -> None:
        """Binds ADDRESS:PORT at once; raises OSError if it is taken."""
        self._host, self._stop = host, threading.Event()
        name, _, port = address.rpartition(":")
        self._to = (name, int(port))
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(self._to)
        self._listener.listen(0)
        self._listener.setblocking(False)
        self._fillers: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, name=f"hypervisor:{host.name}", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Give the port back."""
        self._stop.set()
        self._thread.join(timeout=5)
        self._let_go()
        self._listener.close()

    def _run(self) -> None:
        while not self._stop.wait(POLL):
            if self._host.reachable:
                self._let_go()
                with contextlib.suppress(BlockingIOError):  # nobody is waiting
                    while True:
                        self._listener.accept()[0].close()
            else:
                self._fill()

    def _fill(self) -> None:
        while len(self._fillers) < FILLERS:
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(self._to)
            self._fillers.append(one)

    def _let_go(self) -> None:
        while self._fillers:
            self._fillers.pop().close()
