"""Feed events, turn the clock, get matches. One ruleset per policy; an index keeps cost independent of their number.

The reference evaluator says in plain Python what each pattern means; `docs/policy-reference.md` says it in words.
Time is the moment of storage; the same arrivals in the same order give the same findings.
"""

import heapq
from collections.abc import Callable, Iterable
from datetime import datetime

import structlog

from engine.model.catalogue import Catalogue
from engine.model.event import Arrival, Event
from engine.model.match import Finding
from engine.model.pattern import (
    AbsencePattern,
    AllPattern,
    CountPattern,
    MetricPattern,
    MissingPattern,
    SequencePattern,
)
from engine.model.policy import Policy
from engine.rules import compiling
from engine.rules.compiling import Compiled, CompiledPolicy
from engine.rules.facts import Facts, Key
from engine.rules.held import Held, Missing
from engine.rules.joined import AllOf, Counted, InOrder
from engine.rules.merging import Merging
from engine.rules.port import CoreFault
from engine.rules.projecting import shared
from engine.rules.watching import Counts, Desk, Timers, Watch

log = structlog.get_logger()

KeyOf = Callable[[Event, str], str | None]
"""Event and `by` -> object id, or None."""


class _Matched:
    """One policy being matched."""

    def __init__(self, number: int, compiled: CompiledPolicy, timers: Timers, counts: Counts) -> None:
        self.compiled = compiled
        facts = Facts(compiled.policy, compiled.definition)
        self.watches = [watch(Desk(number, one, facts, timers, counts)) for one in compiled.alternatives]
        self.merging = Merging(stays=[stays(one) for one in compiled.alternatives]) if len(self.watches) > 1 else None

    def told(self, number: int, found: Iterable[Finding]) -> list[Finding]:
        return self.merging.fold(number, found) if self.merging is not None else list(found)


class Matcher:
    """All policies. Single-threaded; holds no clock."""

    def __init__(self, policies: tuple[Policy, ...], catalogue: Catalogue, key_of: KeyOf) -> None:
        """Compile everything; raises `Unusable` or `CoreFault` for a policy that `policy check` would refuse."""
        self._key_of, self._catalogue = key_of, catalogue
        self._timers = Timers()
        self._index: dict[str, list[tuple[_Matched, int]]] = {}
        self.counts = Counts()
        self._policies: list[_Matched] = []
        for number, policy in enumerate(policies):
            one = _Matched(number, compiling.compile_policy(policy, catalogue), self._timers, self.counts)
            self._policies.append(one)
            for compiled in one.compiled.alternatives:
                for kind in sorted(compiled.takes):
                    self._index.setdefault(kind, []).append((one, compiled.number))

    def feed(self, arrival: Arrival) -> tuple[Finding, ...]:
        """What this event completes or ends. A policy that fails on it is counted; the others go on."""
        event = arrival.event
        self.counts.events += 1
        found: list[Finding] = []
        for policy, number in self._index.get(event.type, ()):
            watching = policy.watches[number]
            key = self._key(watching.compiled, policy.compiled.by, event)
            if key is None:
                self.counts.without_key += 1
                continue
            try:
                found += policy.told(number, watching.take(key, event, arrival.stored_at))
            except CoreFault as error:
                self._fault(policy, error, key, event.id)
        return tuple(found)

    def advance(self, now: datetime) -> tuple[Finding, ...]:
        """What becomes a match, or lapses, by `now`, in the order of the deadlines."""
        found: list[Finding] = []
        heap = self._timers.heap
        while heap and heap[0][0] <= now:
            _, number, alternative, _, key, token = heapq.heappop(heap)
            policy = self._policies[number]
            try:
                found += policy.told(alternative, policy.watches[alternative].ripen(key, token, now))
            except CoreFault as error:
                self._fault(policy, error, key, "")
        return tuple(found)

    def next_due(self) -> datetime | None:
        """When `advance` has something to do next."""
        return self._timers.heap[0][0] if self._timers.heap else None

    def overflowed(self) -> dict[str, int]:
        """How many states had to be dropped, by policy, since this was last asked."""
        untold, self.counts.untold = self.counts.untold, {}
        return untold

    def open_keys(self, policy: str) -> tuple[str, ...]:
        """Objects for which something is open or was gathered for this policy."""
        found = [one for known in self._policies if known.compiled.policy == policy for one in known.watches]
        return tuple(dict.fromkeys(key for one in found for key in one.objects()))

    def _key(self, compiled: Compiled, by: str, event: Event) -> Key | None:
        key = self._key_of(event, by)
        values = shared(event, getattr(compiled.pattern, "same", ()), self._catalogue)
        return None if key is None or values is None else (key, *values)

    def _fault(self, policy: _Matched, error: CoreFault, key: Key, event_id: str) -> None:
        self.counts.faults += 1
        log.warning("matcher.fault", policy=policy.compiled.policy, key=key[0], event_id=event_id, error=str(error))


def watch(desk: Desk) -> Watch:
    """The watch for a pattern."""
    pattern = desk.compiled.pattern
    if isinstance(pattern, AllPattern):
        return AllOf(desk, pattern)
    if isinstance(pattern, SequencePattern):
        return InOrder(desk, pattern)
    if isinstance(pattern, CountPattern):
        return Counted(desk, pattern)
    return Missing(desk) if isinstance(pattern, MissingPattern) else Held(desk)


def stays(compiled: Compiled) -> bool:
    """Whether a match of this pattern stays open until something ends it."""
    return bool(compiled.closes) or isinstance(compiled.pattern, MetricPattern | AbsencePattern | MissingPattern)
