"""What every kind of pattern does alike: keep one state per key, set timers, and word a match."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

import structlog

from engine.model import ids
from engine.model.event import Event
from engine.model.match import Ended, Finding, Match
from engine.model.pattern import AbsencePattern, MetricPattern, MissingPattern
from engine.rules.compiling import Compiled
from engine.rules.facts import Facts, Key
from engine.rules.pending import Pending
from engine.rules.port import Fact

log = structlog.get_logger()
LIVE_KEYS = 5000
"""States that one alternative of a policy may hold."""


@dataclass(slots=True)
class Counts:
    """What happened in the matcher, for health."""

    events: int = 0
    matches: int = 0
    without_key: int = 0
    faults: int = 0
    overflows: int = 0
    untold: dict[str, int] = field(default_factory=dict)
    """Overflows by policy that nobody was told of yet."""
    faulty: dict[str, str] = field(default_factory=dict)
    """Policies that failed, with the last event and why, that nobody was told of yet."""


class Watch(Protocol):
    """One alternative of a policy being matched."""

    compiled: Compiled

    def take(self, key: Key, event: Event, at: datetime) -> Iterable[Finding]:
        """An event of a type that it takes. Raises `CoreFault`."""
        ...

    def ripen(self, key: Key, token: int, now: datetime) -> Iterable[Finding]:
        """A timer that it had set for this key; `token` says which. Raises `CoreFault`."""
        ...

    def objects(self) -> Iterator[str]:
        """Objects for which something is open or was gathered."""
        ...

    def pending(self, name: str) -> tuple[Pending, ...]:
        """What is open or was gathered for an object; read only."""
        ...

    def since(self) -> datetime | None:
        """Storing time of the oldest event that anything open rests on."""
        ...


Timer = tuple[datetime, int, int, int, Key, int]
"""Due, number of the policy, of the alternative, order of setting, key, token."""


@dataclass(slots=True)
class Timers:
    """All deadlines of all policies, earliest first."""

    heap: list[Timer] = field(default_factory=list)
    set_so_far: int = 0

    def put(self, due: datetime, policy: int, alternative: int, key: Key) -> int:
        """Set a timer; the token tells it from earlier ones of the same key."""
        self.set_so_far += 1
        heapq.heappush(self.heap, (due, policy, alternative, self.set_so_far, key, self.set_so_far))
        return self.set_so_far


@dataclass(frozen=True, slots=True)
class Desk:
    """What a watch works with."""

    number: int
    """The policy's number among all."""
    compiled: Compiled
    facts: Facts
    timers: Timers
    counts: Counts

    def timer(self, key: Key, at: datetime, seconds: float) -> int:
        """Set a timer so many seconds after a moment; its token."""
        return self.timers.put(at + timedelta(seconds=seconds), self.number, self.compiled.number, key)

    def kind(self, name: str) -> str:
        """A fact's kind in this alternative."""
        return f"{self.compiled.number}.{name}"

    def put(self, key: Key, kind: str, event: Event) -> tuple[Fact, frozenset[str]]:
        """Assert a fact about this event; the rules of this alternative that it completed."""
        content = self.compiled.projection.content(event)
        fact, fired = self.facts.put(self._home(key), self.kind(kind), content)
        return fact, self._mine(fired)

    def ask(self, key: Key, kind: str, event: Event) -> frozenset[str]:
        """The rules of this alternative that this event would complete."""
        content = self.compiled.projection.content(event)
        return self._mine(self.facts.ask(self._home(key), self.kind(kind), content))

    def is_due(self, key: Key, fact: Fact) -> bool:
        """Tell the core that the time of a fact is over: whether the rule `held` fires."""
        return "held" in self._mine(self.facts.ask(self._home(key), self.kind("timer"), {"of": fact["fact"]}))

    def match(self, key: Key, events: tuple[Event, ...], opened: datetime, at: datetime, now: datetime) -> Match:
        """The match of these events."""
        self.counts.matches += 1
        late = max(0.0, (now - at).total_seconds())
        return Match(
            match_id(self.compiled.policy, key, events),
            self.compiled.policy,
            key[0],
            opened,
            at,
            late,
            events,
            stays(self.compiled),
        )

    def ended(self, match: str, key: Key, at: datetime, by: Event | None) -> Ended:
        """The end of a condition."""
        return Ended(match, self.compiled.policy, key[0], at, by)

    def _home(self, key: Key) -> Key:
        return (str(self.compiled.number), *key)

    def _mine(self, fired: Iterable[str]) -> frozenset[str]:
        mine = f"{self.compiled.number}."
        return frozenset(name.removeprefix(mine) for name in fired if name.startswith(mine))


State = TypeVar("State")


class States(Generic[State]):
    """One state per key, bounded: the oldest makes room, is counted and told."""

    def __init__(self, desk: Desk) -> None:
        """Empty."""
        self._desk = desk
        self._by_key: dict[Key, State] = {}

    def __iter__(self) -> Iterator[str]:
        """The objects."""
        return iter([key[0] for key in self._by_key])

    def of(self, name: str) -> list[State]:
        """The states of an object, whatever values its events share."""
        return [state for key, state in self._by_key.items() if key[0] == name]

    def values(self) -> Iterator[State]:
        """The states."""
        return iter(self._by_key.values())

    def get(self, key: Key) -> State | None:
        """The state of a key."""
        return self._by_key.get(key)

    def pop(self, key: Key) -> State | None:
        """Forget a key."""
        return self._by_key.pop(key, None)

    def put(self, key: Key, state: State) -> tuple[Key, State] | None:
        """Remember a state; what had to make room for it, if anything."""
        dropped = None
        if key not in self._by_key and len(self._by_key) >= LIVE_KEYS:
            oldest = next(iter(self._by_key))
            dropped = (oldest, self._by_key.pop(oldest))
            self._desk.counts.overflows += 1
            policy = self._desk.compiled.policy
            self._desk.counts.untold[policy] = self._desk.counts.untold.get(policy, 0) + 1
            log.warning("matcher.overflow", policy=self._desk.compiled.policy, dropped=oldest[0])
        self._by_key[key] = state
        return dropped


def stays(compiled: Compiled) -> bool:
    """Whether a match of this pattern stays open until something ends it."""
    return bool(compiled.closes) or isinstance(compiled.pattern, MetricPattern | AbsencePattern | MissingPattern)


def match_id(policy: str, key: Key, events: Iterable[Event]) -> str:
    """A redelivery is the same match, a new fault is not."""
    return ids.content_hash([policy, *key, *(event.id for event in events)])
