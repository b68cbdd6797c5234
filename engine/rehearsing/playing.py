"""A scenario played on the stage; the world answers as it is written."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from engine.clock import HandClock
from engine.deciding import DeciderSettings
from engine.guard.control import Order
from engine.guard.limits import Limits
from engine.model.catalogue import Catalogue
from engine.model.errors import ConfigurationError
from engine.model.event import Arrival, Event
from engine.model.match import Ended, Finding
from engine.model.policy import Mode, Policy
from engine.rehearsing import occurring, picturing
from engine.rehearsing.places import Place
from engine.rehearsing.scenarios import Answering, Scenario
from engine.rehearsing.staging import Setting, Stage, Told
from engine.rehearsing.standing_in import Sight

OURS = frozenset({"toban"})
"""In a scenario everybody else who is named as `user=` is a person."""

__all__ = ["Played", "Told", "play"]


@dataclass(slots=True)
class Played:
    """All that came of a scenario."""

    told: list[Told] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    heard: list[Event] = field(default_factory=list)
    out_of_scope: int = 0


class Play:
    """One scenario being played."""

    def __init__(
        self, scenario: Scenario, place: Place, policy: Policy, catalogue: Catalogue, beside: tuple[Policy, ...] = ()
    ) -> None:
        """Nothing happens before `play`. Policies `beside` it decide and act too, but nothing is told of them."""
        clock = HandClock(scenario.starts)
        setting = Setting(
            clock,
            picturing.picture(scenario.estate or place),
            Sight(scenario, clock),
            DeciderSettings(armed=True, limits=_limits(scenario), orders_age=0.0),
            OURS,
            scenario.fails,
            scenario.runs_take,
        )
        self.scenario = scenario
        self.stage = Stage(setting, (_as_if(policy, scenario.mode), *beside), catalogue)
        since, to = (scenario.away.since, scenario.away.to) if scenario.away is not None else (0.0, 0.0)
        self._away = (self._moment(since), self._moment(to))
        self._heard: list[Event] = []
        self._missed: list[Finding] = []

    async def play(self) -> Played:
        """Everything that comes of it until the scenario's end."""
        stage = self.stage
        if self.scenario.stop:
            await stage.control.stop(self.scenario.stop)
        if self.scenario.disarmed:
            await stage.control.disarm(stage.policy.name, Order(by="the scenario", why=self.scenario.disarmed))
        end = self._moment(self.scenario.until)
        end = min(end, self._away[0]) if self._away[1] > end else end  # nobody comes back in time
        for at, what in occurring.timeline(self.scenario, stage.policies.values()):
            if at > end:
                break
            if isinstance(what, Arrival):
                self._heard.append(what.event)
            if self._is_away(at):
                await self._pass_to(self._away[0])
                await self._miss(at, what)
                continue
            await self._pass_to(at)
            await (stage.hear(what) if isinstance(what, Arrival) else self._answer(what))
            await stage.look_again()
        await self._pass_to(end)
        found = stage.findings
        return Played(found.told, found.ended, self._heard, found.out_of_scope)

    async def _miss(self, at: datetime, what: Arrival | Answering) -> None:
        if isinstance(what, Arrival):
            self._missed += self.stage.matcher.advance(at)
            self.stage.take(what)
            self._missed += self.stage.matcher.feed(what)
        else:
            await self._answer(what)

    async def _answer(self, said: Answering) -> None:
        order = Order(by=said.by, why=said.why, at=self.stage.clock.now())
        for match in self.stage.held.values():
            if match.policy == self.stage.policy.name and said.about in (None, match.key):
                await self.stage.control.answer(match.id, order, yes=said.answer == "yes")

    def _moment(self, seconds: float) -> datetime:
        return self.scenario.starts + timedelta(seconds=seconds)

    def _is_away(self, moment: datetime) -> bool:
        """Whether nobody is on duty then: what happens is read afterwards, as after a restart."""
        return self._away[0] <= moment < self._away[1]

    async def _back(self, moment: datetime) -> None:
        """Everything that was missed is known at once; what is over by now is decided no more."""
        stage = self.stage
        stage.clock.turn((moment - stage.clock.now()).total_seconds())
        await stage.finish(moment)
        found, self._missed = [*self._missed, *stage.matcher.advance(moment)], []
        over = {finding.id for finding in found if isinstance(finding, Ended)}
        await stage.judge(finding for finding in found if isinstance(finding, Ended) or finding.id not in over)
        await stage.look_again()

    async def _pass_to(self, moment: datetime) -> None:
        """Let time pass, the time away at once."""
        leaves, returns = self._away
        if leaves < returns and self.stage.clock.now() < returns:
            await self.stage.pass_to(min(moment, leaves))
            if moment > self.stage.clock.now():
                await self._back(min(moment, returns))
        await self.stage.pass_to(moment)


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
    return asyncio.run(Play(scenario, place, policy, catalogue, beside).play())
