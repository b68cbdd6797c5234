"""`toban host|vm|group`: everything that a policy can do, done by a person, through the same guards and journal."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import aclosing
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue
from rich.console import Console

from engine.bus.port import Bus
from engine.clock import SystemClock
from engine.model import order
from engine.model.errors import ConfigurationError
from engine.model.event import Event
from engine.model.ids import ObjectId
from engine.model.order import Asked, Order
from toban import byhand, connecting, picturing, settings
from toban.cli import ordering, showing
from toban.cli.options import DEFAULT, AsJson, Config
from toban.cli.ordering import By

host = typer.Typer(no_args_is_help=True, help="Acts on hosts, by hand: previewed, confirmed, guarded, journalled.")
vm = typer.Typer(no_args_is_help=True, help="Acts on VMs, by hand: previewed, confirmed, guarded, journalled.")
group = typer.Typer(no_args_is_help=True, help="Acts on a group of hosts, by hand.")

Host = Annotated[str, typer.Argument(metavar="HOST", help="A host definition of the estate, such as esx1.")]
Vm = Annotated[str, typer.Argument(metavar="VM", help="The VM's name in vCenter.")]
Why = Annotated[str, typer.Option("--why", help="The reason; it is kept with the order and the run.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask again after the preview.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]
SET_ASIDE = "What to set aside, with --why: maintenance, cooldown; for `vm move` also constraints, the placement rules."
Aside = Annotated[
    list[str] | None,
    typer.Option("--override", help=SET_ASIDE),
]


class MoveBy(StrEnum):
    """How a running VM moves."""

    MIGRATE = "migrate"
    QUICK = "quick"
    STORAGE = "storage"
    MOVE = "move"
    ANY = "any"


class EvacuateBy(StrEnum):
    """How the running VMs of a host move."""

    MIGRATE = "migrate"
    QUICK = "quick"
    MOVE = "move"
    ANY = "any"


HOW = "How a running VM moves; with --datastore `storage`, otherwise `migrate`, if left out."
Method = Annotated[MoveBy | None, typer.Option("--method", help=HOW)]
Onto = Annotated[str | None, typer.Option("--datastore", metavar="NAME", help="The datastore to move its disks to.")]


class Way:
    """How the order is given: by whom, asked again or not, shown how."""

    def __init__(self, config: Path, *, why: str, by: str | None, yes: bool, dry_run: bool, as_json: bool) -> None:
        """As the options say."""
        self.config, self.who = config, ordering.who(by, why)
        self.yes, self.dry_run, self.as_json = yes, dry_run, as_json


def give(about: str, steps: Sequence[Asked], way: Way, aside: Sequence[str] = ()) -> None:
    """Preview, ask, order, follow; exits with 0 for a run that ended well, 1 for anything else."""
    strange = sorted(set(aside) - set(order.OVERRIDES))
    if strange:
        msg = f"the guard {strange[0]!r} cannot be set aside; only these can: {', '.join(order.OVERRIDES)}"
        raise ConfigurationError(msg)
    if "constraints" in aside and any(step.verb != "move-vm" for step in steps):
        msg = "placement rules are set aside only for the move of one VM: toban vm move"
        raise ConfigurationError(msg)
    if aside and not way.who.why:
        msg = "a guard is set aside only with a reason: add --why"
        raise ConfigurationError(msg)
    wanted = Order(
        about=ObjectId(about),
        steps=tuple(steps),
        by=way.who.by,
        why=way.who.why,
        overrides=tuple(sorted(set(aside))),
    )
    try:
        code = asyncio.run(_give(wanted, way))
    except KeyboardInterrupt:
        waits = f"what is held waits up to {order.VALID_FOR:.0f} s, a run goes on"
        typer.echo(f"\nno longer followed: {waits}; see toban runs, toban cancel RUN", err=True)
        raise typer.Exit(130) from None
    raise typer.Exit(code)


async def _give(wanted: Order, way: Way) -> int:
    clock, console = SystemClock(), Console(stderr=way.as_json)
    chosen = settings.load(way.config)
    async with connecting.bus(chosen, clock, name="toban-byhand") as bus:
        event = order.requested(wanted, clock.now(), os.urandom(8).hex())
        would = byhand.preview(await picturing.estate(bus, chosen), wanted, event)
        showing.plan(console, wanted, would, as_json=way.as_json)
        if way.dry_run:
            return 0
        if not any(step.commands for step in would.steps):
            typer.echo("no order was given", err=True)
            return 1 if any(step.unplaced for step in would.steps) else 0
        if not way.yes and not ordering.agreed(order.words(wanted)):
            typer.echo("no order was given", err=True)
            return 1
        await bus.publish(event)
        return await _follow(bus, event, way)


async def _follow(bus: Bus, event: Event, way: Way) -> int:
    last = None
    with showing.Following(Console(stderr=way.as_json), as_json=way.as_json) as following:
        async with aclosing(byhand.follow(bus, event, SystemClock())) as words:
            async for said in words:
                following.word(said, byhand.valid_until(event))
                last = said
    return byhand.code(last)


@host.command()
def evacuate(
    name: Host,
    *,
    all_of_them: Annotated[bool, typer.Option("--all", help="Also VMs that are off.")] = False,
    method: Annotated[EvacuateBy, typer.Option("--method", help="How running VMs move.")] = EvacuateBy.MIGRATE,
    why: Why = "",
    by: By = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    aside: Aside = None,
    config: Config = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Move the VMs of a live host away: without stopping them, or by another method as `toban vm move` has it."""
    way = Way(config, why=why, by=by, yes=yes, dry_run=dry_run, as_json=as_json)
    vms: dict[str, JsonValue] = {"vms": "all" if all_of_them else "running", "method": method.value}
    give(f"host:{name}", [Asked(verb="evacuate", parameters=vms)], way, aside or ())


@host.command()
def maintenance(
    name: Host,
    *,
    over: Annotated[bool, typer.Option("--over", help="End the maintenance mode instead.")] = False,
    why: Why = "",
    by: By = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    aside: Aside = None,
    config: Config = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Evacuate a host and put it into vCenter's maintenance mode; with --over, end that."""
    way = Way(config, why=why, by=by, yes=yes, dry_run=dry_run, as_json=as_json)
    steps = [Asked(verb="exit-maintenance")] if over else [Asked(verb="evacuate"), Asked(verb="enter-maintenance")]
    give(f"host:{name}", steps, way, aside or ())


@host.command()
def fence(
    name: Host,
    *,
    why: Annotated[str, typer.Option("--why", help="The reason; needed, and kept with the run.")],
    failover: Annotated[bool, typer.Option("--failover", help="Then bring its VMs back elsewhere.")] = False,
    by: By = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    config: Config = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Take a dead host's power away, proven by its controller; two classes of witnesses must say that it is down.

    A host that is alive is not fenced, whoever asks: use `shutdown`, which proves the same end without harm.
    """
    way = Way(config, why=why, by=by, yes=yes, dry_run=dry_run, as_json=as_json)
    after = [Asked(verb="failover")] if failover else []
    give(f"host:{name}", [Asked(verb="fence"), *after], way)


@vm.command()
def move(
    name: Vm,
    *,
    to: Annotated[str | None, typer.Option("--to", metavar="HOST", help="The host to move it to, or `best`.")] = None,
    datastore: Onto = None,
    method: Method = None,
    why: Why = "",
    by: By = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    aside: Aside = None,
    config: Config = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Move a VM; what stands against it is said before anything is done. A VM that is off moves as it is.

    migrate: without stopping it. quick: suspended on its way, needs no vMotion. storage: without stopping it, its disks
    go along. move: shut down, moved, with its disks if the target does not see them, and started again. any: one after
    the other in this order (storage only where the disks must go along), until one succeeds.

    With --datastore and no --to the VM stays on its host, if that mounts the datastore.
    """
    way = Way(config, why=why, by=by, yes=yes, dry_run=dry_run, as_json=as_json)
    if datastore is not None and (method is MoveBy.MIGRATE or method is MoveBy.QUICK):
        msg = f"--method {method.value} leaves the disks where they are; with --datastore use storage or move"
        raise ConfigurationError(msg)
    how = method or (MoveBy.STORAGE if datastore is not None else MoveBy.MIGRATE)
    given: dict[str, JsonValue] = {"method": how.value}
    given |= {name: value for name, value in (("to", to), ("datastore", datastore)) if value is not None}
    give(f"vm:{name}", [Asked(verb="move-vm", parameters=given)], way, aside or ())


def _plain(app: typer.Typer, name: str, kind: str, verbs: Sequence[str], promise: str) -> None:
    """A command that takes an object and nothing else of its own."""

    def act(
        about: Annotated[str, typer.Argument(metavar=kind.upper(), help=f"Which {kind}, by its name.")],
        *,
        why: Why = "",
        by: By = None,
        yes: Yes = False,
        dry_run: DryRun = False,
        aside: Aside = None,
        config: Config = DEFAULT,
        as_json: AsJson = False,
    ) -> None:
        way = Way(config, why=why, by=by, yes=yes, dry_run=dry_run, as_json=as_json)
        give(f"{kind}:{about}", [Asked(verb=verb) for verb in verbs], way, aside or ())

    app.command(name, help=promise)(act)


OFF = "Evacuate a host, shut it down in good order and prove by its controller that it is off."
RESET = "Reset a running VM, or start one that is off, on the host where it is."
SAVE = "Pack the VMs of a group on fewer hosts and shut one emptied host down, if the rest keeps its reserve."
_plain(host, "shutdown", "host", ("evacuate", "shutdown-host"), OFF)
_plain(vm, "restart", "vm", ("restart-vm",), RESET)
_plain(group, "start-host", "group", ("start-host",), "Start one stopped host of a group and end its maintenance.")
_plain(group, "power-save", "group", ("power-save",), SAVE)
OUT = "A spare blade is powered on, joins vCenter, and serves a host definition of the group that has none."
IN = "One host of a group is emptied, shut down and taken out of vCenter; its blade becomes free."
_plain(group, "scale-out", "group", ("scale-out",), OUT)
_plain(group, "scale-in", "group", ("scale-in",), IN)
_plain(group, "refill", "group", ("refill",), "Start stopped hosts until one is on without a running VM.")
_plain(host, "relieve", "host", ("migrate",), "Move the VM away that relieves a loaded host, if one does.")
