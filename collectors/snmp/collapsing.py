"""Storms at the edge: what is said again and again becomes one event at once and one with a count later. Pure.

A dying chassis says the same thing a thousand times a second. The first time is told at once; the same again within a
minute is counted, and the count is told when the minute is over. Whatever changes the state of a condition is told and
never counted away: the failure after a recovery, the recovery after a failure. So the last state that was told is
always the last state that was heard. Bounded; the clock that never steps back decides, the other one is only shown.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

WINDOW = 61.0
"""Seconds until the same thing is told again; one more than the delivery remembers (`mapping.WINDOW_CONTENT`)."""
OCCURRENCES = 100
"""Where the sender numbers its traps, so many of the same content are told: no policy counts further."""
DIFFERENT = 100
"""So many contents of one condition in one state are told: a reading that changes with every trap is a storm too."""
LIMIT = 16_384
"""Contents and conditions remembered; the oldest go first, and their counts are told then."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a trap says, whenever it says it."""

    content: str
    """Equal for the same thing said again, whatever its running number and clocks."""
    condition: str
    """Equal for everything that is said about the same part."""
    state: str
    """The event type."""
    subject: str
    sender: str
    key: str
    """The trap's OID."""
    numbered: bool = False
    """Its sender gives each occurrence a number of its own."""
    recovery: bool = False
    """It ends a condition."""
    urgent: bool = False
    """Critical, fatal or a recovery: the last to be dropped."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """How often something was said again without being told each time."""

    said: Said
    count: int
    first_at: datetime
    last_at: datetime


@dataclass(slots=True)
class _Entry:
    """What is remembered of a content, or of a condition as a whole."""

    said: Said
    since: float
    told: int = 0
    count: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None


class Collapsing:
    """Remembers what was told and counts what was said again."""

    def __init__(self) -> None:
        """Nothing was said."""
        self._contents: OrderedDict[str, _Entry] = OrderedDict()
        self._conditions: OrderedDict[str, _Entry] = OrderedDict()
        self._ended: list[Repeated] = []
        self.uncounted = 0
        """Repetitions whose count found no room any more."""

    def counted(self, said: Said, at: float, now: datetime) -> bool:
        """Whether this is said again and was counted; if not it must be told, and `told` called once that is certain.

        `at` is in seconds of a clock that never steps back, `now` the time of receipt.
        """
        condition = self._conditions.get(said.condition)
        if condition is None or condition.said.state != said.state:
            return False
        entry = self._contents.get(said.content)
        if entry is None or at - entry.since >= WINDOW:
            if said.recovery or condition.told < DIFFERENT or at - condition.since >= WINDOW:
                return False
            entry = condition
        elif said.numbered and (said.recovery or entry.told < OCCURRENCES):
            return False
        entry.count += 1
        entry.first_at = entry.first_at or now
        entry.last_at = now
        return True

    def told(self, said: Said, at: float) -> None:
        """Remember that it is on its way to become an event."""
        condition = self._conditions.get(said.condition)
        if condition is None or condition.said.state != said.state:
            self._end(condition)
            condition = self._put(self._conditions, said.condition, _Entry(said, at))
        _tell(condition, at)
        entry = self._contents.get(said.content)
        if entry is None or entry.said.condition != said.condition:
            self._end(entry)
            entry = self._put(self._contents, said.content, _Entry(said, at))
        _tell(entry, at)

    def due(self, at: float, *, every: bool = False) -> tuple[Repeated, ...]:
        """What was counted and is to be told now: its minute is over. `every`: all there is, for the last hour."""
        for key in [key for key, one in self._contents.items() if every or at - one.since >= WINDOW]:
            self._end(self._contents.pop(key))
        for one in self._conditions.values():
            if every or at - one.since >= WINDOW:
                self._end(one)
        ended, self._ended = tuple(self._ended), []
        return ended

    def _put(self, table: OrderedDict[str, _Entry], key: str, entry: _Entry) -> _Entry:
        table[key] = entry
        table.move_to_end(key)
        if len(table) > LIMIT:
            self._end(table.popitem(last=False)[1])
        return entry

    def _end(self, entry: _Entry | None) -> None:
        for one in _repeated(entry):
            if len(self._ended) < LIMIT:
                self._ended.append(one)
            else:
                self.uncounted += one.count


def _tell(entry: _Entry, at: float) -> None:
    if at - entry.since >= WINDOW:
        entry.since, entry.told = at, 0
    entry.told += 1


def _repeated(entry: _Entry | None) -> Iterator[Repeated]:
    if entry is not None and entry.count and entry.first_at is not None and entry.last_at is not None:
        yield Repeated(entry.said, entry.count, entry.first_at, entry.last_at)
        entry.count, entry.first_at, entry.last_at = 0, None, None
