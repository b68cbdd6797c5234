"""`toban stop`, `release`, `maintenance`: what people order; read by the engine before every act."""

import asyncio
from typing import Annotated

import typer

from engine.clock import SystemClock
from engine.guard.control import Control
from toban import connecting, settings
from toban.cli.options import DEFAULT, Config

Target = Annotated[str | None, typer.Argument(help="An object such as host:esx1; leave it out for everything.")]


def stop(
    target: Target = None,
    *,
    why: Annotated[str, typer.Option(help="The reason, shown wherever something is held.")] = "stopped by hand",
    config: Config = DEFAULT,
) -> None:
    """Set the stop switch: nothing more is done to the target, or to anything, until `toban release`."""
    asyncio.run(_order(config, lambda control: control.stop(why, target)))
    typer.echo(f"stopped: {target or 'everything'} ({why})")


def release(target: Target = None, *, config: Config = DEFAULT) -> None:
    """Take the stop switch back."""
    asyncio.run(_order(config, lambda control: control.release(target)))
    typer.echo(f"released: {target or 'everything'}")


def maintenance(
    target: Annotated[str, typer.Argument(help="An object such as host:esx1.")],
    *,
    over: Annotated[bool, typer.Option("--over", help="The maintenance has ended.")] = False,
    why: Annotated[str, typer.Option(help="Who works there and why.")] = "flagged by hand",
    config: Config = DEFAULT,
) -> None:
    """Flag an object as in maintenance: policies with `unless: [maintenance]` leave it alone."""
    asyncio.run(_order(config, lambda control: control.flag_maintenance(target, None if over else why)))
    typer.echo(f"maintenance {'over' if over else 'begins'}: {target}")


async def _order(config: Config, order: connecting.Order) -> None:
    async with connecting.bus(settings.load(config), SystemClock(), name="toban-control") as bus:
        await order(Control(bus))
