"""Which VMs failed over too often, by the journals of the last hour."""

import asyncio
from datetime import UTC, datetime

from engine.bus.memory import MemoryBus
from engine.clock import HandClock
from engine.model.command import Command
from engine.model.run import Phase, PlannedStep, RunPlan
from engine.runs import tiring
from engine.runs.journal import BusJournal
from engine.runs.ledger import Ledger

START = datetime(2026, 11, 25, 2, tzinfo=UTC)


def plan(run: str, verb: str = "failover", act: str = "vm.power_on", *, rehearsal: bool = False) -> RunPlan:
    command = Command(id=f"{run}.s.1", step="s", verb=act, target="vm:VM-01", parameters={"instance_uuid": "u1"})
    step = PlannedStep(id="s", verb=verb, commands=(command,))
    return RunPlan(run=run, policy="p", object="host:esx1", causes=(), rehearsal=rehearsal, steps=(step,))


def tired(*plans: tuple[float, RunPlan]) -> frozenset[str]:
    """After runs that were planned so many minutes ago."""

    async def go() -> frozenset[str]:
        clock = HandClock(START)
        bus = MemoryBus(clock)
        for minutes, one in sorted(plans, key=lambda pair: -pair[0]):
            clock.turn(max(0.0, 7200 - minutes * 60 - clock.monotonic()))
            ledger = await Ledger.open(BusJournal(bus), one.run, clock)
            await ledger.write(Phase.PLANNED, plan=one)
        clock.turn(7200 - clock.monotonic())
        return await tiring.tired(bus, clock.now())

    return asyncio.run(go())


def test_the_third_failover_within_an_hour_finds_the_vm_tired() -> None:
    assert tired((50, plan("r1")), (20, plan("r2"))) == {"u1"}


def test_one_failover_or_one_long_ago_is_nothing() -> None:
    assert tired((20, plan("r1"))) == frozenset()
    assert tired((70, plan("r1")), (20, plan("r2"))) == frozenset()


def test_only_starts_of_real_failovers_count() -> None:
    others = plan("r2", verb="restart-vm"), plan("r3", act="vm.register"), plan("r4", rehearsal=True)
    assert tired((20, plan("r1")), *((10, one) for one in others)) == frozenset()
