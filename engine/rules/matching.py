"""Feed events, turn the clock, get matches. One core per policy; an index keeps cost independent of their number.

Meaning (the reference evaluator says the same in plain Python):
- the first fitting event per key opens; repeats do not open again; `for` seconds later it is a match;
- the recovery type, or `until`, for the same key closes: an `Ended`, whether it had matched or not;
- a type without recovery does not stay open: each new event is a match of its own;
- a metric opens beyond its boundary; before the hold time is over any sample not beyond it closes; after the match it
  stays open until a sample is past `clear`.
Time is the moment of storage; the same arrivals in the same order give the same findings.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from engine.model import ids
from engine.model.catalogue import Catalogue
from engine.model.event import Arrival, Event
from engine.model.match import Ended, Finding, Match
from engine.model.policy import Policy
from engine.rules import compiling, projecting
from engine.rules.compiling import Compiled
from engine.rules.durable_adapter import DurableCore
from engine.rules.port import Core, CoreFault, Fact

log = structlog.get_logger()

KeyOf = Callable[[Event, str], str | None]
"""Event and `by` -> object id, or None."""
LIVE_FACTS = 1000
"""Open keys per policy: durable_rules refuses the 1,025th live key of a ruleset (MemoryError, measured; ADR 0002)."""


@dataclass(slots=True)
class _Open:
    """One key whose condition is open."""

    fact: Fact
    event: Event
    at: datetime
    match: str
    due: datetime
    matched: bool = False


@dataclass(slots=True)
class Counts:
    """What happened in the matcher, for health."""

    events: int = 0
    matches: int = 0
    without_key: int = 0
    faults: int = 0
    overflows: int = 0


class _Watch:
    """One policy being matched."""

    def __init__(self, compiled: Compiled, core: Core) -> None:
        self.compiled, self.core = compiled, core
        self.open: dict[str, _Open] = {}


class Matcher:
    """All policies. Single-threaded; holds no clock."""

    def __init__(self, policies: tuple[Policy, ...], catalogue: Catalogue, key_of: KeyOf) -> None:
        """Compile everything; raises `Unusable` or `CoreFault` for a policy that `policy check` would refuse."""
        self._key_of = key_of
        self._sequence = 0
        self._deadlines: list[tuple[datetime, int, _Watch, str, str]] = []
        self._index: dict[str, list[_Watch]] = {}
        self.counts = Counts()
        for policy in policies:
            compiled = compiling.compile_policy(policy, catalogue)
            watch = _Watch(compiled, DurableCore(policy.name, compiled.definition))
            for kind in {compiled.opens, *compiled.closes}:
                self._index.setdefault(kind, []).append(watch)

    def feed(self, arrival: Arrival) -> tuple[Finding, ...]:
        """What this event completes or ends. A policy that fails on it is counted; the others go on."""
        event = arrival.event
        self.counts.events += 1
        found: list[Finding] = []
        for watch in self._index.get(event.type, ()):
            key = self._key_of(event, watch.compiled.by)
            if key is None:
                self.counts.without_key += 1
                continue
            try:
                found += self._one(watch, key, event, arrival.stored_at)
            except CoreFault as error:
                self.counts.faults += 1
                log.warning("matcher.fault", policy=watch.compiled.policy, event_id=event.id, error=str(error))
        return tuple(found)

    def advance(self, now: datetime) -> tuple[Finding, ...]:
        """Matches whose hold time is over by `now`, in the order of their deadlines."""
        found: list[Finding] = []
        while self._deadlines and self._deadlines[0][0] <= now:
            due, _, watch, key, match = heapq.heappop(self._deadlines)
            state = watch.open.get(key)
            if state is None or state.match != match or state.matched:
                continue
            try:
                found += self._ripe(watch, key, state, (now - due).total_seconds())
            except CoreFault as error:
                self.counts.faults += 1
                log.warning("matcher.fault", policy=watch.compiled.policy, key=key, error=str(error))
        return tuple(found)

    def next_due(self) -> datetime | None:
        """When `advance` has something to do next."""
        return self._deadlines[0][0] if self._deadlines else None

    def open_keys(self, policy: str) -> tuple[str, ...]:
        """Keys whose condition is open for this policy."""
        watches = {id(watch): watch for group in self._index.values() for watch in group}
        return tuple(key for watch in watches.values() if watch.compiled.policy == policy for key in watch.open)

    def _one(self, watch: _Watch, key: str, event: Event, at: datetime) -> list[Finding]:
        compiled = watch.compiled
        if event.type in compiled.closes:
            return self._close(watch, key, at, event)
        if compiled.threshold is None:
            return self._opening(watch, key, event, at)
        value = event.data.get(compiled.threshold.field)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return []
        state = watch.open.get(key)
        if state is None:
            return self._opening(watch, key, event, at) if compiled.threshold.beyond(value) else []
        is_over = compiled.threshold.over(value) if state.matched else not compiled.threshold.beyond(value)
        return self._close(watch, key, at, event) if is_over else []

    def _opening(self, watch: _Watch, key: str, event: Event, at: datetime) -> list[Finding]:
        if key in watch.open:
            return []
        self._make_room(watch)
        self._sequence += 1
        fact = projecting.fact(event, watch.compiled.fields, self._sequence, key)
        fired = watch.core.assert_fact(fact)
        if not any(one.rule == "opened" for one in fired):
            self._drop(watch, fact)
            return []
        match = ids.content_hash([watch.compiled.policy, key, event.id])
        state = _Open(fact, event, at, match, at + timedelta(seconds=watch.compiled.hold))
        watch.open[key] = state
        if watch.compiled.hold > 0:
            heapq.heappush(self._deadlines, (state.due, self._sequence, watch, key, match))
            return []
        return self._matched(watch, key, state, 0.0)

    def _ripe(self, watch: _Watch, key: str, state: _Open, late_by: float) -> list[Finding]:
        self._sequence += 1
        timer = projecting.timer(self._sequence, state.fact)
        fired = watch.core.assert_fact(timer)
        watch.core.retract_fact(timer)
        held = [one for one in fired if one.rule == "held" and one.facts["open"]["fact"] == state.fact["fact"]]
        return self._matched(watch, key, state, late_by) if held else []

    def _matched(self, watch: _Watch, key: str, state: _Open, late_by: float) -> list[Finding]:
        self.counts.matches += 1
        state.matched = True
        compiled = watch.compiled
        values: dict[str, str | int | float | bool] = {}
        if compiled.threshold is not None:
            sample = state.event.data.get(compiled.threshold.field)
            values = {"metric.boundary": compiled.threshold.boundary, "metric.clear": compiled.threshold.clear}
            values |= {"metric.value": sample} if isinstance(sample, int | float) else {}
        match = Match(state.match, compiled.policy, key, state.at, state.due, late_by, (state.event,), values)
        if compiled.threshold is None and not compiled.closes:
            self._drop(watch, state.fact)
            del watch.open[key]
        return [match]

    def _close(self, watch: _Watch, key: str, at: datetime, by: Event | None) -> list[Finding]:
        state = watch.open.pop(key, None)
        if state is None:
            return []
        self._drop(watch, state.fact)
        return [Ended(state.match, watch.compiled.policy, key, at, by)]

    def _drop(self, watch: _Watch, fact: Fact) -> None:
        watch.core.retract_fact(fact)
        watch.core.forget(str(fact["sid"]))

    def _make_room(self, watch: _Watch) -> None:
        if len(watch.open) >= LIVE_FACTS:
            oldest = min(watch.open, key=lambda key: watch.open[key].at)
            self.counts.overflows += 1
            log.warning("matcher.overflow", policy=watch.compiled.policy, dropped=oldest)
            self._close(watch, oldest, watch.open[oldest].at, None)
