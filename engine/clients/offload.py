"""Blocking library calls in bounded threads, each with a wall-clock deadline."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from engine.model.errors import Transient

T = TypeVar("T")


class Offloaded(Protocol):
    """Runs a blocking call elsewhere."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]:
        """Its result."""
        ...


class Busy(Transient):
    """No thread was free in time: nobody was asked, and nothing is known."""


class Leave:
    """Leave to send one order: used by the thread that sends, or withdrawn by who waits no longer; never both.

    A thread that was given up goes on: without this it might send, minutes later, what nobody wants any more.
    """

    def __init__(self) -> None:
        """Neither yet."""
        self._lock = threading.Lock()
        self._used = self._withdrawn = False

    def use(self) -> None:
        """Call it right before the order leaves; raises Transient once it was withdrawn: nothing is sent then."""
        with self._lock:
            if self._withdrawn:
                msg = "nobody waited for this order any more; it was not sent"
                raise Transient(msg)
            self._used = True

    def give_back(self) -> None:
        """It is known by now that the order has not left after all."""
        with self._lock:
            self._used = False

    def withdraw(self) -> bool:
        """Whether the order has not left, and never will."""
        with self._lock:
            self._withdrawn = not self._used
            return self._withdrawn


class _Call(Generic[T]):
    """One call in a thread of its own; its outcome reaches the loop, or nobody when it was given up."""

    def __init__(self, work: Callable[[], T], name: str, ended: Callable[[], None]) -> None:
        self._work, self._ended = work, ended
        self._loop = asyncio.get_running_loop()
        self.outcome: asyncio.Future[T] = self._loop.create_future()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        try:
            result = self._work()
        except BaseException as error:  # noqa: BLE001  handed to the caller, whatever it is
            self._tell(None, error)
        else:
            self._tell(result, None)

    def _tell(self, result: T | None, error: BaseException | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._settle, result, error)

    def _settle(self, result: T | None, error: BaseException | None) -> None:
        self._ended()
        if self.outcome.done():
            return
        if error is not None:
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(result)  # type: ignore[arg-type]  # the work returned it


class Offload:
    """At most `threads` blocking calls at a time; a late one is given up, counted, and keeps its thread until it ends.

    Library time-outs count per socket read, not per call, so the deadline is kept here, outside. The threads are
    daemons: a call that hangs never keeps the process from ending.
    """

    def __init__(self, name: str, threads: int) -> None:
        """`name` is shown in the threads' names and in errors."""
        self._name, self._slots = name, asyncio.Semaphore(threads)
        self.abandoned = 0
        """Calls that were given up since the start."""

    async def call(self, work: Callable[[], T], *, deadline: float) -> T:
        """The result of `work`; its own errors pass through.

        Raises Transient when there is no result within `deadline` seconds, waiting for a free thread included; Busy
        if there was none.
        """
        call: _Call[T] | None = None
        try:
            async with asyncio.timeout(deadline):
                await self._slots.acquire()
                call = _Call(work, self._name, self._slots.release)
                return await asyncio.shield(call.outcome)
        except TimeoutError as error:
            if call is not None and call.outcome.done() and not call.outcome.cancelled():
                raise  # the work's own time-out
            self._give_up(call)
            if call is None:
                msg = f"{self._name}: no thread was free within {deadline:.0f} s; nobody was asked"
                raise Busy(msg) from error
            msg = f"{self._name}: no answer within {deadline:.0f} s"
            raise Transient(msg) from error
        except asyncio.CancelledError:
            self._give_up(call)
            raise

    def _give_up(self, call: _Call[T] | None) -> None:
        if call is not None and not call.outcome.done():
            self.abandoned += 1
            call.outcome.cancel()
