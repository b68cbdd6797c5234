"""How far a vCenter's events were published: the newest key, and the keys below it that nobody has seen yet. Pure.

Keys are int32, count per vCenter and wrap around. They are dense as far as is known; where they are not, what is
missing is looked for and then given up, and nothing else depends on it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from engine.clients.vsphere_events import VcenterEvent

OVERLAP = timedelta(minutes=10)
"""How far before the cursor a catch-up reads: events come late and unordered."""
WRAP = 2**32
MOST_GAPS = 64
"""Stretches of missing keys that are remembered; of more the oldest is given up."""


class Gap(BaseModel):
    """Keys that were not seen, the first and the last of a stretch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: int
    last: int
    before: datetime
    """When the event above it happened, by vCenter's clock: what is missing happened about then."""

    def holds(self, key: int) -> bool:
        """Whether this key lies in it."""
        return (key - self.first) % WRAP <= (self.last - self.first) % WRAP

    @property
    def size(self) -> int:
        """Keys in it."""
        return (self.last - self.first) % WRAP + 1


class Cursor(BaseModel):
    """Everything up to `key` was published, except what lies in `gaps`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    instance: str
    """about.instanceUuid of the vCenter."""
    key: int
    created: datetime
    """Of the event with this key."""
    gaps: tuple[Gap, ...] = Field(default=(), max_length=MOST_GAPS)


def just_before(event: VcenterEvent, instance: str) -> Cursor:
    """The cursor for which this event is the next one."""
    return Cursor(instance=instance, key=_int32(event.key - 1), created=event.created)


def is_newer(key: int, than: int) -> bool:
    """Keys are int32 and wrap around (RFC 1982 serial number arithmetic, 32 bits)."""
    return 0 < ((key - than) % WRAP) < WRAP // 2


def wanted(events: Iterable[VcenterEvent], cursor: Cursor) -> list[VcenterEvent]:
    """What was not published yet, oldest first, each once."""
    once = {
        event.key: event
        for event in events
        if is_newer(event.key, cursor.key) or any(gap.holds(event.key) for gap in cursor.gaps)
    }
    half = WRAP // 2
    return sorted(once.values(), key=lambda event: (event.key - cursor.key + half) % WRAP)


def moved(cursor: Cursor, event: VcenterEvent) -> Cursor:
    """The cursor after this event was published."""
    if not is_newer(event.key, cursor.key):
        return cursor.model_copy(
            update={"gaps": tuple(part for gap in cursor.gaps for part in _without(gap, event.key))}
        )
    gaps = cursor.gaps
    if (event.key - cursor.key) % WRAP > 1:
        gap = Gap(first=_int32(cursor.key + 1), last=_int32(event.key - 1), before=event.created)
        gaps = (*gaps, gap)[-MOST_GAPS:]
    return Cursor(instance=cursor.instance, key=event.key, created=event.created, gaps=gaps)


def first_hole(events: Sequence[VcenterEvent], cursor: Cursor) -> datetime | None:
    """When the first event after a hole happened, if publishing these in order would leave a new hole."""
    key = cursor.key
    for event in events:
        if not is_newer(event.key, key):
            continue
        if (event.key - key) % WRAP > 1:
            return event.created
        key = event.key
    return None


def given_up(cursor: Cursor) -> tuple[Cursor, int]:
    """Without the gaps that are too old to be filled, and how many keys these were."""
    old = [gap for gap in cursor.gaps if gap.before < cursor.created - OVERLAP]
    if not old:
        return cursor, 0
    kept = tuple(gap for gap in cursor.gaps if gap not in old)
    return cursor.model_copy(update={"gaps": kept}), sum(gap.size for gap in old)


def _without(gap: Gap, key: int) -> tuple[Gap, ...]:
    if not gap.holds(key):
        return (gap,)
    parts = []
    if key != gap.first:
        parts.append(gap.model_copy(update={"last": _int32(key - 1)}))
    if key != gap.last:
        parts.append(gap.model_copy(update={"first": _int32(key + 1)}))
    return tuple(parts)


def _int32(key: int) -> int:
    return (key + WRAP // 2) % WRAP - WRAP // 2
