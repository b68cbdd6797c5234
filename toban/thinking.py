"""The half of a process that decides and acts: flow, schedules, policy files, notices; begun anew after an outage.

Whoever hears goes on while the broker is away and keeps what it hears. Whoever decides rests on what the broker holds:
when that was out of reach, this half begins anew as after a crash, with the same rebuilding and the same resuming.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import orjson
import structlog

from engine.bus.port import Bus
from engine.clock import Clock
from engine.deciding import Decider
from engine.flow import Flow
from engine.guard.control import Control
from engine.hearing import Hearing
from engine.inhand import InHand
from engine.model.errors import Transient
from engine.model.source import Source
from engine.past import FlowSettings
from engine.runs.journal import BusJournal
from engine.runs.runner import Runner
from engine.schedule.ticking import Ticking, planned
from engine.telling import Teller
from toban import guarding
from toban.declaring import Declared
from toban.duty import PolicyWatch
from toban.parts import Wires

log = structlog.get_logger()

BEAT_EVERY = 5.0
PAUSE = 1.0
"""Seconds between two questions whether the broker answers again."""
MakeRunner = Callable[[Control, BusJournal], Runner]


@dataclass(slots=True)
class _Life:
    """What is made anew."""

    decider: Decider
    flow: Flow
    ticking: Ticking
    watch: PolicyWatch


class Thinking:
    """Decides and acts until cancelled."""

    def __init__(
        self, declared: Declared, wires: Wires, runner: MakeRunner, hand: InHand, bus: Bus, clock: Clock
    ) -> None:
        """Nothing starts before `run`."""
        self._declared, self._wires, self._runner, self._hand = declared, wires, runner, hand
        self._bus, self._clock = bus, clock
        self._policies = declared.policies
        self._problems: tuple[str, ...] = ()
        self._life = self._made()

    def source(self) -> Source:
        """How the schedules stand."""
        return self._life.ticking.source()

    async def run(self, rebuilt: asyncio.Event) -> None:
        """`rebuilt` is set once the past is read. Raises Transient if the broker is away before that."""
        while True:
            try:
                await self._live(rebuilt)
            except* Transient as lost:
                if not rebuilt.is_set():
                    raise
                log.warning("engine.interrupted", error=str(_first(lost)))
            self._hand.down()  # an outage is no crash
            self._policies, self._problems = self._life.flow.policies, self._life.watch.problems
            await self._until_answered()
            self._life = self._made()
            log.info("engine.begins_anew", policies=len(self._policies))

    def _made(self) -> _Life:
        chosen, bus, clock = self._declared.settings, self._bus, self._clock
        control = Control(bus)
        named = {one.name: one for one in self._policies}
        decider = Decider(bus, clock, control, self._wires.sight, named, guarding.decider_settings(chosen))
        hearing = Hearing(
            self._declared.site, self._policies, self._declared.catalogue, self._hand, chosen.own_accounts
        )
        runner = self._runner(control, BusJournal(bus))
        flow = Flow(bus, clock, self._policies, hearing, decider, runner, FlowSettings(replay=chosen.replay))
        ticking = Ticking(bus, clock, planned(self._policies), leases=self._wires.leases)
        watch = PolicyWatch(self._declared.files, flow, ticking, Teller(bus, clock), clock)
        watch.problems = self._problems
        return _Life(decider, flow, ticking, watch)

    async def _live(self, rebuilt: asyncio.Event) -> None:
        life, wires, ready = self._life, self._wires, asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(life.flow.run(ready), name="flow")
            await ready.wait()
            if wires.notifier is not None:
                group.create_task(wires.notifier.run(), name="notices")
                group.create_task(wires.reporter.run(), name="reports")
            group.create_task(life.ticking.run(), name="schedules")
            group.create_task(life.watch.run(), name="policy files")
            group.create_task(self._beat(life), name="heartbeat")
            rebuilt.set()

    async def _beat(self, life: _Life) -> None:
        """Tell that we are on duty; where that cannot be told any more, nothing that was decided can be kept either."""
        while True:
            broken, counts = list(life.watch.problems), dict(sorted(life.decider.counts.items()))
            told = {"broken_policies": broken, "decisions": counts, **self._wires.health()}
            state = {"armed": self._declared.settings.armed, "at": self._clock.now().isoformat(), **told}
            await self._bus.put("CONTROL", "heartbeat", orjson.dumps(state))
            await self._clock.sleep(BEAT_EVERY)

    async def _until_answered(self) -> None:
        while True:
            await self._clock.sleep(PAUSE)
            if (await self._bus.health()).connected:
                return


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
