"""`toban machine`: which blade serves which host definition, by a person's word."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer
from pydantic import JsonValue
from rich.console import Console
from rich.table import Table

from engine.bus.port import Bus
from engine.clock import SystemClock
from engine.estate import assigning
from engine.guard.control import Order
from engine.model import ids
from engine.model.errors import ConfigurationError
from engine.model.estate import NO_MACHINE, Connection, Estate
from engine.model.event import Event
from engine.model.ids import Kind
from engine.model.order import Asked
from engine.runs.journal import BusJournal
from toban import byhand, connecting, picturing, settings
from toban.cli import ordering
from toban.cli.hands import DryRun, Way, Yes, give
from toban.cli.options import DEFAULT, AsJson, Config
from toban.cli.ordering import By, Why

app = typer.Typer(no_args_is_help=True, help="Blades as resources: which one serves which host definition.")
Host = Annotated[str, typer.Argument(metavar="HOST", help="A host definition of the estate.")]
Blade = Annotated[
    str | None, typer.Option("--machine", metavar="CHASSIS/SLOT", help="The blade; left out, the candidates are shown.")
]


@app.command("list")
def listed(*, config: Config = DEFAULT, as_json: AsJson = False) -> None:
    """Every blade: its serial number and model, the host that it serves, the group that it is kept for, its mark."""
    estate = asyncio.run(_estate(config))
    rows = [_row(estate, one) for one in assigning.machines(estate.site)]
    if as_json:
        for row in rows:
            typer.echo(orjson.dumps(row).decode())
        return
    table = Table("machine", "serial", "model", "serves", "kept for", "status")
    for row in rows:
        table.add_row(*(value or "-" for value in row.values()))
    Console().print(table)


@app.command()
def register(
    host: Host,
    *,
    machine: Blade = None,
    why: Why = "",
    by: By = None,
    yes: Yes = False,
    config: Config = DEFAULT,
) -> None:
    """Let a blade serve a host definition from now on: fences and diagnoses of that host go to it.

    Nothing is switched or installed. Only a free blade of the host's model, healthy and kept for no other group, is a
    candidate; without --machine they are shown, the best first.
    """
    asyncio.run(_register(config, host, machine, ordering.who(by, why), yes=yes))


@app.command()
def release(host: Host, *, why: Why = "", by: By = None, yes: Yes = False, config: Config = DEFAULT) -> None:
    """Take a host definition's blade away from it: from now on Toban has no hands on that host."""
    asyncio.run(_release(config, host, ordering.who(by, why), yes=yes))


class Before(StrEnum):
    """What is done with the blade first."""

    NOTHING = "nothing"
    SHUTDOWN = "shutdown"
    FENCE = "fence"


@app.command()
def replace(
    host: Host,
    *,
    spare: Annotated[
        str, typer.Option("--with", metavar="CHASSIS/SLOT", help="The spare; left out, the best candidate.")
    ] = "",
    before: Annotated[Before, typer.Option("--before", help="What is done with the old blade first.")] = Before.NOTHING,
    why: Why = "",
    by: By = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    config: Config = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Let a spare take a blade's place: it is powered on, joins vCenter, serves the host; VMs left behind return.

    The old blade must be proven off. --before shutdown evacuates the host and shuts it down in good order first;
    --before fence takes the power of a dead one away first, which needs two classes of witnesses.
    """
    first = {
        Before.SHUTDOWN: [Asked(verb="evacuate", parameters={"vms": "all"}), Asked(verb="shutdown-host")],
        Before.FENCE: [Asked(verb="fence")],
    }.get(before, [])
    chosen: dict[str, JsonValue] = {"from": "pool", **({"with": spare} if spare else {})}
    way = Way(config, why=why, by=by, yes=yes, dry_run=dry_run, as_json=as_json)
    give(f"host:{host}", [*first, Asked(verb="replace", parameters=chosen)], way)


@app.command()
def ready(
    host: Host,
    *,
    why: Why = "",
    by: By = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    config: Config = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Take the marks of a host and its blade away, once power, every sensor, health and vCenter say that it is well."""
    way = Way(config, why=why, by=by, yes=yes, dry_run=dry_run, as_json=as_json)
    give(f"host:{host}", [Asked(verb="mark-ready-by-diagnosis")], way)


@app.command()
def identify(
    host: Host,
    *,
    off: Annotated[bool, typer.Option("--off", help="Switch the lamp off again.")] = False,
    by: By = None,
    config: Config = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Switch the locate lamp of a host's blade on, so that a person finds it in the rack."""
    way = Way(config, why="", by=by, yes=True, dry_run=False, as_json=as_json)
    give(f"host:{host}", [Asked(verb="identify", parameters={"lamp": "off" if off else "on"})], way)


async def _estate(config: Path) -> Estate:
    chosen = settings.load(config)
    async with connecting.bus(chosen, SystemClock(), name="toban-machine") as bus:
        return await picturing.estate(bus, chosen)


async def _register(config: Path, host: str, machine: str | None, who: Order, *, yes: bool) -> None:
    chosen = settings.load(config)
    async with connecting.bus(chosen, SystemClock(), name="toban-machine") as bus:
        estate = await picturing.estate(bus, chosen)
        byhand.known(estate, f"host:{host}")
        found = assigning.candidates(estate, host)
        if machine is None:
            words = ", ".join(one.name for one in found) or "none: every blade serves a host, or does not fit"
            typer.echo(f"candidates for {host}, the best first: {words}")
            return
        chosen_one = next((one for one in assigning.machines(estate.site) if one.name == machine), None)
        if chosen_one is None:
            known = ", ".join(sorted(assigning.names(estate.site)))
            msg = f"the estate declares no machine {machine!r}; known: {known}"
            raise ConfigurationError(msg)
        reason = assigning.against(estate, host, chosen_one)
        if reason is not None:
            msg = f"{machine} cannot serve {host}: {reason[0]}"
            raise ConfigurationError(msg)
        before = estate.site.standings[host].host.machine
        await _put(bus, host, machine, who, yes=yes, words=f"{host} is served by {machine} instead of {before}")


async def _release(config: Path, host: str, who: Order, *, yes: bool) -> None:
    chosen = settings.load(config)
    async with connecting.bus(chosen, SystemClock(), name="toban-machine") as bus:
        estate = await picturing.estate(bus, chosen)
        byhand.known(estate, f"host:{host}")
        live = estate.hosts.get(host)
        if live is not None and live.connection is Connection.CONNECTED and not live.maintenance:
            msg = f"{host} is in service; put it into maintenance or shut it down first: toban host shutdown {host}"
            raise ConfigurationError(msg)
        before = estate.site.standings[host].host.machine
        await _put(bus, host, NO_MACHINE, who, yes=yes, words=f"{host} is no longer served by {before}")


async def _put(bus: Bus, host: str, machine: str, who: Order, *, yes: bool, words: str) -> None:
    journal = BusJournal(bus)
    for run in await journal.unfinished():
        entries, _ = await journal.read(run)
        if any(entry.plan is not None and f"host:{host}" in entry.plan.model_dump_json() for entry in entries):
            msg = f"run {run} is at work on {host}; wait for its end, or cancel it: toban cancel {run}"
            raise ConfigurationError(msg)
    if not yes and not ordering.agreed(words):
        typer.echo("nothing was changed", err=True)
        return
    await bus.publish(assignment(host, machine, who))
    typer.echo(words)


def assignment(host: str, machine: str, who: Order) -> Event:
    """Which machine serves a host from now on, as the event that every engine learns it by."""
    now = SystemClock().now()
    return Event(
        id=ids.content_hash(["inventory.assignment", host, machine, now.isoformat()]),
        type="inventory.assignment",
        source="toban/machine",
        subject=ids.object_id(Kind.HOST, host),
        time=now,
        data={"machine": machine, "by": who.by, "why": who.why, "text": f"{who.by}: {host} > {machine}"},
    )


def _row(estate: Estate, one: assigning.Machine) -> dict[str, str | None]:
    groups = [group for category in estate.site.categories for group in category.groups]
    return {
        "machine": one.name,
        "serial": one.slot.serial,
        "model": one.slot.model,
        "host": one.host,
        "pool": next((group.name for group in groups if one.name in group.pool), None),
        "status": estate.statuses.get(ids.object_id(Kind.MACHINE, one.name)),
    }
