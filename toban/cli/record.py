"""`toban record`: what was stored in a span of time, as a file that a backtest can play."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import typer

from engine.bus import subjects
from engine.bus.port import Bus
from engine.clock import Clock, SystemClock
from engine.model import durations
from engine.model.errors import ConfigurationError
from engine.rehearsing import recording
from toban import connecting, settings
from toban.cli.options import DEFAULT, Config

Since = Annotated[str, typer.Option("--from", help="A moment, such as 2026-11-24T22:00:00Z, or -8h for 8 hours ago.")]
Until = Annotated[str, typer.Option("--to", help="A moment, or how long ago; default: now.")]
PROGRESS = 10_000


def record(
    out: Annotated[Path, typer.Option("--out", help="The file to write; it must not exist yet.")],
    since: Since = "-24h",
    until: Until = "-0s",
    *,
    config: Config = DEFAULT,
) -> None:
    """Write the events and decisions of a span of time, with the inventory as it stands, as JSON lines.

    `toban policy backtest NEW.yaml --recorded FILE --estate estate.yaml` plays it. Ctrl-C leaves a usable file. The
    broker keeps the latest inventory only, so a host that was removed meanwhile is not in the record.
    """
    clock = SystemClock()
    begin, end = moment(since, clock), moment(until, clock)
    try:
        with out.open("xb") as file:
            try:
                count = asyncio.run(_written(config, file, begin, end))
            except KeyboardInterrupt:
                typer.echo(f"interrupted: {out} holds what was written so far", err=True)
                raise typer.Exit(130) from None
    except FileExistsError as error:
        msg = f"{out} exists already; choose another name"
        raise ConfigurationError(msg) from error
    except OSError as error:
        msg = f"cannot write {out}: {(error.strerror or 'no reason given').lower()}"
        raise ConfigurationError(msg) from error
    typer.echo(f"{count} lines, {begin:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC, in {out}", err=True)


def moment(text: str, clock: Clock) -> datetime:
    """An ISO moment (UTC unless it says otherwise), or `-8h` as so long ago; raises `ConfigurationError`."""
    try:
        if text.startswith("-"):
            return clock.now() - timedelta(seconds=durations.seconds(text[1:]))
        found = datetime.fromisoformat(text)
    except ValueError as error:
        msg = f"{text!r} is not a moment; write for example 2026-11-24T22:00:00Z or -8h"
        raise ConfigurationError(msg) from error
    return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)


async def _written(config: Path, file: BinaryIO, begin: datetime, end: datetime) -> int:
    async with connecting.bus(settings.load(config), SystemClock(), name="toban-record") as bus:
        return await write(bus, file, begin, end)


async def write(bus: Bus, file: BinaryIO, begin: datetime, end: datetime) -> int:
    """Write the record; how many lines it has. Holds one message at a time."""
    count = 0
    spans: tuple[tuple[Literal["inventory", "event", "decision"], str], ...] = (
        ("inventory", subjects.ALL_INVENTORY),
        ("event", subjects.ALL_EVENTS),
        ("decision", subjects.ALL_DECISIONS),
    )
    for kind, subject in spans:
        is_now = kind == "inventory"
        async for one in bus.replay(subject, since=None if is_now else begin, last_per_subject=is_now):
            if not is_now and one.stored_at > end:
                break
            file.write(recording.line_of(one, kind))
            count += 1
            if count % PROGRESS == 0:
                sys.stderr.write(f"{count} lines\n")
    return count
