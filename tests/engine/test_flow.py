"""What one run meets stops neither the others nor itself for good."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.bus import subjects
from engine.bus.leases import BusLeases
from engine.bus.memory import MemoryBus
from engine.clock import HandClock, SystemClock
from engine.flow import Flow
from engine.hearing import Hearing
from engine.inhand import InHand
from engine.model.catalogue import shipped
from engine.model.errors import Conflict, Permanent, Transient
from engine.model.run import Outcome
from engine.past import FlowSettings
from engine.runs.journal import BusJournal
from tests.engine.worlds import site

START = datetime(2026, 11, 24, tzinfo=UTC)


class Runs:
    """Runs that an earlier life left; each meets these errors before it ends well."""

    def __init__(self, **meets: list[Exception]) -> None:
        self.meets = meets

    async def unfinished(self) -> tuple[str, ...]:
        return tuple(self.meets)

    async def resume(self, run: str) -> Outcome:
        if self.meets[run]:
            raise self.meets[run].pop(0)
        return Outcome.SUCCESS


class Told:
    """What the deciding stage is told about runs."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.broken: dict[str, str] = {}

    async def rebuild(self) -> None:
        pass

    async def run_ended(self, run: str, _: Outcome) -> None:
        self.ended.append(run)

    async def run_broken(self, run: str, why: str) -> None:
        self.broken[run] = why


def carried(folder: Path, runs: Runs) -> Told:
    async def go() -> Told:
        clock, told = HandClock(START), Told()
        hearing = Hearing(site(), (), shipped(), InHand(folder))
        flow = Flow(MemoryBus(clock), clock, (), hearing, told, runs, FlowSettings())
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            task = group.create_task(flow.run())
            while len(told.ended) + len(told.broken) < len(runs.meets):
                await asyncio.sleep(0.01)
            task.cancel()
        return told

    return asyncio.run(go())


def test_a_run_that_the_bus_or_its_lease_interrupted_is_resumed_until_it_ends(tmp_path: Path) -> None:
    interrupted = [Transient("the bus is away"), Conflict("somebody else wrote first"), Transient("the lease ran out")]
    told = carried(tmp_path, Runs(one=interrupted))
    assert (told.ended, told.broken) == (["one"], {})


def test_a_run_that_cannot_be_carried_on_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    told = carried(tmp_path, Runs(one=[Permanent("its journal is broken")], two=[ZeroDivisionError("oh")], three=[]))
    assert told.ended == ["three"]
    assert told.broken == {"one": "its journal is broken", "two": "a fault of this program: ZeroDivisionError: oh"}


def test_one_damaged_journal_does_not_hide_the_unfinished_runs() -> None:
    async def go() -> tuple[str, ...]:
        bus = MemoryBus(HandClock(START))
        for run in ("a.1", "b.1"):
            await bus.append(subjects.run(run), b"{rubbish", expected=0, nonce=run)
        return await BusJournal(bus).unfinished()

    assert asyncio.run(go()) == ("a.1", "b.1")


def test_what_is_raised_under_a_lease_comes_out_as_it_is() -> None:
    async def go() -> None:
        async with BusLeases(MemoryBus(SystemClock()), SystemClock(), "me").hold("host:esx1"):
            raise Permanent("nothing can be done")

    with pytest.raises(Permanent, match="nothing can be done"):
        asyncio.run(go())
