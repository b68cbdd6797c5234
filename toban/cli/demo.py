"""`toban demo`."""

import asyncio
import signal
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from engine.audit.timeline import Line
from engine.clock import SystemClock
from toban import connecting, example, settings
from toban.cli.options import AsJson
from toban.cli.reading import show
from toban.demo import night, processes
from toban.demo.night import Story, Watch
from toban.simulator import control


def demo(
    *,
    as_json: AsJson = False,
    keep: Annotated[Path | None, typer.Option(help="Keep all files of the night in this folder.")] = None,
) -> None:
    """The first night on duty in about a minute: load is moved away, a dead blade's VMs come back, over real wires."""
    console = Console(quiet=as_json)
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        raise typer.Exit(_played(keep, console, as_json=as_json))
    with tempfile.TemporaryDirectory(prefix="toban-") as folder:
        raise typer.Exit(_played(Path(folder), console, as_json=as_json))


def _played(folder: Path, console: Console, *, as_json: bool) -> int:
    """The night's exit code; Ctrl-C and SIGTERM end it with every child gone (130)."""

    async def night_of_it() -> int:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await _night(folder, console, as_json=as_json)

    try:
        return asyncio.run(night_of_it())
    except asyncio.CancelledError:
        return 130


async def _night(folder: Path, console: Console, *, as_json: bool) -> int:
    clock = SystemClock()
    config = example.write(folder, example.free_ports(), armed=True, quick=True)
    datacenter = folder / "datacenter"
    console.print("A datacenter of two blades, three VMs and one datastore is started, and Toban beside it.")
    simulate = ("simulate", "--estate", str(folder / "estate.yaml"), "--state", str(datacenter))
    run = ("run", "--config", str(config), "--embedded")
    async with (
        processes.child("the simulator", folder / "simulate.log", *simulate) as world,
        processes.child("toban run", folder / "run.log", *run) as engine,
    ):
        await processes.appears(datacenter / "ready.json", world, folder / "simulate.log")
        await processes.appears(folder / "store" / "ready.json", engine, folder / "run.log")
        async with connecting.bus(settings.load(config), clock, name="toban-demo") as bus:
            seen = Watch(show=lambda line: show(console, line, as_json=False))
            watching = asyncio.TaskGroup()
            async with watching:
                follower = watching.create_task(night.watch(bus, seen))
                stories = await _stories(datacenter, seen, clock, console)
                follower.cancel()
        socket = control.find(datacenter)
        report = await _report(socket, stories)
    if as_json:
        typer.echo(orjson.dumps(report).decode())
    else:
        _tell(console, stories, report)
    return 0 if report["outcome"] == "passed" else 1


async def _stories(datacenter: Path, seen: Watch, clock: SystemClock, console: Console) -> list[Story]:
    socket = control.find(datacenter)
    console.rule("high load: VM-01 gets busy, first for a moment, then for good")
    first = await night.play("high-load", lambda: night.high_load(socket, seen, clock), seen, clock)
    await night.quiet_again(socket, seen, clock)
    console.rule("host down: blade 1 loses its power")
    second = await night.play("host-down", lambda: night.host_down(socket, seen), seen, clock)
    return [first, second]


async def _report(socket: Path, stories: list[Story]) -> dict[str, object]:
    bad = await night.violations(socket)
    passed = bad == 0 and all(story.outcome == "passed" for story in stories)
    return {
        "outcome": "passed" if passed else "failed",
        "stories": [
            {
                "name": story.name,
                "outcome": story.outcome,
                "seconds": round(story.seconds, 1),
                "why": story.why,
                "timeline": [line.model_dump(mode="json") for line in story.lines],
            }
            for story in stories
        ],
        "vms": await night.vms(socket),
        "violations": bad,
    }


def _tell(console: Console, stories: list[Story], report: dict[str, object]) -> None:
    for story in stories:
        console.rule(f"{story.name}: {story.outcome} in {story.seconds:.1f} s {story.why}")
        start = story.lines[0].at if story.lines else None
        for line in story.lines:
            console.print(_short(line, start), soft_wrap=True, highlight=False)
    console.rule(f"{report['outcome']}: VMs at the end {report['vms']}, {report['violations']} VM ever ran twice")


def _short(line: Line, start: datetime | None) -> str:
    seconds = (line.at - start).total_seconds() if start else 0.0
    return f"{seconds:7.2f} s  {line.room:<8} {line.what:<22} {line.about:<20} {line.text}"
