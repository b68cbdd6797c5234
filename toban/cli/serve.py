"""`toban run` and `toban simulate`: the long-lived processes."""

import asyncio
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated

import structlog
import typer
import uvloop

from toban import logs
from toban.cli.options import DEFAULT, Config

log = structlog.get_logger()
LATE = 6.0
"""Seconds after which whoever has not stopped is named and told again."""


def run(
    *,
    config: Config = DEFAULT,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Start a private nats-server as a child; nothing else to install.")
    ] = False,
    log_json: Annotated[bool, typer.Option(help="Log lines as JSON.")] = False,
) -> None:
    """Be on duty: collect, decide, act, until stopped (Ctrl-C or SIGTERM). A killed one resumes where it was."""
    from toban import app

    logs.configure(as_json=log_json)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_signalled(app.serve(config, embedded=embedded)))


def simulate(
    *,
    estate: Annotated[Path, typer.Option("--estate", "-e", help="estate.yaml with a simulation block.")],
    state: Annotated[
        Path | None,
        typer.Option(help="Folder for certificates, ledger, control socket; default: datacenter/ beside it."),
    ] = None,
) -> None:
    """Be a datacenter: vCenter, one BMC per blade, a chassis that sends traps; until stopped."""
    from toban.simulator import process

    raise typer.Exit(process.serve(estate, state or estate.resolve().parent / "datacenter"))


async def _until_signalled(work: Coroutine[object, object, None]) -> None:
    task: asyncio.Task[None]
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_cancellable(work), name="toban")
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _stop, loop, task)


def _stop(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    task.cancel()
    loop.call_later(LATE, _hasten, loop, task)


def _hasten(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    """Name who is late, and cancel them once more: a library may have lost the first cancellation."""
    if task.done():
        return
    late = [one for one in asyncio.all_tasks(loop) if one.cancelling() and one is not task]
    log.warning("toban.stop.late", tasks=sorted(one.get_name() for one in late))
    for one in late:
        one.cancel()
    loop.call_later(LATE, _hasten, loop, task)


async def _cancellable(work: Coroutine[object, object, None]) -> None:
    await work
