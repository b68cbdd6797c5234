"""`toban record`: what the bus keeps of a stretch of time, as a file."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from engine.clock import SystemClock
from engine.estate import loading as estates
from engine.model import durations
from engine.model.errors import ConfigurationError
from engine.model.event import Arrival
from engine.rehearsing import records
from engine.rehearsing.records import End, Head, Item
from toban import connecting, settings
from toban.cli.options import DEFAULT, Config

TELL_EVERY = 100_000

Start = Annotated[str, typer.Option("--from", help="From then: 2026-11-24T22:00:00Z, or -8h for 8 hours ago.")]
Until = Annotated[str, typer.Option("--to", help="Up to then; -0s is now.")]
Before = Annotated[str, typer.Option("--before", help="Also read so much before --from: what was open then counts.")]


def record(
    *,
    start: Start,
    to: Until = "-0s",
    out: Annotated[Path, typer.Option("--out", help="The file to write; it must not exist.")],
    before: Before = "2h",
    config: Config = DEFAULT,
) -> None:
    """Write events, decisions and the inventory of a stretch of time into a file, for `toban policy backtest`.

    JSON lines: the estate, the inventory, the decisions, the events in the order of storage. Ctrl-C leaves a file that
    can be used as far as it reaches. It holds no secrets of the settings, but everything that the sources reported.

    Exit code 0; 2: the times or the file cannot be used; 130: broken off.
    """
    asyncio.run(_record(config, out, start, to, before))


def head(chosen: settings.Settings, start: str, to: str, before: str) -> Head:
    """The first line of a record. Raises `ConfigurationError`."""
    first, last = moment("--from", start), moment("--to", to)
    try:
        lead = timedelta(seconds=durations.seconds(before))
    except ValueError as error:
        msg = f"--before {before}: {error}"
        raise ConfigurationError(msg) from error
    if last <= first:
        msg = f"--to {to} does not lie behind --from {start}"
        raise ConfigurationError(msg)
    site = estates.load(chosen.estate)
    return Head.model_validate({"since": first - lead, "from": first, "to": last, "estate": site})


def moment(option: str, text: str) -> datetime:
    """A moment that an option names: without a zone it is UTC, `-8h` is so long ago. Raises `ConfigurationError`."""
    try:
        if text.startswith("-"):
            return SystemClock().now() - timedelta(seconds=durations.seconds(text[1:]))
        found = datetime.fromisoformat(text)
    except ValueError as error:
        msg = f"{option} {text!r} is not a moment; write for example 2026-11-24T03:12:00Z or -8h"
        raise ConfigurationError(msg) from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


async def _record(config: Path, out: Path, start: str, to: str, before: str) -> None:
    chosen = settings.load(config)
    first = head(chosen, start, to, before)
    async with connecting.bus(chosen, SystemClock(), name="toban-record") as bus:
        try:
            file = os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        except OSError as error:
            msg = f"{out} cannot be written: {error.strerror}"
            raise ConfigurationError(msg) from error
        with file:
            async with aclosing(records.of_bus(bus, first)) as items:
                count = await write(items, file, first)
    typer.echo(f"{out}: {count} events, {out.stat().st_size / 1e6:.1f} MB")


async def write(items: AsyncIterator[Item], file: BinaryIO, first: Head) -> int:
    """Write line by line; broken off, the last line says until when it reaches. How many events were written."""
    count, until, ended = 0, first.since, False
    try:
        async for item in items:
            file.write(records.line(item))
            ended = isinstance(item, End)
            if isinstance(item, Arrival):
                count, until = count + 1, item.stored_at
                if count % TELL_EVERY == 0:
                    typer.echo(f"{count} events, until {until:%Y-%m-%d %H:%M:%S}", err=True)
    finally:
        if not ended:
            file.write(records.line(End(events=count, until=until)))
    return count
