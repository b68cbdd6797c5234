"""What a vCenter collector remembers across restarts: its event cursor, and the inventory it published last."""

from typing import Protocol

from engine.bus import codec, subjects
from engine.bus.port import Bus
from engine.model import ids
from engine.model.errors import Permanent
from engine.model.event import Event


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


class BusMemory:
    """Memory in the broker."""

    def __init__(self, bus: Bus, source: str) -> None:
        """`source` names the collector instance."""
        self._bus, self._source, self._subject = bus, source, subjects.cursor(source)

    async def load(self) -> bytes | None:
        """The cursor."""
        record = await self._bus.last(self._subject)
        return record.body if record is not None else None

    async def save(self, cursor: bytes) -> None:
        """One writer per source: the position is read just before."""
        record = await self._bus.last(self._subject)
        expected = record.sequence if record is not None else 0
        nonce = ids.content_hash([self._subject, expected, cursor])
        await self._bus.append(self._subject, cursor, expected=expected, nonce=nonce)

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
