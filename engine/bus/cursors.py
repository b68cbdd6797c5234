"""Where a collector keeps its position over restarts: one record by its name, one writer each."""

from engine.bus import subjects
from engine.bus.port import Bus, Record
from engine.model import ids


async def last(bus: Bus, name: str) -> Record | None:
    """What was kept last; raises Transient while the store is away."""
    return await bus.last(subjects.cursor(name))


async def keep(bus: Bus, name: str, body: bytes) -> None:
    """Store it; raises Transient if it could not be stored. The position is read just before."""
    subject = subjects.cursor(name)
    record = await bus.last(subject)
    expected = record.sequence if record is not None else 0
    nonce = ids.content_hash([subject, expected, body])
    await bus.append(subject, body, expected=expected, nonce=nonce)
