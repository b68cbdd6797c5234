"""What was lost is told: counters become events, soon at first and less often while it goes on. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from engine.model.event import Event, Severity
from engine.model.ids import Kind, content_hash, object_id

TYPE = "trap.dropped"
SUBJECT = object_id(Kind.TOBAN, "traps")
FIRST = 5.0
"""Seconds between two events about one reason, doubled each time ..."""
LONGEST = 300.0
"""... up to this."""
QUIET = 600.0
"""Without a loss for so long, the next one is told at once again."""

OURS = frozenset({"kernel", "rate", "flood", "backlog", "bus", "count", "damaged-octets", "unreadable", "gap"})
"""Lost by us or on the way; the other reasons say what was wrong with the datagram."""


@dataclass(slots=True)
class _Told:
    """What was told of one reason."""

    total: int = 0
    at: float | None = None
    pause: float = FIRST
    since: datetime | None = None


class Losses:
    """Remembers what was told of each reason; the reasons are few and fixed."""

    def __init__(self, source: str) -> None:
        """Names the collector in the events."""
        self._source = source
        self._told: dict[str, _Told] = {}

    def due(self, totals: Mapping[str, int], at: float, now: datetime, *, every: bool = False) -> tuple[Event, ...]:
        """An event for each reason whose total grew and whose turn it is; a call that was made counts as told.

        `at` is in seconds of a clock that never steps back. `every`: whoever's turn it is.
        """
        found = []
        for reason, total in sorted(totals.items()):
            told = self._told.setdefault(reason, _Told())
            if total <= told.total:
                continue
            told.since = told.since or now
            if every or told.at is None or at - told.at >= told.pause:
                found.append(self._event(reason, total, told, now))
                quiet = told.at is None or at - told.at >= QUIET
                told.pause = FIRST if quiet else min(LONGEST, 2 * told.pause)
                told.total, told.at, told.since = total, at, None
        return tuple(found)

    def _event(self, reason: str, total: int, told: _Told, now: datetime) -> Event:
        since, count = told.since or now, total - told.total
        return Event(
            id=content_hash((TYPE, self._source, reason, count, total, since, now)),
            type=TYPE,
            source=self._source,
            subject=SUBJECT,
            time=now,
            severity=Severity.CRITICAL if reason in OURS else Severity.WARNING,
            data={"reason": reason, "count": count, "total": total, "since": since.isoformat()},
        )
