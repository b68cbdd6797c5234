"""`toban mark`: the hardware status of an object by a person's word; what takes back the marks that policies set."""

import asyncio
from typing import Annotated

import typer

from engine import documents
from engine.clock import Clock, SystemClock
from engine.estate import linking, loading
from engine.estate.reading import STATUSES
from engine.model import ids
from engine.model.errors import ConfigurationError
from engine.model.estate import Estate, Site
from engine.model.event import Event
from engine.model.ids import Kind
from toban import connecting, settings
from toban.cli.options import DEFAULT, Config

KINDS = (Kind.HOST, Kind.MACHINE, Kind.VM)


def mark(
    target: Annotated[str, typer.Argument(help="An object such as host:esx1, machine:chassis1/3 or vm:VM-01.")],
    status: Annotated[str, typer.Argument(help="faulted, degraded or ready.")],
    *,
    why: Annotated[str, typer.Option(help="Who says so and why.")] = "by hand",
    config: Config = DEFAULT,
) -> None:
    """Set the hardware status of an object: a faulted or degraded host takes no VMs until it is ready again."""
    site, clock = settings.load(config), SystemClock()
    event = status_event(loading.load(site.estate), clock, target, status, why)

    async def work() -> None:
        async with connecting.bus(site, clock, name="toban-mark") as bus:
            await bus.publish(event)

    asyncio.run(work())
    typer.echo(f"marked {target}: {status} ({why})")


def status_event(site: Site, clock: Clock, target: str, status: str, why: str) -> Event:
    """The mark as an event; raises `ConfigurationError` for an object or a word that nobody would understand."""
    if status not in STATUSES:
        near = documents.nearest(status, STATUSES)
        hint = f"did you mean {near}?" if near else f"write one of {', '.join(STATUSES)}"
        msg = f"{status!r} is no hardware status; {hint}"
        raise ConfigurationError(msg)
    kind = ids.kind_of(target)
    if kind not in KINDS or (kind is not Kind.VM and linking.related(Estate(site=site), target, kind) is None):
        msg = f"{target!r} is no host, machine or VM of the estate; write for example host:esx1 or machine:chassis1/3"
        raise ConfigurationError(msg)
    now = clock.now()
    return Event(
        id=ids.content_hash(["mark", target, status, now.isoformat()]),
        type="inventory.status",
        source="toban/mark",
        subject=target,
        time=now,
        data={"status": status, "text": why},
    )
