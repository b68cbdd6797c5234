"""Scenarios of the shipped policies: read, played on virtual time through matcher and guard, told as decisions."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine import documents, planning
from engine.bus.memory import MemoryBus
from engine.clock import HandClock
from engine.deciding import Decider, DeciderSettings
from engine.estate import linking, projecting
from engine.guard import witnesses
from engine.guard.control import BUCKET, Control
from engine.model.catalogue import shipped
from engine.model.decision import Act, Observation
from engine.model.estate import Estate
from engine.model.event import Arrival, Event
from engine.model.match import Match
from engine.model.policy import Duration, Policy
from engine.rules.matching import Matcher
from tests.engine.worlds import estate

START = datetime(2026, 11, 24, tzinfo=UTC)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Given(_Part):
    """One event."""

    at: Duration
    type: str
    about: str


class Load(_Part):
    """host.load events at a steady pace."""

    host: str
    start: Duration = Field(alias="from")
    to: Duration
    every: Duration
    cpu_percent: float


class Expected(_Part):
    """One decision."""

    at: Duration
    decision: Literal["act", "hold", "ignore"]
    why: str | None = None
    does: tuple[str, ...] | None = None


class Scenario(_Part):
    """What happens, and what must come of it."""

    name: str
    events: tuple[Given, ...] = ()
    loads: tuple[Load, ...] = ()
    sees: dict[Literal["vcenter", "bmc", "probe"], Literal["down", "up"]] = Field(default_factory=dict)
    maintenance: tuple[str, ...] = ()
    stop: str | None = None
    until: Duration
    expect: tuple[Expected, ...]


class Scenarios(_Part):
    """One file."""

    apiVersion: Literal["toban/v1"]  # noqa: N815  the file's own word
    kind: Literal["Scenarios"]
    policy: str
    scenarios: tuple[Scenario, ...]


def read(path: Path) -> Scenarios:
    return documents.validate(documents.read(path), Scenarios)


class Eyes:
    """Sight that the scenario states."""

    def __init__(self, scenario: Scenario, clock: HandClock) -> None:
        self._scenario, self._clock = scenario, clock

    async def look(self, place) -> tuple[Observation, ...]:
        now = self._clock.now()
        return tuple(
            Observation(witness=name, subject=place.id, down=word == "down", at=now, says=f"{name} says {word}")
            for name, word in self._scenario.sees.items()
        )

    def blind(self, place) -> str | None:
        return None


def _arrivals(scenario: Scenario) -> list[Arrival]:
    told = [(one.at, one.type, one.about, {}) for one in scenario.events]
    for load in scenario.loads:
        for number in range(int((load.to - load.start) // load.every) + 1):
            data = {"cpu_percent": load.cpu_percent, "cpu_mhz": int(200 * load.cpu_percent), "memory_mb": 8192}
            told.append((load.start + number * load.every, "host.load", f"host:{load.host}", data))
    found = []
    for number, (at, kind, about, data) in enumerate(sorted(told, key=lambda one: one[0]), start=1):
        moment = START + timedelta(seconds=at)
        event = Event(id=f"s{number}", type=kind, source="scenario", subject=about, time=moment, data=data)
        found.append(Arrival(event=event, sequence=number, stored_at=moment))
    return found


class Stage:
    """One scenario being played."""

    def __init__(self, scenario: Scenario, policy: Policy) -> None:
        self.scenario, self.policy, self.clock = scenario, policy, HandClock(START)
        self.estate, self.seen, self.words = _maintained(scenario), {}, shipped()
        self.bus = MemoryBus(self.clock)
        known, settings = {policy.name: policy}, DeciderSettings(armed=True)
        eyes = Eyes(scenario, self.clock)
        self.decider = Decider(self.bus, self.clock, Control(self.bus), eyes, known, settings)
        self.matcher = Matcher((policy,), self.words, lambda event, by: linking.key_for(self.estate, event, by))
        self.told: list[Told] = []

    async def play(self) -> list["Told"]:
        if self.scenario.stop:
            await self.bus.put(BUCKET, "stop", self.scenario.stop.encode())
        for arrival in _arrivals(self.scenario):
            await self.judge(self.matcher.advance(arrival.stored_at))
            self.clock.turn(max(0.0, (arrival.stored_at - self.clock.now()).total_seconds()))
            self.take(arrival)
            await self.judge(self.matcher.feed(arrival))
        await self.judge(self.matcher.advance(START + timedelta(seconds=self.scenario.until)))
        return self.told

    def take(self, arrival: Arrival) -> None:
        event = arrival.event
        self.estate = projecting.apply(self.estate, event)
        host = linking.host_of(self.estate, event.subject)
        if host is not None and (word := witnesses.observe(self.words, event, f"host:{host}", arrival.stored_at)):
            self.seen = witnesses.remember(self.seen, word)

    async def judge(self, findings) -> None:
        for finding in findings:
            if isinstance(finding, Match) and linking.in_scope(self.estate, self.policy.spec.scope, finding.key):
                self.clock.turn(max(0.0, (finding.at - self.clock.now()).total_seconds()))
                decision = await self.decider.decide(finding, self.policy, self.estate, self.seen)
                why = decision.reasons[0].code if decision.reasons else ""
                does = self.commands(decision, finding) if isinstance(decision, Act) else ()
                self.told.append(Told((decision.at - START).total_seconds(), decision.kind, why, does))

    def commands(self, decision: Act, match: Match) -> tuple[str, ...]:
        plan = planning.plan(decision, match, self.policy, self.estate, rehearsal=False)
        return tuple(command.verb for step in plan.steps for command in step.commands)


@dataclass(frozen=True, slots=True)
class Told:
    """A decision as it came."""

    at: float
    decision: str
    why: str
    does: tuple[str, ...]


def _maintained(scenario: Scenario) -> Estate:
    now = estate()
    hosts = {name: now.hosts[name].model_copy(update={"maintenance": True}) for name in scenario.maintenance}
    return now.model_copy(update={"hosts": {**now.hosts, **hosts}})


def play(scenario: Scenario, policy: Policy) -> list[Told]:
    """What was decided, in order."""
    return asyncio.run(Stage(scenario, policy).play())
