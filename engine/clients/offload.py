"""Blocking library calls in bounded threads, each with a wall-clock deadline."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from engine.model.errors import Transient

T = TypeVar("T")


class Offload:
    """At most `threads` blocking calls at a time; a late one is abandoned, counted, and holds its thread until it ends.

    Library time-outs count per socket read, not per call, so the deadline is kept here, outside.
    """

    def __init__(self, name: str, threads: int) -> None:
        """`name` is shown in the threads' names and in errors."""
        self._name, self._threads = name, threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._stuck = 0
        self.abandoned = 0
        """Calls that were given up since the start."""

    async def call(self, work: Callable[[], T], *, deadline: float) -> T:
        """The result of `work`; its own errors pass through.

        Raises Transient when it takes longer than `deadline` seconds, or at once when every thread hangs in a call
        that was given up.
        """
        with self._lock:
            if self._stuck >= self._threads:
                msg = f"{self._name}: all {self._threads} worker threads hang in calls without an answer"
                raise Transient(msg, retry_after=deadline)
        future = self._pool.submit(work)
        try:
            async with asyncio.timeout(deadline):
                return await asyncio.wrap_future(_shielded(future))
        except TimeoutError as error:
            if not future.done():
                self._abandon(future)
            msg = f"{self._name}: no answer within {deadline:.0f} s"
            raise Transient(msg, retry_after=1.0) from error
        except asyncio.CancelledError:
            if not future.done():
                self._abandon(future)
            raise

    def _abandon(self, future: "Future[T]") -> None:
        if future.cancel():
            return
        with self._lock:
            self.abandoned += 1
            self._stuck += 1
        future.add_done_callback(self._freed)

    def _freed(self, _: "Future[T]") -> None:
        with self._lock:
            self._stuck -= 1

    def close(self) -> None:
        """Take no more work; running calls are not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _shielded(future: "Future[T]") -> "Future[T]":
    """A future that follows another and whose cancelling does not reach it."""
    follower: Future[T] = Future()

    def copy(done: "Future[T]") -> None:
        if not follower.set_running_or_notify_cancel() or done.cancelled():
            return
        error = done.exception()
        if error is not None:
            follower.set_exception(error)
        else:
            follower.set_result(done.result())

    future.add_done_callback(copy)
    return follower
