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
    AllPattern,
    CountPattern,
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
from engine.rules.pending import Pending
from engine.rules.projecting import shared
from engine.rules.watching import Counts, Desk, Timers, Watch, stays

log = structlog.get_logger()

KeyOf = Callable[[Event, str], str | None]
"""Event and `by` -> object id, or None."""


class _Matched:
    """One policy being matched."""

    def __init__(self, number: int, policy: Policy, compiled: CompiledPolicy, timers: Timers, counts: Counts) -> None:
        self.number, self.when, self.compiled = number, policy.spec.when, compiled
        facts = Facts(compiled.policy, compiled.definition, counts=compiled.counts)
        self.watches = [watch(Desk(number, one, facts, timers, counts)) for one in compiled.alternatives]
        self.merging = Merging(stays=[stays(one) for one in compiled.alternatives]) if len(self.watches) > 1 else None

    def told(self, number: int, found: Iterable[Finding]) -> list[Finding]:
        return self.merging.fold(number, found) if self.merging is not None else list(found)


class Matcher:
    """All policies. Single-threaded; holds no clock."""

    def __init__(self, policies: tuple[Policy, ...], catalogue: Catalogue, key_of: KeyOf, *, first: int = 0) -> None:
        """Compile everything; raises `Unusable` or `CoreFault` for a policy that `policy check` would refuse.

        `first` numbers the policies: of two matchers that will be joined, no number is given twice.
        """
        self._key_of, self._catalogue = key_of, catalogue
        self._timers, self.counts = Timers(), Counts()
        self._policies: dict[str, _Matched] = {}
        for number, policy in enumerate(policies, start=first):
            compiled = compiling.compile_policy(policy, catalogue)
            self._policies[policy.name] = _Matched(number, policy, compiled, self._timers, self.counts)
        self._next = first + len(policies)
        self._index: dict[str, list[tuple[_Matched, int]]] = {}
        self._by_number: dict[int, _Matched] = {}
        self._reindex()

    def _reindex(self) -> None:
        self._index = {}
        self._by_number = {one.number: one for one in self._policies.values()}
        for one in self._policies.values():
            for compiled in one.compiled.alternatives:
                for kind in sorted(compiled.takes):
                    self._index.setdefault(kind, []).append((one, compiled.number))

    @property
    def names(self) -> tuple[str, ...]:
        """The policies that are matched."""
        return tuple(self._policies)

    def unknown(self, policies: Iterable[Policy]) -> tuple[Policy, ...]:
        """Those of these policies that are new here, or wait for something else than before."""
        known = self._policies
        return tuple(one for one in policies if one.name not in known or known[one.name].when != one.spec.when)

    def beside(self, policies: tuple[Policy, ...]) -> "Matcher":
        """A matcher of its own for these policies, to be fed with the past and then joined by `exchange`."""
        return Matcher(policies, self._catalogue, self._key_of, first=self._next)

    def exchange(self, policies: Iterable[Policy], fresh: "Matcher") -> None:
        """From now on match these policies. Those whose pattern is the same keep all that is open, and their timers.

        `fresh` holds the others, as `unknown` told them; it must not be used by itself any more.
        """
        others, timers, self._next = fresh._policies, fresh._timers, fresh._next  # noqa: SLF001  the same class
        chosen = [others.get(one.name) or self._policies[one.name] for one in policies]
        self._policies = {one.compiled.policy: one for one in chosen}
        self._reindex()
        kept = [timer for timer in self._timers.heap if timer[1] in self._by_number]
        self._timers.heap[:] = [*kept, *timers.heap]
        heapq.heapify(self._timers.heap)
        timers.heap = self._timers.heap  # the watches that were made there set their timers here now

    def feed(self, arrival: Arrival) -> tuple[Finding, ...]:
        """What this event completes or ends. A policy that fails on it is counted; the others go on."""
        event = arrival.event
        self.counts.events += 1
        found: list[Finding] = []
        objects: dict[str, str | None] = {}
        for policy, number in self._index.get(event.type, ()):
            watching, by = policy.watches[number], policy.compiled.by
            if by not in objects:
                objects[by] = self._key_of(event, by)
            key = self._key(watching.compiled, objects[by], event)
            if key is None:
                self.counts.without_key += 1
                continue
            try:
                found += policy.told(number, watching.take(key, event, arrival.stored_at))
            except Exception as error:  # noqa: BLE001  whatever one policy makes of an event, the others go on
                self._fault(policy, error, key, event.id)
        return tuple(found)

    def advance(self, now: datetime) -> tuple[Finding, ...]:
        """What becomes a match, or lapses, by `now`, in the order of the deadlines."""
        found: list[Finding] = []
        heap = self._timers.heap
        while heap and heap[0][0] <= now:
            _, number, alternative, _, key, token = heapq.heappop(heap)
            policy = self._by_number[number]
            try:
                found += policy.told(alternative, policy.watches[alternative].ripen(key, token, now))
            except Exception as error:  # noqa: BLE001  as above
                self._fault(policy, error, key, "")
        return tuple(found)

    def next_due(self) -> datetime | None:
        """When `advance` has something to do next."""
        return self._timers.heap[0][0] if self._timers.heap else None

    def since(self) -> datetime | None:
        """Storing time of the oldest event that anything open rests on; None if nothing is open."""
        moments = [watch.since() for one in self._policies.values() for watch in one.watches]
        return min((moment for moment in moments if moment is not None), default=None)

    def overflowed(self) -> dict[str, int]:
        """How many states had to be dropped, by policy, since this was last asked."""
        untold, self.counts.untold = self.counts.untold, {}
        return untold

    def faulted(self) -> dict[str, str]:
        """Policies that failed on an event since this was last asked, with the event's id and why."""
        untold, self.counts.faulty = self.counts.faulty, {}
        return untold

    def open_keys(self, policy: str) -> tuple[str, ...]:
        """Objects for which something is open or was gathered for this policy."""
        known = self._policies.get(policy)
        found = known.watches if known is not None else ()
        return tuple(dict.fromkeys(key for one in found for key in one.objects()))

    def pending(self, policy: str, name: str) -> tuple[Pending, ...]:
        """What this policy has open or gathered for an object; read only."""
        known = self._policies.get(policy)
        return tuple(one for watch in known.watches for one in watch.pending(name)) if known is not None else ()

    def _key(self, compiled: Compiled, name: str | None, event: Event) -> Key | None:
        if name is None or not compiled.same:
            return None if name is None else (name,)
        values = shared(event, compiled.same, self._catalogue)
        return None if values is None else (name, *values)

    def _fault(self, policy: _Matched, error: Exception, key: Key, event_id: str) -> None:
        self.counts.faults += 1
        name, why = policy.compiled.policy, f"{type(error).__name__}: {error}"[:300]
        self.counts.faulty[name] = f"event {event_id or '-'} about {key[0]}: {why}"
        log.warning("matcher.fault", policy=name, key=key[0], event_id=event_id, error=why)


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
