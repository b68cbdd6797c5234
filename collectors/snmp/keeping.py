"""Between the socket and the spool: a waiting room of bounded size, and the one task that writes."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import structlog

from collectors.snmp import spool
from collectors.snmp.counting import Tally
from engine.clock import Clock

log = structlog.get_logger()

BATCH = 4096
"""Records in one write: the slower the disk, the more wait and go together."""
PAUSE = 1.0
"""Seconds before a spool that is full or broken is tried again."""


class WaitingRoom:
    """Records on their way to disk, in the order in which they came."""

    def __init__(self, limit: int, clock: Clock, tally: Tally) -> None:
        """At most `limit` traps wait. The last quarter of it and the last eighth of the spool are for urgent ones."""
        self._limit, self._clock, self._tally = limit, clock, tally
        self._waiting: deque[spool.Record] = deque()
        self._wake = asyncio.Event()
        self._kept: spool.Spool | None = None
        self.stuck: str | None = None
        """Why nothing can be written now."""
        self.prepare: Callable[[], Callable[[], None]] = lambda: _nothing
        """Gives what the writing thread has to do before each write; an OSError of that stops the write."""

    def has_room(self, *, urgent: bool) -> bool:
        """Whether one more record may come in."""
        if urgent:
            return len(self._waiting) < self._limit
        crowded = self._kept is not None and self._kept.crowded
        return not crowded and len(self._waiting) < self._limit * 3 // 4

    def add(self, records: Iterable[spool.Record]) -> None:
        """Let them wait; whoever brings a trap asks `has_room` before."""
        self._waiting.extend(records)
        self._wake.set()

    async def keep(self, kept: spool.Spool, grown: Callable[[], None]) -> None:
        """Write until cancelled, and call `grown` after each batch."""
        self._kept = kept
        most = BATCH
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch = [self._waiting[at] for at in range(min(most, len(self._waiting)))]
                if await self._append(kept, batch):
                    for _ in batch:
                        self._waiting.popleft()
                    grown()
                    most = BATCH
                else:
                    most = max(1, len(batch) // 2)  # perhaps half of it fits

    def flush(self, kept: spool.Spool) -> None:
        """Write what still waits, at the end."""
        if not self._waiting:
            return
        try:
            _write(kept, self._waiting, self.prepare())
        except (spool.Full, OSError) as error:
            self._tally.add("backlog_lost", len(self._waiting))
            log.warning("trap.spool.lost", error=str(error), records=len(self._waiting))
        self._waiting.clear()

    async def _append(self, kept: spool.Spool, batch: Sequence[spool.Record]) -> bool:
        try:
            await asyncio.to_thread(_write, kept, batch, self.prepare())
        except (spool.Full, OSError) as error:
            log.warning("trap.spool.waits", error=str(error), waiting=len(self._waiting))
            self.stuck = f"traps cannot be kept on disk: {error}"[:256]
            await self._clock.sleep(PAUSE)
            return False
        self.stuck = None
        self._tally.add("spooled", len(batch))
        return True


def _write(kept: spool.Spool, batch: Iterable[spool.Record], first: Callable[[], None]) -> None:
    first()
    kept.append(batch)


def _nothing() -> None:
    return
