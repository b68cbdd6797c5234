"""The stage: one engine on virtual time for scenarios and for the past; arrivals come in, decisions come out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine import planning
from engine.bus.memory import MemoryBus
from engine.clock import HandClock
from engine.deciding import Decider, DeciderSettings
from engine.estate import linking, projecting
from engine.guard import blindness, people, witnesses
from engine.guard.control import Control
from engine.guard.sight import Sight
from engine.model.catalogue import Catalogue
from engine.model.decision import Act, Decision, Hold
from engine.model.errors import TobanError
from engine.model.estate import Estate
from engine.model.event import Arrival
from engine.model.match import Ended, Finding, Match
from engine.model.policy import Policy
from engine.model.run import Outcome, Phase, RunPlan, fold
from engine.rehearsing.standing_in import Hand, Leases
from engine.rules.matching import Matcher
from engine.runs.commanding import Commander, EffectorSets, Patience
from engine.runs.journal import BusJournal
from engine.runs.runner import Runner

AGAIN = 10.0
"""Seconds after which a held match is looked at again."""
STEP = timedelta(seconds=AGAIN)


@dataclass(frozen=True, slots=True)
class Told:
    """A decision as it came, and what its run did."""

    at: float
    about: str
    decision: Decision
    does: tuple[str, ...] = ()
    """What was tried, in order: `vm.migrate vm:VM-01`."""
    steps: dict[str, Outcome] = field(default_factory=dict)
    outcome: Outcome | None = None

    @property
    def why(self) -> str:
        """Code of the deciding reason."""
        return self.decision.reasons[0].code if self.decision.reasons else ""


@dataclass(frozen=True, slots=True)
class Setting:
    """The world around the engine."""

    clock: HandClock
    """Shows when the play begins."""
    estate: Estate
    """As it is at the beginning."""
    sight: Sight
    guard: DeciderSettings
    ours: frozenset[str]
    """Accounts under which no person acts."""
    fails: dict[str, str] = field(default_factory=dict)
    """Step id -> why its commands fail; all others succeed."""
    runs_take: float = 0.0
    """Seconds that each run lasts."""
    rest: float = 0.0
    """Seconds that a held match is left alone between two looks, however much is heard meanwhile."""
    deciding: Callable[[Sequence[Match]], None] = lambda _: None
    """Told which matches are about to be decided, before anybody looks."""


@dataclass(slots=True)
class Findings:
    """What came of the first policy."""

    told: list[Told] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    out_of_scope: int = 0


class Stage:
    """Matcher, guard, planning and runner, driven by whoever has arrivals to give."""

    def __init__(self, setting: Setting, policies: tuple[Policy, ...], catalogue: Catalogue) -> None:
        """Nothing happens by itself. All policies decide and act; what is told is of the first."""
        self.policy, self.policies = policies[0], {one.name: one for one in policies}
        self.clock, self.catalogue, self.estate = setting.clock, catalogue, setting.estate
        self.seen: witnesses.Seen = {}
        self.people: people.People = {}
        self.blind: blindness.Blindness = {}
        self.bus = MemoryBus(self.clock)
        self.control = Control(self.bus)
        self.decider = Decider(self.bus, self.clock, self.control, setting.sight, self.policies, setting.guard)
        self.matcher = Matcher(policies, catalogue, lambda event, by: linking.key_for(self.estate, event, by))
        self.findings = Findings()
        self.held: dict[str, Match] = {}
        self._setting, self._began = setting, self.clock.now()
        self._looked: datetime | None = None
        self._said: dict[str, tuple[str, str]] = {}
        self._running: list[tuple[datetime, str, Outcome]] = []

    async def hear(self, arrival: Arrival) -> None:
        """Something arrives now."""
        self.take(arrival)
        await self.judge(self.matcher.feed(arrival))

    async def pass_to(self, moment: datetime) -> None:
        """Let time pass: timers ripen, runs end, held matches are looked at again."""
        while self.clock.now() < moment:
            now = self.clock.now()
            steps = [moment, *([now + STEP] if self.held else []), *(at for at, _, _ in self._running)]
            due = self.matcher.next_due()
            following = max(now, min([*steps, due] if due is not None else steps))
            self.clock.turn((following - now).total_seconds())
            await self.finish(following)
            await self.judge(self.matcher.advance(following))
            await self.look_again()

    async def look_again(self) -> None:
        """Decide what is held once more, unless that was done a moment ago."""
        now = self.clock.now()
        if self._looked is None or (now - self._looked).total_seconds() >= self._setting.rest:
            self._looked = now
            await self.judge(list(self.held.values()))

    def take(self, arrival: Arrival) -> None:
        """What an arrival changes in the picture."""
        self.estate = projecting.apply(self.estate, arrival.event)
        self.blind = blindness.follow(self.blind, arrival.event, arrival.stored_at)
        act = people.observe(arrival.event, arrival.stored_at, self._setting.ours)
        if act is not None:
            self.people = people.remember(self.people, act)
        host = linking.host_of(self.estate, arrival.event.subject)
        if host is not None:
            word = witnesses.observe(self.catalogue, arrival.event, f"host:{host}", arrival.stored_at)
            if word is not None:
                self.seen = witnesses.remember(self.seen, word)

    async def judge(self, findings: Iterable[Finding]) -> None:
        """Decide matches and carry out what is to be done; what is over is decided no more."""
        matches: list[Match] = []
        for finding in findings:
            if isinstance(finding, Ended):
                await self._decide_all(matches)
                matches = []
                self.findings.ended += [finding] if finding.policy == self.policy.name else []
                self.held.pop(finding.id, None)
                await self.decider.ended(finding)
            elif linking.in_scope(self.estate, self.policies[finding.policy].spec.scope, finding.key):
                matches.append(finding)
            else:
                self.findings.out_of_scope += finding.policy == self.policy.name
        await self._decide_all(matches)

    async def _decide_all(self, matches: list[Match]) -> None:
        self._setting.deciding(matches)
        known = (self.estate, self.seen, self.people, self.blind)
        judged = await self.decider.decide_all(matches, *known) if matches else ()
        for match, decision in zip(matches, judged, strict=True):
            if isinstance(decision, TobanError):
                raise decision
            await self._settle(match, decision)

    async def _settle(self, match: Match, decision: Decision) -> None:
        if isinstance(decision, Hold):
            self.held[match.id] = match
        else:
            self.held.pop(match.id, None)
        said = (decision.kind, decision.reasons[0].code if decision.reasons else "")
        if self._said.get(match.id) == said:  # the same for the same reason: no news
            return
        self._said[match.id] = said
        policy = self.policies[match.policy]
        told = Told((decision.at - self._began).total_seconds(), match.key, decision)
        if isinstance(decision, Act):
            plan = planning.plan(decision, match, policy, self.estate, rehearsal=False)
            told = await self._run(told.at, decision, plan)
        self.findings.told += [told] if policy is self.policy else []

    async def _run(self, at: float, decision: Act, plan: RunPlan) -> Told:
        clock, journal = HandClock(self.clock.now()), BusJournal(self.bus)
        verbs = {command.verb for step in plan.steps for command in step.commands}
        hand = Hand(self._setting.fails)
        effectors = EffectorSets(armed=dict.fromkeys(verbs, hand), rehearsed={})
        runner = Runner(journal, Leases(), Commander(effectors, self.control.stopped, clock, Patience()), clock)
        outcome = await runner.start(plan)
        ends = self.clock.now() + timedelta(seconds=self._setting.runs_take)
        self._running.append((ends, plan.run, outcome))
        await self.finish(self.clock.now())
        entries, _ = await journal.read(plan.run)
        view = fold(entries)
        tried = {name for name, standing in view.commands.items() if standing.phase is not Phase.SKIPPED}
        commands = [command for step in plan.steps for command in step.commands if command.id in tried]
        does = tuple(f"{command.verb} {command.target}" for command in commands)
        return Told(at, decision.object, decision, does, dict(view.steps), outcome)

    async def finish(self, now: datetime) -> None:
        """Runs whose time is over have ended."""
        for ends, run, outcome in [one for one in self._running if one[0] <= now]:
            self._running.remove((ends, run, outcome))
            await self.decider.run_ended(run, outcome)
