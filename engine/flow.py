"""The one way: hear, match, decide, carry out. Stages in one TaskGroup; state is a replay of what the bus holds.

    events ─ hear ─▶ estate, witnesses, matcher ─▶ findings ─ decide ─▶ DECISIONS ─ carry ─▶ RUNS

A process may die at any instruction. After a start the picture and all partial matches are rebuilt from the streams,
decisions already made are recognised by id, and unfinished runs are resumed by looking at the world.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import structlog

from engine import planning
from engine.bus import codec, subjects
from engine.bus.port import Bus, Delivery
from engine.clock import Clock
from engine.deciding import Decider
from engine.estate import linking, projecting
from engine.guard import witnesses
from engine.model.catalogue import Catalogue
from engine.model.decision import Act, Hold
from engine.model.errors import Permanent, TobanError
from engine.model.estate import Estate, Site
from engine.model.event import Arrival
from engine.model.match import Ended, Match
from engine.model.policy import Policy
from engine.model.run import RunPlan
from engine.rules.matching import Matcher
from engine.runs.runner import Runner

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """Seconds."""

    replay: float = 7200.0
    """How far back events are read again at a start: longer than any `for` of a policy."""
    redecide: float = 2.0
    """How often a held match is looked at again."""
    tick: float = 0.2
    """Longest time between two looks at the timers."""


@dataclass(slots=True)
class Picture:
    """What the engine knows now; replaced, never changed in place."""

    estate: Estate
    seen: witnesses.Seen


class Flow:
    """The engine's stages. One instance is the only reader of its streams under its durable names."""

    def __init__(  # noqa: PLR0913  the composition root hands in every room once
        self,
        bus: Bus,
        clock: Clock,
        catalogue: Catalogue,
        site: Site,
        policies: tuple[Policy, ...],
        decider: Decider,
        runner: Runner,
        settings: FlowSettings,
    ) -> None:
        """Nothing starts before `run`."""
        self._bus, self._clock, self._catalogue, self._settings = bus, clock, catalogue, settings
        self._policies = {policy.name: policy for policy in policies}
        self._decider, self._runner = decider, runner
        self.picture = Picture(Estate(site=site), {})
        self._matcher = Matcher(policies, catalogue, lambda event, by: linking.key_for(self.picture.estate, event, by))
        self._findings: asyncio.Queue[Match | Ended] = asyncio.Queue()
        self._replayed: dict[str, int] = {}
        self._held: dict[str, Match] = {}
        self._carrying: set[str] = set()
        self._runs: asyncio.TaskGroup | None = None

    async def run(self, ready: asyncio.Event | None = None) -> None:
        """Rebuild, resume, then work until cancelled."""
        unfinished = await self._rebuild()
        async with asyncio.TaskGroup() as group:
            self._runs = group
            for run in unfinished:
                self._spawn(run, None)
            group.create_task(self._hear("engine-inventory", subjects.ALL_INVENTORY), name="hear inventory")
            group.create_task(self._hear("engine-events", subjects.ALL_EVENTS), name="hear events")
            group.create_task(self._tick(), name="timers")
            group.create_task(self._decide(), name="decide")
            group.create_task(self._redecide(), name="decide again")
            if ready is not None:
                ready.set()

    async def _rebuild(self) -> tuple[str, ...]:
        async for record in self._bus.replay(subjects.ALL_INVENTORY, last_per_subject=True):
            self._replayed["inventory"] = record.sequence
            self._take(codec.decode(record))
        await self._decider.rebuild()
        since = self._clock.now() - timedelta(seconds=self._settings.replay)
        open_matches: dict[str, Match] = {}
        async for record in self._bus.replay(subjects.ALL_EVENTS, since=since):
            self._replayed["events"] = record.sequence
            try:
                findings = self._feed(codec.decode(record))
            except Permanent as error:
                log.warning("event.unreadable", sequence=record.sequence, error=str(error))
                continue
            _fold(open_matches, findings)
        _fold(open_matches, self._matcher.advance(self._clock.now()))
        for match in open_matches.values():
            await self._findings.put(match)
        log.info("flow.rebuilt", hosts=len(self.picture.estate.hosts), open_matches=len(open_matches))
        return await self._runner.unfinished()

    def _take(self, arrival: Arrival) -> None:
        event = arrival.event
        self.picture.estate = projecting.apply(self.picture.estate, event)
        host = linking.host_of(self.picture.estate, event.subject)
        if host is not None:
            word = witnesses.observe(self._catalogue, event, f"host:{host}", arrival.stored_at)
            if word is not None:
                self.picture.seen = witnesses.remember(self.picture.seen, word)

    def _feed(self, arrival: Arrival) -> tuple[Match | Ended, ...]:
        due = self._matcher.advance(arrival.stored_at)
        self._take(arrival)
        return (*due, *self._matcher.feed(arrival))

    async def _hear(self, durable: str, subject: str) -> None:
        async with self._bus.subscription(durable, subject) as subscription:
            while True:
                for delivery in await subscription.fetch(256, self._settings.tick):
                    await self._heard(delivery)

    async def _heard(self, delivery: Delivery) -> None:
        record = delivery.record
        stream = "inventory" if record.subject.startswith("inventory.") else "events"
        if record.sequence > self._replayed.get(stream, 0):
            try:
                for finding in self._feed(codec.decode(record)):
                    await self._findings.put(finding)
            except Permanent as error:
                log.warning("event.unreadable", sequence=record.sequence, error=str(error))
                await delivery.term(str(error))
                return
        await delivery.ack()

    async def _tick(self) -> None:
        while True:
            for finding in self._matcher.advance(self._clock.now()):
                await self._findings.put(finding)
            for policy, count in self._matcher.overflowed().items():
                await self._decider.overflowed(policy, count)
            await self._clock.sleep(self._settings.tick)

    async def _decide(self) -> None:
        while True:
            finding = await self._findings.get()
            if isinstance(finding, Ended):
                self._held.pop(finding.id, None)
                await self._decider.ended(finding)
            else:
                await self._judge(finding)

    async def _redecide(self) -> None:
        while True:
            await self._clock.sleep(self._settings.redecide)
            if self._findings.empty():
                for match in self._held.values():
                    self._findings.put_nowait(match)

    async def _judge(self, match: Match) -> None:
        policy = self._policies.get(match.policy)
        if policy is None or not linking.in_scope(self.picture.estate, policy.spec.scope, match.key):
            return
        try:
            decision = await self._decider.decide(match, policy, self.picture.estate, self.picture.seen)
        except TobanError as error:
            log.warning("decision.failed", match=match.id, policy=match.policy, error=str(error))
            self._held[match.id] = match
            return
        if isinstance(decision, Hold):
            self._held[match.id] = match
            return
        self._held.pop(match.id, None)
        if isinstance(decision, Act) and match.id not in self._carrying and self._runs is not None:
            plan = planning.plan(decision, match, policy, self.picture.estate, rehearsal=self._decider.rehearsal)
            self._spawn(match.id, plan)

    def _spawn(self, run: str, plan: RunPlan | None) -> None:
        if self._runs is not None:
            self._carrying.add(run)
            self._runs.create_task(self._carry(run, plan), name=f"run {run}")

    async def _carry(self, run: str, plan: RunPlan | None) -> None:
        try:
            outcome = await (self._runner.start(plan) if plan is not None else self._runner.resume(run))
        except TobanError as error:
            log.warning("run.broken", run=run, error=str(error))
            await self._decider.run_broken(run, str(error))
        else:
            await self._decider.run_ended(run, outcome)


def _fold(open_matches: dict[str, Match], findings: tuple[Match | Ended, ...]) -> None:
    for finding in findings:
        if isinstance(finding, Match):
            open_matches[finding.id] = finding
        else:
            open_matches.pop(finding.id, None)
