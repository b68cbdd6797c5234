"""What a pattern holds for one object at a moment, as frozen values: for people who ask why, or why not."""

from dataclasses import dataclass
from datetime import datetime

from engine.model.event import Event


@dataclass(frozen=True, slots=True)
class Pending:
    """One alternative of a policy that has something open for an object."""

    alternative: int
    events: tuple[tuple[Event, datetime], ...]
    """What is there, and when it was stored; empty once several events have matched together."""
    matched: bool
    due: datetime | None = None
    """When it becomes a match if nothing more comes."""
    lapses: datetime | None = None
    """When the oldest of its events counts no longer."""
    wanted: tuple[str, ...] = ()
    """What still has to come."""
    ends: tuple[str, ...] = ()
    """Types that end it."""
    have: int = 0
    """For a count: how many of `need` are there."""
    need: int = 0
