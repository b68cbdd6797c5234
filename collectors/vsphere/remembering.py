"""What a vCenter collector remembers across restarts: its event cursor, told alarms, the inventory published last."""

from datetime import timedelta
from typing import Protocol

from engine.bus import codec, cursors, subjects
from engine.bus.port import Bus, Record
from engine.clock import Clock
from engine.model.errors import Permanent
from engine.model.event import Event

REMEMBERED = timedelta(minutes=45)
"""Of the hour for which the broker knows an id again, what may be relied on."""
MARGIN = timedelta(minutes=1)


class Memory(Protocol):
    """Durable memory."""

    async def load(self) -> bytes | None:
        """The cursor, or None at the first start ever."""
        ...

    async def save(self, cursor: bytes) -> None:
        """Store the cursor; raises Transient if it could not be stored."""
        ...

    async def known(self) -> list[Event]:
        """The last inventory event about every object of this source."""
        ...

    async def told_since(self) -> frozenset[str]:
        """Ids of this source's events stored after the cursor was, where the store may have forgotten them by now."""
        ...

    async def alarms(self) -> bytes | None:
        """What was told of alarms, or None where that was never saved."""
        ...

    async def save_alarms(self, body: bytes) -> None:
        """Store what was told of alarms; raises Transient if it could not be stored."""
        ...

    async def told_alarms(self) -> list[Event]:
        """Every event about an alarm of this source that the log still holds, oldest first."""
        ...


class BusMemory:
    """Memory in the broker."""

    def __init__(self, bus: Bus, source: str, clock: Clock) -> None:
        """`source` names the collector instance."""
        self._bus, self._source, self._clock = bus, source, clock
        self._alarms = f"{source}/alarms"

    async def load(self) -> bytes | None:
        """The cursor."""
        return _body(await cursors.last(self._bus, self._source))

    async def save(self, cursor: bytes) -> None:
        """One writer per source."""
        await cursors.keep(self._bus, self._source, cursor)

    async def alarms(self) -> bytes | None:
        """Beside the cursor."""
        return _body(await cursors.last(self._bus, self._alarms))

    async def save_alarms(self, body: bytes) -> None:
        """One writer per source."""
        await cursors.keep(self._bus, self._alarms, body)

    async def told_alarms(self) -> list[Event]:
        """A reading of the whole log: only where nothing was saved."""
        found: list[Event] = []
        async for record in self._bus.replay(subjects.ALL_EVENTS):
            try:
                event = codec.decode(record).event
            except Permanent:
                continue
            if event.source == self._source and "alarm" in event.data and "to" in event.data:
                found.append(event)
        return found

    async def known(self) -> list[Event]:
        """Objects that were not removed yet."""
        found: list[Event] = []
        async for record in self._bus.replay(subjects.ALL_INVENTORY, last_per_subject=True):
            try:
                event = codec.decode(record).event
            except Permanent:
                continue
            if event.source == self._source and event.data.get("removed") is not True:
                found.append(event)
        return found

    async def told_since(self) -> frozenset[str]:
        """The broker knows an id again for an hour; after a longer pause its records are read."""
        record = await cursors.last(self._bus, self._source)
        if record is None or self._clock.now() - record.stored_at < REMEMBERED:
            return frozenset()
        found: set[str] = set()
        async for one in self._bus.replay(subjects.ALL_EVENTS, since=record.stored_at - MARGIN):
            try:
                event = codec.decode(one).event
            except Permanent:
                continue
            if event.source == self._source:
                found.add(event.id)
        return frozenset(found)


def _body(record: Record | None) -> bytes | None:
    return record.body if record is not None else None
