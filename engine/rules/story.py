"""What the reference evaluator works on: one alternative of a policy over the history of one key."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from engine.model.catalogue import Catalogue
from engine.model.event import Arrival, Event
from engine.model.pattern import Selection
from engine.rules import compiling, evaluating, projecting
from engine.rules.facts import Key
from engine.rules.literals import Unusable


@dataclass(frozen=True, slots=True)
class Line:
    """A finding in the order of its making: timers before the event of the same moment, then by alternative."""

    at: datetime
    index: float
    alternative: int
    what: str
    events: tuple[Event, ...]
    key: Key

    @property
    def order(self) -> tuple[datetime, float, int]:
        """What a list of lines is sorted by."""
        return self.at, self.index, self.alternative


@dataclass(frozen=True, slots=True)
class Story:
    """One alternative of a policy over the history of one key."""

    policy: str
    catalogue: Catalogue
    number: int
    key: Key
    history: tuple[tuple[float, Arrival], ...]
    until: datetime

    def line(self, at: datetime, index: float, what: str, events: Iterable[Event]) -> Line:
        """A finding of this story."""
        return Line(at, index, self.number, what, tuple(events), self.key)

    def fits(self, part: Selection, event: Event) -> bool:
        """Whether an event is one that a pattern waits for."""
        if event.type not in compiling.types_of(part.event, self.catalogue):
            return False
        try:
            return part.condition is None or evaluating.evaluate(
                part.condition, projecting.values(event, self.catalogue)
            )
        except Unusable:
            return False
