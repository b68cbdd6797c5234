"""The deciding stage: gather what a decision may rest on, decide, store it once, tell people."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from engine import latching
from engine.announcing import Announcer
from engine.bus.port import Bus
from engine.clock import Clock
from engine.guard import deciding, limits
from engine.guard.blindness import Blindness
from engine.guard.control import Control, Orders
from engine.guard.people import People
from engine.guard.remembering import KEPT, Remembered
from engine.guard.sight import Sight
from engine.guard.witnesses import Seen
from engine.latching import Case, Judged
from engine.model import order
from engine.model.decision import Act, Decision, Hold, Observation
from engine.model.errors import TobanError
from engine.model.estate import Estate, Standing
from engine.model.match import Ended, Match
from engine.model.policy import Policy
from engine.model.run import Outcome
from engine.recording import Recorder
from engine.situating import DeciderSettings, Round, Scene

log = structlog.get_logger()
AT_ONCE = 16
"""Hosts that are looked at together."""
STORED_AT_ONCE = 256
FORGET_EVERY = timedelta(minutes=10)

__all__ = ["Decider", "DeciderSettings", "Judged"]


@dataclass(slots=True)
class _Known:
    """Orders as they were read, and when by the monotonic clock."""

    orders: Orders = field(default_factory=Orders)
    at: float | None = None


class Decider:
    """Decides matches. What was decided is remembered, and rebuilt from DECISIONS and RUNS at a start."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        control: Control,
        sight: Sight,
        policies: Mapping[str, Policy],
        settings: DeciderSettings,
    ) -> None:
        """Call `rebuild` before the first decision."""
        self._clock, self._control, self._sight = clock, control, sight
        self._policies, self._settings = policies, settings
        self._remembered, self._recorder = Remembered(), Recorder(bus)
        self._announcer = Announcer(bus, clock, settings.limits.mass_within)
        self._known = _Known()
        self._reach, self._read_since = KEPT, clock.now()
        self._tidied = clock.now()
        self.counts: Counter[str] = Counter()
        """New decisions since the start by kind and code of every reason, such as `hold.mass.failure`."""

    @property
    def rehearsal(self) -> bool:
        """Whether runs only say what they would do."""
        return not self._settings.armed

    def exchange(self, policies: Mapping[str, Policy]) -> None:
        """Policies that are followed from now on; `reach_back` first where they may need more of the past."""
        self._policies = policies

    async def rebuild(self) -> None:
        """Read back what was decided as far as a decision can rest on it, and which runs have ended."""
        await self.reach_back(self._policies)

    async def reach_back(self, policies: Mapping[str, Policy]) -> None:
        """The same for policies that are about to be followed; reads nothing that was read before."""
        longest = max((limits.reach(policy, self._settings.limits) for policy in policies.values()), default=0.0)
        self._reach = max(self._reach, timedelta(seconds=longest))
        since = self._clock.now() - self._reach
        if since >= self._read_since:
            return
        known, acts = set(self._remembered.latest), False
        async for decision in self._recorder.since(since):
            if decision.match not in known:
                self._remembered.take(decision, policies.get(decision.policy) or order.named(decision.policy))
                acts = acts or isinstance(decision, Act)
        self._read_since = since
        if acts:
            async for run in self._recorder.ended_runs():
                self._remembered.finish(run)

    async def decide(
        self, match: Match, policy: Policy, estate: Estate, seen: Seen, people: People | None = None
    ) -> Decision:
        """The decision about this match as it is now stored. An Act or Ignore is final; a Hold is looked at again.

        Raises `TobanError` if it could not be stored.
        """
        (judged,) = await self._round([Case(match, policy)], Scene(estate, seen, people or {}))
        if isinstance(judged, TobanError):
            raise judged
        return judged

    async def consider(self, match: Match, policy: Policy, scene: Scene) -> Decision:
        """What would be decided about this match now. Nothing is stored, opened or told, and nobody looks."""
        self._remembered.notice(match, policy, self._clock.now())
        together = Round(scene, await self._control.orders(), self._settings, self._clock.now())
        return deciding.decide(match, policy, together.situation(match, policy, self._remembered, self._sight))

    async def decide_all(
        self,
        matches: Sequence[Match],
        estate: Estate,
        seen: Seen,
        people: People | None = None,
        blind: Blindness | None = None,
    ) -> tuple[Judged, ...]:
        """The decisions about these matches, each of a policy that is followed, in their order.

        What is read is read once for all. They are decided one after the other, by priority and then by time, so that
        each counts with those before it; they are stored side by side, in order per object.
        """
        cases = [Case(match, order.of_events(match.events) or self._policies[match.policy]) for match in matches]
        return await self._round(cases, Scene(estate, seen, people or {}, blind or {}))

    async def ended(self, ended: Ended) -> None:
        """The condition behind a match is over: say so, as an event that leads back to it."""
        self._remembered.end(ended.id)
        if ended.id in self._remembered.latest:
            await self._announcer.ended(ended)

    async def run_ended(self, run: str, outcome: Outcome) -> None:
        """The run of a match is over; anything but success is a page."""
        self._remembered.finish(run)
        latest = self._remembered.latest.get(run)
        if latest is not None and outcome not in (Outcome.SUCCESS, Outcome.PARTIAL):
            text = f"run {run} of {latest.policy}: {outcome.value}"
            await self._announcer.page(f"{run}.{outcome.value}", latest.object, text)

    async def run_broken(self, run: str, why: str) -> None:
        """The run could not be carried on; it stays unfinished and a person is told."""
        latest = self._remembered.latest.get(run)
        about = latest.object if latest else "toban:engine"
        await self._announcer.page(f"{run}.broken", about, f"run {run} stands still: {why}")

    async def overflowed(self, policy: str, count: int) -> None:
        """A policy has more open conditions than it may hold; the oldest were dropped."""
        await self._announcer.overflowed(policy, count)

    async def _round(self, cases: list[Case], scene: Scene) -> tuple[Judged, ...]:
        undecided: dict[str, Case] = {}
        for case in cases:
            latest = self._remembered.latest.get(case.match.id)
            if latest is not None and not isinstance(latest, Hold):
                case.judged = latest
            else:
                undecided.setdefault(case.match.id, case)
        if undecided:
            await self._judge(list(undecided.values()), scene)
        return tuple(_judged(case, undecided) for case in cases)

    async def _judge(self, cases: list[Case], scene: Scene) -> None:
        for case in cases:
            self._remembered.notice(case.match, case.policy, self._clock.now())
        together = Round(scene, await self._orders(), self._settings, self._clock.now())
        await self._look(together, cases)
        for case in sorted(cases, key=_turn):
            try:
                self._decide(together, case)
            except Exception as error:  # whatever one match does to its decision, the others are decided
                log.exception("decision.fault", match=case.match.id, policy=case.policy.name)
                case.judged, case.new = TobanError(f"{type(error).__name__}: {error}"[:300]), False
        if await latching.latch(self._control, together, cases):
            self._known = _Known()
        await self._store_all([case for case in cases if case.new])
        stored = [(case.policy, case.judged) for case in cases if case.new and not isinstance(case.judged, TobanError)]
        await self._announcer.decided([(policy, one) for policy, one in stored if one is not None])
        self.counts.update(f"{one.kind}.{why.code}" for _, one in stored if one is not None for why in one.reasons)
        self._tidy()

    async def _orders(self) -> Orders:
        now = self._clock.monotonic()
        if self._known.at is None or now - self._known.at >= self._settings.orders_age:
            self._known = _Known(await self._control.orders(), now)
        return self._known.orders

    async def _look(self, together: Round, cases: list[Case]) -> None:
        places = {place.id: place for case in cases if (place := together.looker(case.match, case.policy)) is not None}
        gate = asyncio.Semaphore(AT_ONCE)
        if not places:
            return

        async def look(place: Standing) -> None:
            async with gate:
                words.append((place.id, await self._sight.look(place)))

        words: list[tuple[str, tuple[Observation, ...]]] = []
        async with asyncio.TaskGroup() as group:
            for place in places.values():
                group.create_task(look(place), name=f"look at {place.id}")
        together.looked(words, self._clock.now())

    def _decide(self, together: Round, case: Case) -> None:
        match, policy, known = case.match, case.policy, self._remembered
        latest = known.latest.get(match.id)
        situation = together.situation(match, policy, known, self._sight)
        decision = deciding.decide(match, policy, situation, revision=latest.revision + 1 if latest else 0)
        if latest is not None and isinstance(decision, Hold) and _same(latest, decision):
            case.judged = latest
            return
        case.judged, case.new = decision, True
        known.intend(decision, policy)
        opening = [reason for reason in decision.reasons if reason.code == "breaker"]
        if opening and isinstance(decision, Hold) and not (situation.breaker and situation.breaker.open):
            case.opens = True
            together.opened(policy.name, opening[0].en)

    async def _store_all(self, cases: list[Case]) -> None:
        by_object: dict[str, list[Case]] = {}
        for case in sorted(cases, key=_turn):
            by_object.setdefault(case.match.key, []).append(case)
        gate = asyncio.Semaphore(STORED_AT_ONCE)

        async def store(some: list[Case]) -> None:
            async with gate:
                for case in some:
                    await self._store(case)

        if len(by_object) == 1:
            await store(next(iter(by_object.values())))
            return
        async with asyncio.TaskGroup() as group:
            for key, some in by_object.items():
                group.create_task(store(some), name=f"store {key}")

    async def _store(self, case: Case) -> None:
        decision = case.judged
        if decision is None or isinstance(decision, TobanError):
            return
        try:
            stored = await self._recorder.store(decision)
        except TobanError as error:
            case.judged = error
        else:
            case.judged = stored
        if type(case.judged) is not type(decision):
            self._remembered.withdraw(case.match, case.policy)
        if isinstance(case.judged, TobanError):
            return
        self._remembered.take(case.judged, case.policy)
        why = "; ".join(reason.en for reason in case.judged.reasons)
        log.info("decision", kind=case.judged.kind, policy=decision.policy, object=decision.object, why=why)

    def _tidy(self) -> None:
        now = self._clock.now()
        if now - self._tidied >= FORGET_EVERY:
            self._tidied = now
            self._remembered.forget(now, self._reach)
            self._read_since = max(self._read_since, now - self._reach)


def _turn(case: Case) -> tuple[int, datetime]:
    """By priority, then by time; what opened in one moment stays in the order in which it was found."""
    return (-case.policy.spec.priority, case.match.opened_at)


def _judged(case: Case, undecided: Mapping[str, Case]) -> Judged:
    judged = case.judged if case.judged is not None else undecided[case.match.id].judged
    if judged is None:
        msg = f"{case.match.id} was not decided"
        raise TobanError(msg)
    return judged


def _same(before: Decision, after: Decision) -> bool:
    return {reason.code for reason in before.reasons} == {reason.code for reason in after.reasons}
