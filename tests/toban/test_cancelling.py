"""A person ends a run that is going."""

import asyncio
from datetime import UTC, datetime

import pytest

from engine.bus.memory import MemoryBus
from engine.clock import HandClock
from engine.guard.control import Control
from engine.model.errors import ConfigurationError, TobanError
from engine.model.run import Outcome, Phase, RunPlan
from engine.runs.journal import BusJournal
from engine.runs.ledger import Ledger
from toban.cli import cancelling

CLOCK = HandClock(datetime(2026, 11, 25, 2, tzinfo=UTC))


async def begun(bus: MemoryBus, *runs: str) -> None:
    for run in runs:
        ledger = await Ledger.open(BusJournal(bus), run, CLOCK)
        await ledger.write(Phase.PLANNED, plan=RunPlan(run=run, policy="p", object="host:esx1", causes=(), steps=()))


def found(prefix: str, *runs: str, ended: str | None = None) -> str:
    async def go() -> str:
        bus = MemoryBus(CLOCK)
        await begun(bus, *runs)
        if ended is not None:
            ledger = await Ledger.open(BusJournal(bus), ended, CLOCK)
            await ledger.write(Phase.ENDED, outcome=Outcome.SUCCESS)
        return (await cancelling.going(bus, prefix)).run

    return asyncio.run(go())


def test_a_run_is_found_by_the_first_characters_of_its_id() -> None:
    assert found("abc", "abcdef", "xyz") == "abcdef"


def test_characters_that_fit_two_runs_are_too_few() -> None:
    with pytest.raises(ConfigurationError, match="2 runs that are going begin with 'a'"):
        found("a", "abc", "abd")


def test_a_run_that_has_ended_cannot_be_cancelled_any_more() -> None:
    with pytest.raises(TobanError, match="no run that is going begins with 'abc'"):
        found("abc", "abc", ended="abc")


def test_the_word_reaches_whoever_carries_the_run_and_nobody_else() -> None:
    async def go() -> tuple[str | None, str | None]:
        control = Control(MemoryBus(CLOCK))
        await control.stop("cancelled by tanaka: wrong host", "run:m1")
        return await control.stopped("run:m1"), await control.stopped("host:esx1")

    run, host = asyncio.run(go())
    assert run == "the stop switch is set: cancelled by tanaka: wrong host"
    assert host is None
