"""A scenario played through matcher, guard, planning and runner on virtual time; the world answers as it is written."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from engine import planning
from engine.bus.memory import MemoryBus
from engine.clock import HandClock
from engine.deciding import Decider, DeciderSettings
from engine.estate import linking, projecting
from engine.guard import people, witnesses
from engine.guard.control import Control
from engine.guard.limits import Limits
from engine.model.catalogue import Catalogue
from engine.model.decision import Act, Decision, Hold
from engine.model.estate import Estate
from engine.model.event import Arrival, Event
from engine.model.match import Ended, Finding, Match
from engine.model.policy import Mode, Policy
from engine.model.run import Outcome, Phase, RunPlan, fold
from engine.rehearsing import picturing
from engine.rehearsing.places import Place
from engine.rehearsing.scenarios import Scenario
from engine.rehearsing.standing_in import Hand, Leases, Sight
from engine.rules.matching import Matcher
from engine.runs.commanding import Commander, EffectorSets, Patience
from engine.runs.journal import BusJournal
from engine.runs.runner import Runner

START = datetime(2026, 1, 1, tzinfo=UTC)
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


@dataclass(slots=True)
class Played:
    """All that came of a scenario."""

    told: list[Told] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    heard: list[Event] = field(default_factory=list)
    out_of_scope: int = 0


class Stage:
    """One scenario being played."""

    def __init__(self, scenario: Scenario, place: Place, policy: Policy, catalogue: Catalogue) -> None:
        """Nothing happens before `play`."""
        policy = _as_if(policy, scenario.mode)
        self.scenario, self.policy, self.catalogue = scenario, policy, catalogue
        self.clock = HandClock(START)
        self.estate: Estate = picturing.picture(scenario.estate or place)
        self.seen: witnesses.Seen = {}
        self.people: people.People = {}
        self.bus = MemoryBus(self.clock)
        self.control = Control(self.bus)
        self.decider = Decider(
            self.bus,
            self.clock,
            self.control,
            Sight(scenario, self.clock),
            {policy.name: policy},
            DeciderSettings(armed=True, limits=_limits(scenario)),
        )
        self.matcher = Matcher((policy,), catalogue, lambda event, by: linking.key_for(self.estate, event, by))
        self.played = Played()
        self._held: dict[str, Match] = {}
        since, to = (scenario.away.since, scenario.away.to) if scenario.away is not None else (0.0, 0.0)
        self._away = (START + timedelta(seconds=since), START + timedelta(seconds=to))
        self._missed: list[Finding] = []
        self._said: dict[str, tuple[str, str]] = {}
        self._running: list[tuple[datetime, str, Outcome]] = []

    async def play(self) -> Played:
        """Everything that comes of it until the scenario's end."""
        if self.scenario.stop:
            await self.control.stop(self.scenario.stop)
        end = START + timedelta(seconds=self.scenario.until)
        for arrival in arrivals(self.scenario):
            if arrival.stored_at > end:
                break
            if self._is_away(arrival.stored_at):
                await self._pass_to(self._away[0])
                self._missed += self.matcher.advance(arrival.stored_at)
                self._take(arrival)
                self._missed += self.matcher.feed(arrival)
                continue
            await self._pass_to(arrival.stored_at)
            self._take(arrival)
            await self._judge(self.matcher.feed(arrival))
            await self._judge(list(self._held.values()))
        await self._pass_to(end)
        return self.played

    def _is_away(self, moment: datetime) -> bool:
        """Whether nobody is on duty then: what happens is read afterwards, as after a restart."""
        return self._away[0] <= moment < self._away[1]

    async def _back(self, moment: datetime) -> None:
        """Everything that was missed is known at once; what is over by now is decided no more."""
        self.clock.turn((moment - self.clock.now()).total_seconds())
        await self._finish(moment)
        found, self._missed = [*self._missed, *self.matcher.advance(moment)], []
        over = {finding.id for finding in found if isinstance(finding, Ended)}
        await self._judge(finding for finding in found if isinstance(finding, Ended) or finding.id not in over)

    async def _pass_to(self, moment: datetime) -> None:
        """Let time pass: timers ripen, runs end, held matches are looked at again."""
        while self.clock.now() < moment:
            now = self.clock.now()
            if self._is_away(now):
                await self._back(min(moment, self._away[1]))
                continue
            leaving = [self._away[0]] if self._away[0] > now else []
            steps = [moment, *leaving, *([now + STEP] if self._held else []), *(at for at, _, _ in self._running)]
            due = self.matcher.next_due()
            following = max(now, min([*steps, due] if due is not None else steps))
            self.clock.turn((following - now).total_seconds())
            await self._finish(following)
            await self._judge(self.matcher.advance(following))
            await self._judge(list(self._held.values()))

    def _take(self, arrival: Arrival) -> None:
        self.played.heard.append(arrival.event)
        self.estate = projecting.apply(self.estate, arrival.event)
        act = people.observe(arrival.event, arrival.stored_at, ())
        if act is not None:
            self.people = people.remember(self.people, act)
        host = linking.host_of(self.estate, arrival.event.subject)
        if host is not None:
            word = witnesses.observe(self.catalogue, arrival.event, f"host:{host}", arrival.stored_at)
            if word is not None:
                self.seen = witnesses.remember(self.seen, word)

    async def _judge(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            if isinstance(finding, Ended):
                self.played.ended.append(finding)
                self._held.pop(finding.id, None)
            elif linking.in_scope(self.estate, self.policy.spec.scope, finding.key):
                await self._decide(finding)
            else:
                self.played.out_of_scope += 1

    async def _decide(self, match: Match) -> None:
        decision = await self.decider.decide(match, self.policy, self.estate, self.seen, self.people)
        if isinstance(decision, Hold):
            self._held[match.id] = match
        else:
            self._held.pop(match.id, None)
        said = (decision.kind, decision.reasons[0].code if decision.reasons else "")
        if self._said.get(match.id) == said:  # the same for the same reason: no news
            return
        self._said[match.id] = said
        at = (decision.at - START).total_seconds()
        if isinstance(decision, Act):
            plan = planning.plan(decision, match, self.policy, self.estate, rehearsal=False)
            self.played.told.append(await self._run(at, decision, plan))
        else:
            self.played.told.append(Told(at, match.key, decision))

    async def _run(self, at: float, decision: Act, plan: RunPlan) -> Told:
        clock, journal = HandClock(self.clock.now()), BusJournal(self.bus)
        verbs = {command.verb for step in plan.steps for command in step.commands}
        hand = Hand(self.scenario)
        effectors = EffectorSets(armed=dict.fromkeys(verbs, hand), rehearsed={})
        runner = Runner(journal, Leases(), Commander(effectors, self.control.stopped, clock, Patience()), clock)
        outcome = await runner.start(plan)
        ends = self.clock.now() + timedelta(seconds=self.scenario.runs_take)
        self._running.append((ends, plan.run, outcome))
        await self._finish(self.clock.now())
        entries, _ = await journal.read(plan.run)
        view = fold(entries)
        tried = {name for name, standing in view.commands.items() if standing.phase is not Phase.SKIPPED}
        commands = [command for step in plan.steps for command in step.commands if command.id in tried]
        does = tuple(f"{command.verb} {command.target}" for command in commands)
        return Told(at, decision.object, decision, does, dict(view.steps), outcome)

    async def _finish(self, now: datetime) -> None:
        for ends, run, outcome in [one for one in self._running if one[0] <= now]:
            self._running.remove((ends, run, outcome))
            await self.decider.run_ended(run, outcome)


def _as_if(policy: Policy, mode: Mode | None) -> Policy:
    """The policy in the mode that the scenario plays it in."""
    if mode is None:
        return policy
    return policy.model_copy(update={"spec": policy.spec.model_copy(update={"mode": mode})})


def _limits(scenario: Scenario) -> Limits:
    stated = scenario.guard.model_dump(exclude_none=True) if scenario.guard is not None else {}
    return replace(Limits(), **stated)


def arrivals(scenario: Scenario) -> list[Arrival]:
    """The scenario's inputs in the order of their coming."""
    timed = [(at, one) for one in scenario.inputs for at in one.times()]
    found = []
    for number, (at, one) in enumerate(sorted(timed, key=lambda pair: pair[0]), start=1):
        moment = START + timedelta(seconds=at)
        event = Event(
            id=f"input-{number}",
            type=one.type,
            source="scenario",
            subject=one.about,
            time=moment,
            severity=one.severity,
            data=one.data,
        )
        found.append(Arrival(event=event, sequence=number, stored_at=moment))
    return found


def play(scenario: Scenario, place: Place, policy: Policy, catalogue: Catalogue) -> Played:
    """What came of it. Raises `Unusable` or `CoreFault` for a policy that `policy check` refuses."""
    return asyncio.run(Stage(scenario, place, policy, catalogue).play())
