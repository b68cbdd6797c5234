"""The one way: hear, match, decide, carry out. Stages in one TaskGroup; state is a replay of what the bus holds.

    events ─ hear ─▶ estate, witnesses, matcher ─▶ findings ─ decide ─▶ DECISIONS ─ carry ─▶ RUNS

A process may die at any instruction. After a start the picture and all partial matches are rebuilt from the streams,
decisions already made are recognised by id, and unfinished runs are resumed by looking at the world.
"""

import asyncio
from itertools import groupby

import structlog

from engine import planning
from engine.bus import subjects
from engine.bus.port import Bus, Delivery
from engine.clock import Clock
from engine.deciding import Decider
from engine.estate import linking
from engine.hearing import Hearing, Picture
from engine.model import order
from engine.model.decision import Act, Hold
from engine.model.errors import Conflict, Permanent, TobanError, Transient
from engine.model.match import Ended, Match
from engine.model.policy import Policy
from engine.model.run import Outcome, RunPlan
from engine.past import FlowSettings, Past
from engine.runs import tiring
from engine.runs.runner import Runner
from engine.telling import Teller

log = structlog.get_logger()
REST = 5.0
"""Between two looks at what is held, so many times as long as a look takes; seconds before a run is resumed."""


class Flow:
    """The engine's stages. One instance is the only reader of its streams under its durable names."""

    def __init__(  # noqa: PLR0913  the composition root hands in every room once
        self,
        bus: Bus,
        clock: Clock,
        policies: tuple[Policy, ...],
        hearing: Hearing,
        decider: Decider,
        runner: Runner,
        settings: FlowSettings,
    ) -> None:
        """Nothing starts before `run`. `hearing` was made for the same policies."""
        self._bus, self._clock, self._settings = bus, clock, settings
        self._policies = {policy.name: policy for policy in policies}
        self._hearing, self._decider, self._runner = hearing, decider, runner
        self._past = Past(bus, clock, hearing, settings)
        self._teller = Teller(bus, clock)
        self._one_at_a_time = asyncio.Lock()
        self._findings: asyncio.Queue[Match | Ended] = asyncio.Queue()
        self._held: dict[str, Match] = {}
        self._carrying: set[str] = set()
        self._runs: asyncio.TaskGroup | None = None
        self._took = 0.0
        """Seconds of the last round of decisions."""

    @property
    def picture(self) -> Picture:
        """What the engine knows now."""
        return self._hearing.picture

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies that are followed now."""
        return tuple(self._policies.values())

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
            group.create_task(self._remember(), name="low water")
            group.create_task(self._decide(), name="decide")
            group.create_task(self._redecide(), name="decide again")
            if ready is not None:
                ready.set()

    async def _rebuild(self) -> tuple[str, ...]:
        await self._past.inventory()
        await self._decider.rebuild()
        open_matches = await self._past.events(tuple(self._policies.values()))
        for match in open_matches:
            await self._findings.put(match)
        log.info("flow.rebuilt", hosts=len(self.picture.estate.hosts), open_matches=len(open_matches))
        return await self._runner.unfinished()

    async def exchange(self, policies: tuple[Policy, ...]) -> None:
        """From now on follow these policies, checked as files are. What did not change keeps all that is open.

        A policy that is new, or waits for something else than before, is fed with the past first; meanwhile the others
        go on. Raises `Unusable` or `CoreFault`, and then nothing has changed.
        """
        matcher = self._hearing.matcher
        fresh = matcher.beside(matcher.unknown(policies))
        found = await self._past.of(fresh, policies)
        await self._decider.reach_back({policy.name: policy for policy in policies})
        async with self._one_at_a_time:
            matches = await found.caught_up()
            matcher.exchange(policies, fresh)
            self._policies = {policy.name: policy for policy in policies}
            self._decider.exchange(self._policies)
            self._held = {name: one for name, one in self._held.items() if self._policy_of(one) is not None}
        for match in matches:
            await self._findings.put(match)

    async def _hear(self, durable: str, subject: str) -> None:
        async with self._bus.subscription(durable, subject) as subscription:
            while True:
                deliveries = await subscription.fetch(256, self._settings.tick)
                async with self._one_at_a_time:
                    for delivery in deliveries:
                        await self._heard(delivery)

    async def _heard(self, delivery: Delivery) -> None:
        try:
            for finding in self._past.next(delivery.record):
                await self._findings.put(finding)
        except Permanent as error:
            log.warning("event.unreadable", sequence=delivery.record.sequence, error=str(error))
            await delivery.term(str(error))
        else:
            await delivery.ack()

    async def _tick(self) -> None:
        while True:
            async with self._one_at_a_time:
                found = self._hearing.matcher.advance(self._clock.now())
            for finding in found:
                await self._findings.put(finding)
            for policy, count in self._hearing.matcher.overflowed().items():
                await self._decider.overflowed(policy, count)
            for policy, story in self._hearing.matcher.faulted().items():
                await self._teller.tell("toban.rules.fault", f"{policy}.{story}", f"toban:{policy}", story)
            await self._clock.sleep(self._settings.tick)

    async def _remember(self) -> None:
        while True:
            await self._clock.sleep(self._settings.low_water)
            try:
                await self._past.remember()
            except TobanError as error:  # an older mark only means a longer replay
                log.warning("flow.low_water_unwritten", error=str(error))

    async def _decide(self) -> None:
        while True:
            findings = [await self._findings.get()]
            while not self._findings.empty():
                findings.append(self._findings.get_nowait())
            for is_end, some in groupby(findings, lambda one: isinstance(one, Ended)):
                if is_end:
                    for one in some:
                        await self._end(one)
                else:
                    await self._judge([one for one in some if isinstance(one, Match)])

    async def _end(self, ended: Match | Ended) -> None:
        if isinstance(ended, Ended):
            self._held.pop(ended.id, None)
            await self._decider.ended(ended)

    async def _redecide(self) -> None:
        """Look at what is held again and again; the more there is, the more seldom, so that news goes first."""
        while True:
            await self._clock.sleep(max(self._settings.redecide, REST * self._took))
            if self._findings.empty():
                for match in self._held.values():
                    self._findings.put_nowait(match)

    async def _judge(self, matches: list[Match]) -> None:
        began = self._clock.monotonic()
        try:
            await self._settle(matches)
        finally:
            self._took = self._clock.monotonic() - began

    async def _settle(self, matches: list[Match]) -> None:
        picture = self.picture
        estate = picture.estate
        ours = [match for match in matches if (policy := self._policy_of(match)) is not None
                and linking.in_scope(estate, policy.spec.scope, match.key)]  # fmt: skip
        all_judged = await self._decider.decide_all(ours, estate, picture.seen, picture.people, picture.blind)
        for match, judged in zip(ours, all_judged, strict=True):
            if isinstance(judged, TobanError):
                log.warning("decision.failed", match=match.id, policy=match.policy, error=str(judged))
            if isinstance(judged, Hold | TobanError):
                self._held[match.id] = match
                continue
            self._held.pop(match.id, None)
            if isinstance(judged, Act) and match.id not in self._carrying and self._runs is not None:
                policy = self._policy_of(match)
                if policy is not None:
                    await self._carry_out(judged, match, policy)

    def _policy_of(self, match: Match) -> Policy | None:
        """The policy that is followed, or the one that a person's order brings along."""
        return self._policies.get(match.policy) or order.of_events(match.events)

    async def _carry_out(self, act: Act, match: Match, policy: Policy) -> None:
        try:
            estate, rehearsal = self.picture.estate, self._decider.rehearsal
            weary = await tiring.tired(self._bus, self._clock.now())
            plan = await asyncio.to_thread(planning.plan, act, match, policy, estate, rehearsal=rehearsal, tired=weary)
        except Exception as error:  # whatever one act does to its plan, the others are carried out; a person is told
            log.exception("planning.fault", match=match.id, policy=policy.name)
            self._carrying.add(match.id)
            await self._decider.run_broken(match.id, f"it could not be planned: {type(error).__name__}: {error}"[:300])
        else:
            self._spawn(match.id, plan)

    def _spawn(self, run: str, plan: RunPlan | None) -> None:
        if self._runs is not None:
            self._carrying.add(run)
            self._runs.create_task(self._carry(run, plan), name=f"run {run}")

    async def _carry(self, run: str, plan: RunPlan | None) -> None:
        """To its end. Where the bus was away or a lease ran out nothing is wrong with the run: it is resumed."""
        try:
            outcome = await self._carried(run, plan)
        except TobanError as error:
            log.warning("run.broken", run=run, error=str(error))
            await self._decider.run_broken(run, str(error))
        except Exception as error:  # whatever one run does to the runner, the others are carried on; a person is told
            log.exception("run.fault", run=run)
            await self._decider.run_broken(run, f"a fault of this program: {type(error).__name__}: {error}"[:300])
        else:
            await self._decider.run_ended(run, outcome)

    async def _carried(self, run: str, plan: RunPlan | None) -> Outcome:
        while True:
            try:
                return await (self._runner.start(plan) if plan is not None else self._runner.resume(run))
            except (Transient, Conflict) as error:
                log.warning("run.interrupted", run=run, error=str(error))
            await self._clock.sleep(REST)
