"""Virtual time for a whole event loop: it never waits, it jumps to whatever is due next."""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")
START = datetime(2026, 11, 25, 2, tzinfo=UTC)


class _Jumping(selectors.SelectSelector):
    """A selector that passes time instead of waiting for it."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout:
            self.passed += timeout
        if not ready and timeout is None:
            msg = "nothing is due and nobody can wake this loop: it would wait for ever"
            raise RuntimeError(msg)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Timers fire in order, at once. No threads and no sockets: nothing from outside can happen here."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.passed


class LoopClock:
    """The clock of the loop that runs."""

    def now(self) -> datetime:
        return START + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run it in virtual time to its end."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
