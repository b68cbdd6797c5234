"""Patterns of several events: `all` in any order, `sequence` in order, `count` in a sliding window.

A window is half open: an event counts until `within` after it was stored, not at that very moment.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.model.event import Event
from engine.model.match import Finding
from engine.model.pattern import AllPattern, CountPattern, SequencePattern
from engine.rules import projecting
from engine.rules.facts import Key
from engine.rules.pending import Pending
from engine.rules.port import Fact
from engine.rules.watching import Desk, States


@dataclass(frozen=True, slots=True)
class Kept:
    """Events that count for something, and the fact that stands for them."""

    events: tuple[tuple[Event, datetime], ...]
    fact: Fact

    @property
    def began(self) -> datetime:
        """When the first of them was stored."""
        return self.events[0][1]


@dataclass(slots=True)
class _Gathered:
    """What one key has so far, by place: number of the part, length of the chain, or value that is counted."""

    kept: dict[object, Kept] = field(default_factory=dict)
    match: str | None = None
    opened: datetime | None = None
    """When the first event of the match was stored."""

    def since(self) -> datetime | None:
        """When the oldest event that counts was stored."""
        return min((kept.began for kept in self.kept.values()), default=self.opened)


class Joined(ABC):
    """What the three have in common: gather, lapse, match, stay until ended."""

    def __init__(self, desk: Desk, within: float) -> None:
        """Nothing was gathered."""
        self.compiled, self._desk = desk.compiled, desk
        self._within = timedelta(seconds=within)
        self._states: States[_Gathered] = States(desk)

    def take(self, key: Key, event: Event, at: datetime) -> list[Finding]:
        """See the port."""
        state = self._states.get(key)
        if event.type in self.compiled.closes and state is not None and state.match is not None:
            self._states.pop(key)
            return [self._desk.ended(state.match, key, at, event)]
        if event.type in self.compiled.closes and not self.compiled.recoveries:
            self._clear(key, state)
            return []
        if state is not None and state.match is not None:
            return []
        if state is not None:
            self._recover(state, event)
        found: list[Finding] = []
        if any(event.type in chosen.types for chosen in self.compiled.chosen):
            state = state or _Gathered()
            found += self._gather(key, state, event, at)
        if state is not None and not state.kept and state.match is None:
            self._states.pop(key)
        elif state is not None and self._states.get(key) is None:
            found += self._remember(key, state, at)
        return found

    def ripen(self, key: Key, token: int, now: datetime) -> list[Finding]:  # noqa: ARG002  every lapse is the same
        """See the port."""
        state = self._states.get(key)
        if state is not None:
            lapsed = [place for place, kept in state.kept.items() if kept.began + self._within <= now]
            self._drop(state, lapsed)
            if not state.kept and state.match is None:
                self._states.pop(key)
        return []

    def objects(self) -> Iterator[str]:
        """See the port."""
        return iter(self._states)

    def since(self) -> datetime | None:
        """See the port."""
        moments = (state.since() for state in self._states.values())
        return min((moment for moment in moments if moment is not None), default=None)

    def pending(self, name: str) -> tuple[Pending, ...]:
        """See the port."""
        return tuple(self._pending(state) for state in self._states.of(name))

    def _pending(self, state: _Gathered) -> Pending:
        kept = sorted(state.kept.values(), key=lambda one: one.began)
        longest = max(kept, key=lambda one: len(one.events)).events if kept else ()
        events = longest if len(longest) > 1 else tuple(one.events[0] for one in kept)
        return Pending(
            self.compiled.number,
            events,
            state.match is not None,
            lapses=kept[0].began + self._within if kept else None,
            wanted=self._wanted(state),
            ends=tuple(sorted(self.compiled.closes)),
            have=len(events),
            need=self._need(),
        )

    @abstractmethod
    def _wanted(self, state: _Gathered) -> tuple[str, ...]:
        """What still has to come."""

    def _need(self) -> int:
        return len(self.compiled.chosen)

    def _named(self, part: int) -> str:
        return " or ".join(sorted(self.compiled.chosen[part].types)[:3])

    @abstractmethod
    def _gather(self, key: Key, state: _Gathered, event: Event, at: datetime) -> list[Finding]:
        """What this event adds, and the match that it completes."""

    def _recover(self, state: _Gathered, event: Event) -> None:
        """A part that has recovered does not count any more."""
        over = {one for one, recovery in self.compiled.recoveries.items() if recovery == event.type}
        self._drop(state, [place for place, kept in state.kept.items() if kept.events[0][0].type in over])

    def _keep(self, state: _Gathered, place: object, kept: Kept) -> None:
        self._drop(state, [place])
        state.kept[place] = kept

    def _drop(self, state: _Gathered, places: list[object]) -> None:
        self._desk.facts.retract([state.kept.pop(place).fact for place in places if place in state.kept])

    def _clear(self, key: Key, state: _Gathered | None) -> None:
        if state is not None:
            self._drop(state, list(state.kept))
            self._states.pop(key)

    def _matched(
        self, key: Key, state: _Gathered, events: tuple[tuple[Event, datetime], ...], at: datetime
    ) -> list[Finding]:
        self._drop(state, list(state.kept))
        opened = min(stored for _, stored in events)
        match = self._desk.match(key, tuple(event for event, _ in events), opened, at, at)
        state.match, state.opened = (match.id, opened) if self.compiled.closes else (None, None)
        return [match]

    def _remember(self, key: Key, state: _Gathered, at: datetime) -> list[Finding]:
        dropped = self._states.put(key, state)
        if dropped is None:
            return []
        who, old = dropped
        self._drop(old, list(old.kept))
        return [self._desk.ended(old.match, who, at, None)] if old.match is not None else []


class AllOf(Joined):
    """Each part keeps its newest event; an event fills the first empty part that it fits, else renews the oldest."""

    def __init__(self, desk: Desk, pattern: AllPattern) -> None:
        """See `Joined`."""
        super().__init__(desk, pattern.within)

    def _gather(self, key: Key, state: _Gathered, event: Event, at: datetime) -> list[Finding]:
        fired = self._desk.ask(key, "event", event)
        fitting = [part for part in range(len(self.compiled.chosen)) if f"fits{part}" in fired]
        if not fitting:
            return []
        empty = [part for part in fitting if part not in state.kept]
        part = empty[0] if empty else min(fitting, key=lambda one: state.kept[one].began)
        self._drop(state, [part])  # before the new one: the core must never join an event with its successor
        fact, fired = self._desk.put(key, f"p{part}", event)
        self._keep(state, part, Kept(((event, at),), fact))
        self._desk.timer(key, at, self._within.total_seconds())
        if "joined" not in fired:
            return []
        ordered = tuple(state.kept[one].events[0] for one in range(len(self.compiled.chosen)))
        return self._matched(key, state, ordered, at)

    def _wanted(self, state: _Gathered) -> tuple[str, ...]:
        parts = range(len(self.compiled.chosen))
        return () if state.match is not None else tuple(self._named(part) for part in parts if part not in state.kept)


class InOrder(Joined):
    """For each length the chain that began last: it can still become everything that an older one can."""

    def __init__(self, desk: Desk, pattern: SequencePattern) -> None:
        """See `Joined`."""
        super().__init__(desk, pattern.within)

    def _gather(self, key: Key, state: _Gathered, event: Event, at: datetime) -> list[Finding]:
        fired = self._desk.ask(key, "event", event)
        whole = len(self.compiled.chosen)
        for done in reversed(range(whole)):
            if f"fits{done}" not in fired or (done and not self._follows(key, state, done, event)):
                continue
            chain = (*(state.kept[done].events if done else ()), (event, at))
            if done + 1 == whole:
                return self._matched(key, state, chain, at)
            fact, _ = self._desk.put(key, f"c{done + 1}", event)
            self._keep(state, done + 1, Kept(chain, fact))
            if not done:
                self._desk.timer(key, at, self._within.total_seconds())
        return []

    def _follows(self, key: Key, state: _Gathered, done: int, event: Event) -> bool:
        """Whether a chain of that length is there, by the core's word."""
        return done in state.kept and f"next{done}" in self._desk.ask(key, f"e{done}", event)

    def _wanted(self, state: _Gathered) -> tuple[str, ...]:
        done = max((length for length in state.kept if isinstance(length, int)), default=0)
        rest = range(done, len(self.compiled.chosen))
        return () if state.match is not None else tuple(self._named(part) for part in rest)


class Counted(Joined):
    """Fitting events, or different values of a field; the core says when there are enough."""

    def __init__(self, desk: Desk, pattern: CountPattern) -> None:
        """See `Joined`."""
        super().__init__(desk, pattern.within)
        self._distinct, self._count = pattern.distinct, pattern.count
        self._taken = 0

    def _gather(self, key: Key, state: _Gathered, event: Event, at: datetime) -> list[Finding]:
        place = self._place(event)
        if place is None:
            return []
        if "counted" not in self._desk.ask(key, "event", event):
            return []
        self._drop(state, [place])  # before the new one, or the core would count both
        fact, fired = self._desk.put(key, "item", event)
        self._keep(state, place, Kept(((event, at),), fact))
        self._desk.timer(key, at, self._within.total_seconds())
        if "reached" not in fired:
            return []
        events = sorted((kept.events[0] for kept in state.kept.values()), key=lambda one: one[1])
        return self._matched(key, state, tuple(events), at)

    def _place(self, event: Event) -> object:
        if self._distinct is None:
            self._taken += 1
            return self._taken
        return projecting.values(event, self._desk.compiled.projection.catalogue).get(f"event.{self._distinct}")

    def _wanted(self, state: _Gathered) -> tuple[str, ...]:
        return () if state.match is not None else (self._named(0),)

    def _need(self) -> int:
        return self._count
