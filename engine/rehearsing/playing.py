"""A scenario played through matcher, guard, planning and runner on virtual time; the world answers as it is written."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from engine import planning
from engine.bus.memory import MemoryBus
from engine.clock import HandClock
from engine.deciding import Decider, DeciderSettings
from engine.estate import linking, projecting
from engine.guard import people, witnesses
from engine.guard.control import Control, Order
from engine.guard.limits import Limits
from engine.model.catalogue import Catalogue
from engine.model.decision import Act, Decision, Hold
from engine.model.errors import ConfigurationError, TobanError
from engine.model.estate import Estate
from engine.model.event import Arrival, Event
from engine.model.match import Ended, Finding, Match
from engine.model.policy import Mode, Policy
from engine.model.run import Outcome, Phase, RunPlan, fold
from engine.rehearsing import occurring, picturing
from engine.rehearsing.places import Place
from engine.rehearsing.scenarios import Answering, Scenario
from engine.rehearsing.standing_in import Hand, Leases, Sight
from engine.rules.matching import Matcher
from engine.runs.commanding import Commander, EffectorSets, Patience
from engine.runs.journal import BusJournal
from engine.runs.runner import Runner

AGAIN = 10.0
"""Seconds after which a held match is looked at again."""
STEP = timedelta(seconds=AGAIN)
OURS = frozenset({"toban"})
"""In a scenario everybody else who is named as `user=` is a person."""


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

    def __init__(
        self, scenario: Scenario, place: Place, policy: Policy, catalogue: Catalogue, beside: tuple[Policy, ...] = ()
    ) -> None:
        """Nothing happens before `play`. Policies `beside` it decide and act too, but nothing is told of them."""
        policy = _as_if(policy, scenario.mode)
        self.scenario, self.policy, self.catalogue = scenario, policy, catalogue
        self.policies = {one.name: one for one in (policy, *beside)}
        self.clock = HandClock(scenario.starts)
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
            self.policies,
            DeciderSettings(armed=True, limits=_limits(scenario), orders_age=0.0),
        )
        everybody = tuple(self.policies.values())
        self.matcher = Matcher(everybody, catalogue, lambda event, by: linking.key_for(self.estate, event, by))
        self.played = Played()
        self._held: dict[str, Match] = {}
        since, to = (scenario.away.since, scenario.away.to) if scenario.away is not None else (0.0, 0.0)
        self._away = (self._moment(since), self._moment(to))
        self._missed: list[Finding] = []
        self._said: dict[str, tuple[str, str]] = {}
        self._running: list[tuple[datetime, str, Outcome]] = []

    async def play(self) -> Played:
        """Everything that comes of it until the scenario's end."""
        if self.scenario.stop:
            await self.control.stop(self.scenario.stop)
        if self.scenario.disarmed:
            await self.control.disarm(self.policy.name, Order(by="the scenario", why=self.scenario.disarmed))
        end = self._moment(self.scenario.until)
        end = min(end, self._away[0]) if self._away[1] > end else end  # nobody comes back in time
        for at, what in occurring.timeline(self.scenario, self.policies.values()):
            if at > end:
                break
            if self._is_away(at):
                await self._pass_to(self._away[0])
                await self._miss(at, what)
                continue
            await self._pass_to(at)
            if isinstance(what, Arrival):
                self._take(what)
                await self._judge(self.matcher.feed(what))
            else:
                await self._answer(what)
            await self._judge(list(self._held.values()))
        await self._pass_to(end)
        return self.played

    async def _miss(self, at: datetime, what: Arrival | Answering) -> None:
        if isinstance(what, Arrival):
            self._missed += self.matcher.advance(at)
            self._take(what)
            self._missed += self.matcher.feed(what)
        else:
            await self._answer(what)

    async def _answer(self, said: Answering) -> None:
        order = Order(by=said.by, why=said.why, at=self.clock.now())
        for match in self._held.values():
            if match.policy == self.policy.name and said.about in (None, match.key):
                await self.control.answer(match.id, order, yes=said.answer == "yes")

    def _moment(self, seconds: float) -> datetime:
        return self.scenario.starts + timedelta(seconds=seconds)

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
        await self._judge(list(self._held.values()))

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
        act = people.observe(arrival.event, arrival.stored_at, OURS)
        if act is not None:
            self.people = people.remember(self.people, act)
        host = linking.host_of(self.estate, arrival.event.subject)
        if host is not None:
            word = witnesses.observe(self.catalogue, arrival.event, f"host:{host}", arrival.stored_at)
            if word is not None:
                self.seen = witnesses.remember(self.seen, word)

    async def _judge(self, findings: Iterable[Finding]) -> None:
        matches: list[Match] = []
        for finding in findings:
            if isinstance(finding, Ended):
                await self._decide_all(matches)
                matches = []
                self.played.ended += [finding] if finding.policy == self.policy.name else []
                self._held.pop(finding.id, None)
                await self.decider.ended(finding)
            elif linking.in_scope(self.estate, self.policies[finding.policy].spec.scope, finding.key):
                matches.append(finding)
            else:
                self.played.out_of_scope += finding.policy == self.policy.name
        await self._decide_all(matches)

    async def _decide_all(self, matches: list[Match]) -> None:
        judged = await self.decider.decide_all(matches, self.estate, self.seen, self.people) if matches else ()
        for match, decision in zip(matches, judged, strict=True):
            if isinstance(decision, TobanError):
                raise decision
            await self._settle(match, decision)

    async def _settle(self, match: Match, decision: Decision) -> None:
        if isinstance(decision, Hold):
            self._held[match.id] = match
        else:
            self._held.pop(match.id, None)
        said = (decision.kind, decision.reasons[0].code if decision.reasons else "")
        if self._said.get(match.id) == said:  # the same for the same reason: no news
            return
        self._said[match.id] = said
        policy = self.policies[match.policy]
        told = Told((decision.at - self.scenario.starts).total_seconds(), match.key, decision)
        if isinstance(decision, Act):
            plan = planning.plan(decision, match, policy, self.estate, rehearsal=False)
            told = await self._run(told.at, decision, plan)
        self.played.told += [told] if policy is self.policy else []

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


def play(
    scenario: Scenario, place: Place, policy: Policy, catalogue: Catalogue, known: Mapping[str, Policy] | None = None
) -> Played:
    """What came of it; `known` are the policies that it may name as `beside`.

    Raises `Unusable` or `CoreFault` for a policy that `policy check` refuses, `ConfigurationError` for an unknown name.
    """
    others = known or {}
    absent = [name for name in scenario.beside if name not in others or name == policy.name]
    if absent:
        msg = f"{scenario.name}: there is no other policy {absent[0]}; known: {', '.join(sorted(others)) or 'none'}"
        raise ConfigurationError(msg)
    beside = tuple(others[name] for name in scenario.beside)
    return asyncio.run(Stage(scenario, place, policy, catalogue, beside).play())
