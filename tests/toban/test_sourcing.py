"""What a person is told about the sources: their ages go on, and an engine that is away hears nothing."""

import asyncio
import json
from datetime import UTC, datetime

from rich.console import Console

from engine.bus.memory import MemoryBus
from engine.clock import HandClock
from engine.model.source import Source
from toban import sourcing
from toban.cli import sources

TRAPS = Source(name="traps", gaps=2, drops={"community": 3, "rate": 1})
VCENTER = Source(name="vcenter:vc1", age=4.0)
SILENT = VCENTER.model_copy(update={"blind": "vCenter vc1 has not answered for 40 s"})


def read_after(seconds: float, *told: Source) -> tuple[Source, ...]:
    clock = HandClock(datetime(2026, 11, 25, 2, tzinfo=UTC))
    bus = MemoryBus(clock)

    async def go() -> tuple[Source, ...]:
        if told:
            await bus.put("CONTROL", sourcing.KEY, sourcing.written(told))
        clock.turn(seconds)
        return await sourcing.read(bus, clock.now())

    return asyncio.run(go())


def test_an_age_goes_on_from_when_it_was_written() -> None:
    traps, vcenter = read_after(3, TRAPS, VCENTER)
    assert traps == TRAPS
    assert (vcenter.age, vcenter.blind) == (7.0, None)


def test_while_nobody_is_on_duty_every_source_is_blind() -> None:
    assert [one.blind for one in read_after(31, TRAPS, SILENT)] == ["nobody has been on duty for 31 s"] * 2


def test_where_nobody_ever_was_on_duty_there_is_no_source() -> None:
    assert read_after(1) == ()


def test_the_table_names_losses_by_reason_and_why_one_is_blind() -> None:
    console = Console(width=200)
    with console.capture() as capture:
        sources.show(console, (TRAPS, SILENT), as_json=False)
    said = capture.get()
    assert "community 3, rate 1" in said
    assert "not yet" in said
    assert "vCenter vc1 has not answered for 40 s" in said


def test_what_a_source_could_not_make_good_stands_below_the_table_though_it_is_not_blind() -> None:
    console = Console(width=200)
    with console.capture() as capture:
        sources.show(console, (VCENTER.model_copy(update={"note": "could not tell [again]"}),), as_json=False)
    assert capture.get().splitlines()[-1] == "vcenter:vc1: could not tell [again]"


def test_json_is_one_value_a_line(capsys) -> None:
    sources.show(Console(), (TRAPS, VCENTER), as_json=True)
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["gaps"], first["drops"]) == (2, {"community": 3, "rate": 1})
    assert (second["age"], second["blind"]) == (4.0, None)
