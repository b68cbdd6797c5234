"""`toban sources`: what we hear, how long ago, what was lost, and what we are blind to."""

import asyncio

import typer
from rich.console import Console
from rich.table import Table

from engine.clock import SystemClock
from engine.model.source import Source
from toban import connecting, settings, sourcing
from toban.cli.options import DEFAULT, AsJson, Config


def sources(*, config: Config = DEFAULT, as_json: AsJson = False) -> None:
    """Each source of events: when it was last heard, what was lost. Exit code 1 if one is blind or nobody listens."""
    found = asyncio.run(_read(config))
    show(Console(), found, as_json=as_json)
    raise typer.Exit(0 if found and not any(one.blind for one in found) else 1)


def show(console: Console, found: tuple[Source, ...], *, as_json: bool) -> None:
    """As a table, or as one JSON value a line."""
    if as_json:
        for one in found:
            typer.echo(one.model_dump_json())
        return
    if not found:
        console.print("nobody has ever been on duty here: no source is heard", soft_wrap=True)
        return
    table = Table("source", "last heard", "heartbeat", "gaps", "lost", "blind", box=None)
    for one in found:
        beat = f"{one.beat:.0f} s ago" if one.beat is not None else "-"
        since = f"since {one.since:%H:%M:%S}: " if one.since is not None else ""
        heard = f"{one.age:.0f} s ago" if one.age is not None else "not yet"
        lost = ", ".join(f"{reason} {count}" for reason, count in sorted(one.drops.items()))
        table.add_row(one.name, heard, beat, str(one.gaps), lost or "-", f"{since}{one.blind}" if one.blind else "-")
    console.print(table)
    for one in found:
        if one.note is not None:
            console.print(f"{one.name}: {one.note}", soft_wrap=True, markup=False, highlight=False)


async def _read(config: Config) -> tuple[Source, ...]:
    clock = SystemClock()
    async with connecting.bus(settings.load(config), clock, name="toban-reading") as bus:
        return await sourcing.read(bus, clock.now())
