"""Patterns: what a policy waits for. Each keeps one state per object (`by`); the reference evaluator defines them."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from engine.model.durations import Duration, Span
from engine.model.scalars import Number, Whole


class Part(BaseModel):
    """A piece of a policy file: frozen, and nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Selection(Part):
    """One event that fits."""

    event: str
    """A type of the catalogue, or `storage.*` for every condition and fact below `storage`."""
    condition: str | None = Field(default=None, alias="if")
    """A condition over the event."""


class _Grouped(Part):
    by: str = "subject"
    """What one state is kept per: `subject`, `host`, `machine`, `vm`, `chassis`, `group`."""


class EventPattern(Selection, _Grouped):
    """One event; with `for` it must hold that long without its recovery or `until`."""

    hold: Duration | None = Field(default=None, alias="for")
    """It must hold this long; its recovery pair, or `until`, ends it before."""
    until: str | None = None
    """The type that ends it, instead of its recovery pair."""


class MetricPattern(_Grouped):
    """A number that stays above or below its boundary for a while, until it is back past `clear`."""

    metric: str
    """`<event type>.<field>`, e.g. `host.load.cpu_percent`."""
    above: Number | None = None
    """It matches strictly above this; give exactly one of `above` and `below`."""
    below: Number | None = None
    """It matches strictly below this."""
    hold: Duration = Field(alias="for")
    """Every sample of this time must be past the boundary."""
    clear: Number | None = None
    """Once matched, it stays open until the value is past this, back on the good side; absent: the boundary."""

    @model_validator(mode="after")
    def _one_boundary(self) -> "MetricPattern":
        if (self.above is None) == (self.below is None):
            msg = "give exactly one of above and below"
            raise ValueError(msg)
        boundary = self.above if self.above is not None else self.below
        clear = self.clear if self.clear is not None else boundary
        if boundary is None or clear is None or (self.above is not None and clear > boundary):
            msg = "clear must not lie above the boundary"
            raise ValueError(msg)
        if self.below is not None and clear < boundary:
            msg = "clear must not lie below the boundary"
            raise ValueError(msg)
        return self


class _Several(_Grouped):
    within: Span
    """All of it in less than this time."""
    same: tuple[str, ...] = ()
    """Fields of the events that must be equal in all of them, beside `by`."""
    until: str | None = None
    """A type that ends it, or what was gathered so far."""


class AllPattern(_Several):
    """Several events in any order; a part is forgotten after `within`, or when its recovery comes."""

    parts: tuple[Selection, ...] = Field(alias="all", min_length=2, max_length=8)
    """Two to eight events, in any order."""


class SequencePattern(_Several):
    """Several events in this order; others may come between them."""

    parts: tuple[Selection, ...] = Field(alias="sequence", min_length=2, max_length=8)
    """Two to eight events, in this order."""


class CountPattern(Selection, _Several):
    """So many fitting events in a sliding window; after a match the counting begins anew."""

    count: Whole = Field(ge=2, le=100)
    """So many of them."""
    distinct: str | None = None
    """Count different values of this field (`subject`, or a field of the event) instead of events."""


class AbsencePattern(Selection, _Grouped):
    """An event that is not followed by another one in time."""

    absent: Selection
    """What should have come."""
    within: Span
    """In this time, counted from the event."""


class MissingPattern(_Grouped):
    """A heartbeat that stays away: counted from the last one, so it must have been heard once."""

    missing: str
    """The type of the heartbeat."""
    condition: str | None = Field(default=None, alias="if")
    """A condition over the heartbeat; one that does not fit is not heard."""
    hold: Span = Field(alias="for")
    """It must stay away this long."""


class SchedulePattern(Part):
    """A time of day: five cron fields in a time zone. A time that a change to summer time skips comes at the change."""

    schedule: str
    """Minute, hour, day of the month, month, day of the week, as crontab has them."""
    timezone: str = "UTC"
    """A name of the time zone database, such as `Asia/Tokyo`."""
    about: str = "toban:schedule"
    """The object that it is decided for, e.g. `group:esx`."""

    @property
    def by(self) -> str:
        """The event's own subject."""
        return "subject"


def _kind(value: object) -> str:
    """Which pattern is meant; the mark tells the tag from a field where pydantic says the place of an error."""
    if isinstance(value, Mapping):
        for word in ("any", "all", "sequence", "schedule", "missing", "metric", "count", "absent"):
            if word in value:
                return f"~{word}"
    return f"~{_KINDS.get(type(value), 'event')}"


Atom: TypeAlias = Annotated[
    Annotated[EventPattern, Tag("~event")]
    | Annotated[MetricPattern, Tag("~metric")]
    | Annotated[AllPattern, Tag("~all")]
    | Annotated[SequencePattern, Tag("~sequence")]
    | Annotated[CountPattern, Tag("~count")]
    | Annotated[AbsencePattern, Tag("~absent")]
    | Annotated[MissingPattern, Tag("~missing")]
    | Annotated[SchedulePattern, Tag("~schedule")],
    Discriminator(_kind),
]
"""A pattern that is not made of others."""


class AnyPattern(_Grouped):
    """The first of several patterns; while one of them holds for an object, the others are the same trouble."""

    alternatives: tuple[Atom, ...] = Field(alias="any", min_length=2, max_length=16)
    """Two to sixteen patterns; `by` stands beside `any` for all of them."""

    @model_validator(mode="before")
    @classmethod
    def _share_by(cls, value: object) -> object:
        if not isinstance(value, Mapping) or not isinstance(value.get("any"), list):
            return value
        by = value.get("by", "subject")
        shared = []
        for one in value["any"]:
            if isinstance(one, Mapping) and one.get("by", by) != by:
                msg = f"the alternatives are told apart per object: all are `by: {by}`, written beside `any`"
                raise ValueError(msg)
            shared.append({**one, "by": by} if isinstance(one, Mapping) and "schedule" not in one else one)
        return {**value, "any": shared}


_KINDS: dict[type, Literal["any", "all", "sequence", "schedule", "missing", "metric", "count", "absent"]] = {
    AnyPattern: "any",
    AllPattern: "all",
    SequencePattern: "sequence",
    SchedulePattern: "schedule",
    MissingPattern: "missing",
    MetricPattern: "metric",
    CountPattern: "count",
    AbsencePattern: "absent",
}

Pattern: TypeAlias = Annotated[
    Annotated[EventPattern, Tag("~event")]
    | Annotated[MetricPattern, Tag("~metric")]
    | Annotated[AllPattern, Tag("~all")]
    | Annotated[SequencePattern, Tag("~sequence")]
    | Annotated[CountPattern, Tag("~count")]
    | Annotated[AbsencePattern, Tag("~absent")]
    | Annotated[MissingPattern, Tag("~missing")]
    | Annotated[SchedulePattern, Tag("~schedule")]
    | Annotated[AnyPattern, Tag("~any")],
    Discriminator(_kind),
]
"""What stands under `when`."""


def alternatives(pattern: Pattern) -> tuple[Atom, ...]:
    """The patterns of which any one is enough; a plain pattern is its own only one."""
    return pattern.alternatives if isinstance(pattern, AnyPattern) else (pattern,)


def least_time(pattern: Pattern) -> float:
    """Seconds that must at least pass between the first event and a match; 0 where nothing has to hold."""
    if isinstance(pattern, AnyPattern):
        return min(least_time(one) for one in pattern.alternatives)
    if isinstance(pattern, EventPattern | MetricPattern | MissingPattern):
        return pattern.hold or 0.0
    return pattern.within if isinstance(pattern, AbsencePattern) else 0.0


def reach(pattern: Pattern) -> float:
    """Seconds of the past that a pattern may rest on before it matches."""
    if isinstance(pattern, AnyPattern):
        return max(reach(one) for one in pattern.alternatives)
    if isinstance(pattern, EventPattern | MetricPattern | MissingPattern):
        return pattern.hold or 0.0
    return 0.0 if isinstance(pattern, SchedulePattern) else pattern.within
