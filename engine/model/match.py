"""Match: a policy's pattern holds for one object. Ended: it holds no longer."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from engine.model.event import Event


@dataclass(frozen=True, slots=True)
class Match:
    """A pattern held for as long as its policy asks."""

    id: str
    """Hash of policy name, key and the id of the opening event: a redelivery is the same match, a new fault is not."""
    policy: str
    key: str
    """Object id that the pattern's `by` gave, e.g. `host:esx1`."""
    opened_at: datetime
    """When the opening event was stored."""
    at: datetime
    """When the pattern was fulfilled (opening + hold), by the engine's clock."""
    late_by: float
    """Seconds between `at` and the moment it could be noticed; more than a few only after an outage."""
    events: tuple[Event, ...]
    """The events that fulfil it, opening event first."""
    stays: bool = True
    """Whether it stays open until something ends it; otherwise it is over as soon as it has happened."""
    values: dict[str, str | int | float | bool] = field(default_factory=dict)
    """For a metric: the value, its boundary."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The condition of an earlier match, or of one that was still being held, is over."""

    id: str
    policy: str
    key: str
    at: datetime
    by: Event | None
    """The recovery event; None if it simply lapsed."""


Finding: TypeAlias = Match | Ended
