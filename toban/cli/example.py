"""`toban example DIR`."""

from pathlib import Path
from typing import Annotated

import typer

from toban import example as site


def example(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    *,
    armed: Annotated[bool, typer.Option(help="Let it act on the simulated datacenter at once.")] = False,
    quick: Annotated[bool, typer.Option(help="Hold times of seconds instead of a minute.")] = False,
    bus: Annotated[str | None, typer.Option(help="An external NATS server, such as nats://127.0.0.1:4222.")] = None,
) -> None:
    """Write a small site to play with: estate, settings, secrets, policies. Nothing is started."""
    config = site.write(folder, site.free_ports(), armed=armed, quick=quick, bus=bus)
    typer.echo(f"wrote {config}; now, in three terminals:")
    typer.echo(f"  toban simulate --estate {folder / 'estate.yaml'}")
    typer.echo(f"  toban run --config {config}" + ("" if bus else " --embedded"))
    typer.echo(f"  toban inject fault blade-power-lost chassis1/1 --config {config}")
