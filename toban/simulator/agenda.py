"""Agenda: what the datacenter will do later, on one thread that the datacenter owns."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime


def now() -> datetime:
    """The datacenter's own wall clock, UTC."""
    return datetime.now(UTC)


class Agenda:
    """Calls things later, one after another, in order of their time; a call that fails is kept, not swallowed."""

    def __init__(self) -> None:
        """Nothing runs before `start`."""
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._bell = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="agenda", daemon=True)
        self.failures: list[Exception] = []
        """What went wrong inside the datacenter itself; a test looks here."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call it once, `seconds` from now."""
        with self._bell:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._count), call))
            self._bell.notify()

    def close(self) -> None:
        """Stop; what is still due never happens."""
        with self._bell:
            self._closed = True
            self._bell.notify()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            call = self._next()
            if call is None:
                return
            try:
                call()
            except Exception as error:  # noqa: BLE001  kept and shown: one failed plan must not stop the datacenter
                self.failures.append(error)

    def _next(self) -> Callable[[], None] | None:
        with self._bell:
            while not self._closed:
                if not self._due:
                    self._bell.wait()
                elif (wait := self._due[0][0] - time.monotonic()) > 0:
                    self._bell.wait(wait)
                else:
                    return heapq.heappop(self._due)[2]
        return None
