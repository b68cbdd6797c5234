"""`toban events|decisions|runs|status`: what was seen, decided and done."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.text import Text

from engine.audit import timeline
from engine.audit.timeline import Line
from engine.bus import codec, subjects
from engine.bus.port import Bus, Record
from engine.clock import SystemClock
from engine.model.decision import DecisionRecord
from engine.runs.journal import BusJournal
from toban import connecting, settings, storytelling
from toban.cli.options import DEFAULT, AsJson, Config, Follow

STYLES = {"seen": "cyan", "decided": "yellow", "done": "green"}


def show(console: Console, line: Line, *, as_json: bool) -> None:
    """One line of a story, as text or as JSON."""
    if as_json:
        typer.echo(line.model_dump_json())
        return
    moment = line.at.astimezone().strftime("%H:%M:%S.%f")[:-3]
    text = Text.assemble(
        (moment, "dim"),
        "  ",
        (f"{line.room:<8}", STYLES.get(line.room, "")),
        (f"{line.what:<22} ", "bold"),
        (f"{line.about:<20} ", "magenta"),
        line.text,
    )
    console.print(text, soft_wrap=True)


def events(*, config: Config = DEFAULT, follow: Follow = False, as_json: AsJson = False) -> None:
    """What was seen, oldest first."""
    _run(config, subjects.ALL_EVENTS, _event_line, follow=follow, as_json=as_json)


def decisions(*, config: Config = DEFAULT, follow: Follow = False, as_json: AsJson = False) -> None:
    """What was decided, and why."""
    _run(config, subjects.ALL_DECISIONS, _decision_line, follow=follow, as_json=as_json)


def runs(
    run: Annotated[str | None, typer.Argument(help="A run's id, or its first characters: its whole story.")] = None,
    *,
    config: Config = DEFAULT,
    follow: Follow = False,
    as_json: AsJson = False,
) -> None:
    """All runs with their state, or the story of one: seen, decided, done."""
    if run is None:
        read = _entry_lines if follow else _last_line
        _run(config, subjects.ALL_RUNS, read, follow=follow, as_json=as_json, last_only=not follow)
        return
    asyncio.run(_story(config, run, as_json=as_json))


def status(*, config: Config = DEFAULT, as_json: AsJson = False) -> None:
    """Whether Toban is on duty, how old its last event is, which runs are open. Exit code 1 if something is wrong."""
    raise typer.Exit(asyncio.run(_status(config, as_json=as_json)))


def _event_line(record: Record) -> list[Line]:
    arrival = codec.decode(record)
    return [timeline.of_event(arrival.event, arrival.stored_at)]


def _decision_line(record: Record) -> list[Line]:
    return [timeline.of_decision(DecisionRecord.model_validate_json(record.body).decision)]


def _entry_lines(record: Record) -> list[Line]:
    return storytelling.entry_lines(record)


def _last_line(record: Record) -> list[Line]:
    return storytelling.entry_lines(record)[-1:]


def _run(
    config: Config,
    subject: str,
    read: Callable[[Record], list[Line]],
    *,
    follow: bool,
    as_json: bool,
    last_only: bool = False,
) -> None:
    async def work() -> None:
        console, shown = Console(), False
        async with (
            connecting.bus(settings.load(config), SystemClock(), name="toban-reading") as bus,
            aclosing(_records(bus, subject, follow=follow, last_only=last_only)) as records,
        ):
            async for record in records:
                for line in read(record):
                    show(console, line, as_json=as_json)
                    shown = True
        if not shown and not as_json:
            typer.echo("nothing yet", err=True)

    asyncio.run(work())


async def _records(bus: Bus, subject: str, *, follow: bool, last_only: bool) -> AsyncGenerator[Record, None]:
    if follow:
        async with aclosing(bus.follow(subject, from_start=True)) as records:
            async for record in records:
                yield record
        return
    async for record in bus.replay(subject, last_per_subject=last_only):
        yield record


async def _story(config: Config, run: str, *, as_json: bool) -> None:
    console = Console()
    async with connecting.bus(settings.load(config), SystemClock(), name="toban-reading") as bus:
        for line in await storytelling.story(bus, run):
            show(console, line, as_json=as_json)


async def _status(config: Config, *, as_json: bool) -> int:
    async with connecting.bus(settings.load(config), SystemClock(), name="toban-reading") as bus:
        report = await storytelling.report(bus, SystemClock().now(), await BusJournal(bus).unfinished())
    if as_json:
        typer.echo(orjson.dumps(report).decode())
    else:
        for key, value in report.items():
            typer.echo(f"{key:<16} {value}")
    return 0 if report["on_duty"] and not report["broken_policies"] else 1
