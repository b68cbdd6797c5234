"""`toban inject`: synthetic faults, three ways in; every injected event says that it is synthetic."""

import asyncio
import socket
from pathlib import Path
from typing import Annotated

import orjson
import typer

from collectors.snmp import composing
from collectors.snmp.composing import BladeOf
from engine import documents
from engine.clock import Clock, SystemClock
from engine.estate import loading
from engine.model import catalogue, ids
from engine.model.errors import ConfigurationError
from engine.model.event import Event
from toban import connecting, settings
from toban.cli.options import DEFAULT, Config

app = typer.Typer(help="Inject a synthetic fault and watch the response.", no_args_is_help=True)


@app.command("event")
def event(
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="A type of the catalogue, such as host.unreachable.")],
    subject: Annotated[str, typer.Argument(help="An object such as host:esx1 or machine:chassis1/1.")],
    data: Annotated[list[str] | None, typer.Option("--data", "-d", help="field=value, may be repeated.")] = None,
    *,
    config: Config = DEFAULT,
) -> None:
    """Put an event onto the bus, as if a collector had published it."""
    entry = catalogue.shipped().get(kind)
    if entry is None:
        near = documents.nearest(kind, tuple(catalogue.shipped().types))
        msg = f"unknown event type {kind!r}" + (f"; did you mean {near!r}?" if near else "")
        raise ConfigurationError(msg)
    clock: Clock = SystemClock()
    injected = Event(
        id=ids.content_hash(["inject", kind, subject, clock.now().isoformat()]),
        type=kind,
        source="toban/inject",
        subject=subject,
        time=clock.now(),
        severity=entry.severity,
        data=dict(_field(item) for item in data or ()),
        synthetic=True,
    )

    async def work() -> None:
        async with connecting.bus(settings.load(config), clock, name="toban-inject") as bus:
            await bus.publish(injected)

    asyncio.run(work())
    typer.echo(f"published {kind} about {subject} as {injected.id}")


@app.command("trap")
def trap(
    number: Annotated[int, typer.Argument(help="Trap number of the chassis vendor, such as 22056 (HPE c7000).")],
    machine: Annotated[str, typer.Argument(help="chassis/slot, such as chassis1/1.")],
    *,
    config: Config = DEFAULT,
) -> None:
    """Send a real SNMP v2c datagram to the trap listener, from a chassis of the estate."""
    site = settings.load(config)
    chassis_name, _, slot = machine.partition("/")
    chassis = next((c for c in loading.load(site.estate).chassis if c.name == chassis_name), None)
    if chassis is None or not slot.isdigit():
        msg = f"{machine!r} names no slot of the estate; write for example chassis1/1"
        raise ConfigurationError(msg)
    if site.snmp.community_file is None:
        msg = "`inject trap` sends SNMP v2c, and these settings have no snmp.community_file; use `inject event`"
        raise ConfigurationError(msg)
    community = settings.secret(site.snmp.community_file)
    datagram = composing.c7000(number, BladeOf(chassis.name, chassis.serial, int(slot)), community.encode())
    host, _, port = site.snmp.bind.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(datagram, ("127.0.0.1" if host in ("0.0.0.0", "") else host, int(port)))  # noqa: S104  a comparison
    typer.echo(f"sent trap {number} about {machine} to {site.snmp.bind}, {len(datagram)} bytes")


@app.command("fault")
def fault(
    kind: Annotated[str, typer.Argument(metavar="FAULT", help="blade-power-lost, host-hang, bmc-dead, load, ...")],
    target: Annotated[str, typer.Argument(help="chassis1/1, a host or a VM.")],
    mhz: Annotated[int | None, typer.Option(help="For `load`: the VM's demand.")] = None,
    *,
    config: Config = DEFAULT,
    state: Annotated[Path | None, typer.Option(help="The simulator's state folder.")] = None,
) -> None:
    """Do something to the simulated datacenter, through its control socket."""
    from toban.simulator import control

    folder = state or settings.load(config).estate.parent / "datacenter"
    request: dict[str, object] = {"do": "fault", "fault": kind, "target": target}
    if kind == "load":
        request = {"do": "load", "vm": target, "mhz": mhz or 0}
    try:
        answer = control.ask(control.find(folder), request)
    except control.NoDatacenter as error:
        raise ConfigurationError(str(error)) from error
    if "error" in answer:
        raise ConfigurationError(str(answer["error"]))
    typer.echo(orjson.dumps(answer).decode())


def _field(item: str) -> tuple[str, str | int | float | bool]:
    name, equals, text = item.partition("=")
    if not equals:
        msg = f"{item!r} is not field=value"
        raise ConfigurationError(msg)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = text
    return name, value if isinstance(value, str | int | float | bool) else text
