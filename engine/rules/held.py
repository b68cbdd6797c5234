"""Patterns of one event that holds: `event`, `metric`, `absent`, `schedule` and the heartbeat `missing`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine.model.event import Event
from engine.model.match import Ended, Finding, Match
from engine.model.pattern import AbsencePattern, MetricPattern, MissingPattern, SchedulePattern, least_time
from engine.rules import sanitising
from engine.rules.facts import Key
from engine.rules.pending import Pending
from engine.rules.port import Fact, Scalar
from engine.rules.watching import Desk, States, match_id


@dataclass(slots=True)
class _Open:
    """One key whose condition is open."""

    fact: Fact | None
    """What stands for it in the core until it has matched."""
    event: Event
    at: datetime
    match: str
    token: int = 0
    matched: bool = False


class Held:
    """The first fitting event opens; `for` seconds later it is a match, unless it was ended before."""

    def __init__(self, desk: Desk) -> None:
        """Nothing is open."""
        self.compiled, self._desk = desk.compiled, desk
        self._hold = least_time(desk.compiled.pattern)
        self._gauge = gauge(desk.compiled.pattern)
        self._open: States[_Open] = States(desk)

    def take(self, key: Key, event: Event, at: datetime) -> list[Finding]:
        """See the port."""
        state = self._open.get(key)
        if state is not None:
            return [self._close(key, state, at, event)] if self._ends(key, state, event) else []
        return self._opening(key, event, at) if event.type in self.compiled.chosen[0].types else []

    def ripen(self, key: Key, token: int, now: datetime) -> list[Finding]:
        """See the port."""
        state = self._open.get(key)
        if state is None or state.token != token or state.fact is None or not self._desk.is_due(key, state.fact):
            return []
        return [self._matched(key, state, state.at + timedelta(seconds=self._hold), now)]

    def objects(self) -> Iterator[str]:
        """See the port."""
        return iter(self._open)

    def since(self) -> datetime | None:
        """See the port."""
        return min((state.at for state in self._open.values()), default=None)

    def pending(self, name: str) -> tuple[Pending, ...]:
        """See the port."""
        ends = self.compiled.chosen[1].types if len(self.compiled.chosen) > 1 else self.compiled.closes
        return tuple(
            Pending(
                self.compiled.number,
                ((state.event, state.at),),
                state.matched,
                due=None if state.matched else state.at + timedelta(seconds=self._hold),
                ends=tuple(sorted(ends)),
            )
            for state in self._open.of(name)
        )

    def _opening(self, key: Key, event: Event, at: datetime) -> list[Finding]:
        if self._gauge is not None and not self._gauge.is_beyond(event):
            return []  # a sample that changes nothing does not become a fact
        fact, fired = self._desk.put(key, "open", event)
        if "opened" not in fired:
            self._desk.facts.retract([fact])
            return []
        state = _Open(fact, event, at, match_id(self.compiled.policy, key, [event]))
        found: list[Finding] = []
        dropped = self._open.put(key, state)
        if dropped is not None:
            self._retract(dropped[1])
            found.append(self._desk.ended(dropped[1].match, dropped[0], at, None))
        if self._hold > 0:
            state.token = self._desk.timer(key, at, self._hold)
            return found
        return [*found, self._matched(key, state, at, at)]

    def _matched(self, key: Key, state: _Open, due: datetime, now: datetime) -> Match:
        state.matched = True
        self._retract(state)  # what has matched only waits for its end: the core need not remember it
        pattern = self.compiled.pattern
        if isinstance(pattern, SchedulePattern):  # how late it is counts from the slot, not from its storing
            due = min(due, state.event.time)
        match = self._desk.match(key, (state.event,), state.at, due, now)
        if not (self.compiled.closes or isinstance(pattern, MetricPattern | AbsencePattern)):
            self._forget(key, state)
        return replace(match, values=self._gauge.values(state.event)) if self._gauge is not None else match

    def _ends(self, key: Key, state: _Open, event: Event) -> bool:
        pattern = self.compiled.pattern
        if self._gauge is not None:
            return self._gauge.is_over(event, matched=state.matched)
        if isinstance(pattern, AbsencePattern):
            answers = event.type in self.compiled.chosen[1].types
            return answers and "answered" in self._desk.ask(key, "event", event)
        return event.type in self.compiled.closes

    def _close(self, key: Key, state: _Open, at: datetime, by: Event | None) -> Ended:
        self._forget(key, state)
        return self._desk.ended(state.match, key, at, by)

    def _forget(self, key: Key, state: _Open) -> None:
        self._open.pop(key)
        self._retract(state)

    def _retract(self, state: _Open) -> None:
        if state.fact is not None:
            self._desk.facts.retract([state.fact])
            state.fact = None


@dataclass(slots=True)
class _Beating:
    """One heart."""

    event: Event
    at: datetime
    armed: datetime
    """When its timer is due: later heartbeats do not move it, it finds them out and is set anew."""
    token: int = 0
    match: str | None = None


class Missing:
    """Each heartbeat begins the time anew; when it is over, it is a match until the next heartbeat."""

    def __init__(self, desk: Desk) -> None:
        """Nobody was heard yet."""
        self.compiled, self._desk = desk.compiled, desk
        self._hold = least_time(desk.compiled.pattern)
        self._asks = isinstance(desk.compiled.pattern, MissingPattern) and desk.compiled.pattern.condition is not None
        self._hearts: States[_Beating] = States(desk)

    def take(self, key: Key, event: Event, at: datetime) -> list[Finding]:
        """See the port."""
        if self._asks and "opened" not in self._desk.ask(key, "open", event):
            return []
        state = self._hearts.get(key)
        if state is not None and state.match is None:  # the timer that is set finds out by itself
            state.event, state.at = event, at
            return []
        new = _Beating(event, at, at + timedelta(seconds=self._hold))
        dropped = self._hearts.put(key, new)
        new.token = self._desk.timer(key, at, self._hold)
        over: list[tuple[Key, str | None, Event | None]] = [(key, state.match, event)] if state is not None else []
        over += [(dropped[0], dropped[1].match, None)] if dropped is not None else []
        return [self._desk.ended(match, who, at, by) for who, match, by in over if match is not None]

    def ripen(self, key: Key, token: int, now: datetime) -> list[Finding]:
        """See the port."""
        state = self._hearts.get(key)
        if state is None or state.token != token or state.match is not None:
            return []
        due = state.at + timedelta(seconds=self._hold)
        if due > state.armed:
            state.armed = due
            state.token = self._desk.timer(key, state.at, self._hold)
            return []
        fact, _ = self._desk.put(key, "open", state.event)
        silent = self._desk.is_due(key, fact)
        self._desk.facts.retract([fact])
        if not silent:
            return []
        match = self._desk.match(key, (state.event,), state.at, due, now)
        state.match = match.id
        return [match]

    def objects(self) -> Iterator[str]:
        """See the port."""
        return iter(self._hearts)

    def since(self) -> datetime | None:
        """See the port."""
        return min((state.at for state in self._hearts.values()), default=None)

    def pending(self, name: str) -> tuple[Pending, ...]:
        """See the port."""
        return tuple(
            Pending(
                self.compiled.number,
                ((state.event, state.at),),
                state.match is not None,
                due=None if state.match is not None else state.at + timedelta(seconds=self._hold),
                ends=tuple(sorted(self.compiled.chosen[0].types)),
            )
            for state in self._hearts.of(name)
        )


@dataclass(frozen=True, slots=True)
class Gauge:
    """A metric pattern, made ready to be read."""

    field: str
    sign: float
    """1 for above, -1 for below."""
    boundary: float
    clear: float

    def read(self, event: Event) -> Scalar | None:
        """The number in this sample as the core sees it; None where it has none."""
        value = event.data.get(self.field)
        return None if isinstance(value, bool) or not isinstance(value, int | float) else sanitising.safe(value)

    def is_beyond(self, event: Event) -> bool:
        """Whether this sample lies strictly past the boundary."""
        value = self.read(event)
        return value is not None and self.sign * float(value) > self.sign * self.boundary

    def is_over(self, event: Event, *, matched: bool) -> bool:
        """Whether this sample ends it: before the match at the boundary, after it past `clear`."""
        value = self.read(event)
        if value is None:
            return False
        own = self.sign * float(value)
        return own < self.sign * self.clear if matched else own <= self.sign * self.boundary

    def values(self, event: Event) -> dict[str, Scalar]:
        """What a policy's condition may read about it."""
        value = self.read(event)
        marks: dict[str, Scalar] = {"metric.boundary": self.boundary, "metric.clear": self.clear}
        return marks if value is None else {**marks, "metric.value": value}


def gauge(pattern: object) -> Gauge | None:
    """The gauge of a metric pattern; None for any other."""
    if not isinstance(pattern, MetricPattern):
        return None
    sign, boundary = (1.0, pattern.above) if pattern.above is not None else (-1.0, pattern.below)
    if boundary is None:  # the model refuses it; said again so that nothing is guessed
        msg = "give above or below"
        raise ValueError(msg)
    clear = pattern.clear if pattern.clear is not None else boundary
    return Gauge(pattern.metric.rpartition(".")[2], sign, boundary, clear)
