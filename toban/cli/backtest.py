"""`toban policy backtest`: what a changed policy would have done with what really happened."""

import asyncio
import io
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import orjson
import typer

from engine.clock import SystemClock
from engine.deciding import DeciderSettings
from engine.estate import loading as estates
from engine.guard.limits import Limits
from engine.model import catalogue
from engine.model.errors import ConfigurationError
from engine.model.policy import Policy
from engine.rehearsing import recording, replaying
from engine.rehearsing.recording import Recording
from engine.rehearsing.replaying import Difference, Setting
from engine.rules import loading
from toban import connecting, settings
from toban.cli import record as recorder
from toban.cli.options import AsJson
from toban.settings import Settings


def backtest(
    new: Annotated[Path, typer.Argument(help="The changed policy file.")],
    *,
    recorded: Annotated[Path | None, typer.Option("--recorded", help="A file that `toban record` wrote.")] = None,
    estate: Annotated[Path | None, typer.Option("--estate", help="The estate.yaml of the record.")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="Read from this site's broker instead.")] = None,
    since: Annotated[str, typer.Option("--from", help="With --config: from when; a moment or -8h.")] = "-24h",
    until: Annotated[str, typer.Option("--to", help="With --config: to when.")] = "-0s",
    against: Annotated[
        Path | None, typer.Option("--against", help="Compare with what this file gives, not with what was recorded.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play recorded events through a changed policy on a virtual clock, and show its decisions as a diff.

    `-` came and comes no more, `+` comes now. Without --against the left side is what was decided then by the policy of
    that name. What a look at decision time showed is taken from the recorded decisions; the output says how often.

    Exit code 0: no difference; 1: differences; 2: something cannot be used.
    """
    chosen = settings.load(config) if config is not None else None
    record = _record(recorded, chosen, since, until)
    setting = _setting(chosen, estate)
    after = _policy(new)
    if against is not None:
        played, _ = replaying.replay(record, _policy(against), setting)
        before = replaying.verdicts(told.decision for told in played.told)
    else:
        before = replaying.verdicts(one for one in record.decisions if one.policy == after.name)
    played, looks = replaying.replay(record, after, setting)
    found = replaying.difference(before, played, record, looks)
    if as_json:
        typer.echo(orjson.dumps(as_object(found)).decode())
    else:
        _tell(found, len(record.events))
    raise typer.Exit(1 if found.lines else 0)


def _record(recorded: Path | None, chosen: Settings | None, since: str, until: str) -> Recording:
    if (recorded is None) == (chosen is None):
        msg = "give either --recorded FILE with --estate, or --config of a site whose broker is to be read"
        raise ConfigurationError(msg)
    if recorded is not None:
        return recording.read(recorded)
    clock = SystemClock()
    begin, end = recorder.moment(since, clock), recorder.moment(until, clock)
    with tempfile.TemporaryDirectory(prefix="toban-backtest-") as folder:
        path = Path(folder) / "record.jsonl"
        with path.open("wb") as file:
            asyncio.run(_fetched(chosen, file, begin, end))
        return recording.read(path)


async def _fetched(chosen: Settings | None, file: BinaryIO | io.BytesIO, begin: datetime, end: datetime) -> None:
    if chosen is not None:
        async with connecting.bus(chosen, SystemClock(), name="toban-backtest") as bus:
            await recorder.write(bus, file, begin, end)


def _setting(chosen: Settings | None, estate: Path | None) -> Setting:
    words = catalogue.shipped()
    if chosen is None:
        if estate is None:
            msg = "give the estate.yaml of the record with --estate"
            raise ConfigurationError(msg)
        return Setting(estates.load(estate), words, DeciderSettings(armed=True))
    guard = chosen.guard
    bounds = Limits(fences=guard.fences, fences_within=guard.fences_within, refence_after=guard.refence_after)
    decider = DeciderSettings(True, guard.witnesses, guard.observation_expires, bounds)
    ours = frozenset(account.user for account in chosen.vcenters.values())
    return Setting(estates.load(estate or chosen.estate), words, decider, ours)


def _policy(path: Path) -> Policy:
    loaded = loading.load([path], catalogue.shipped())
    errors = [problem for problem in loaded.problems if problem.severity == "error"]
    if errors or len(loaded.policies) != 1:
        msg = str(errors[0]) if errors else f"{path} holds {len(loaded.policies)} policies; give one file"
        raise ConfigurationError(msg)
    return loaded.policies[0]


def _tell(found: Difference, events: int) -> None:
    for sign, one in found.lines:
        typer.echo(f"{sign} {one}")
    typer.echo(f"{events} events over {found.days:.2f} days: {len(found.lines)} differences, {found.same} unchanged")
    per_day = (found.acts_before / found.days, found.acts_after / found.days)
    typer.echo(
        f"acts: {found.acts_before} before, {found.acts_after} after ({per_day[0]:.1f} and {per_day[1]:.1f} a day)"
    )
    if found.held_for:
        typer.echo("held: " + ", ".join(f"{why} {count}" for why, count in found.held_for))
    if found.out_of_scope:
        typer.echo(f"{found.out_of_scope} matches were out of its scope")
    if found.remembered_looks:
        typer.echo(
            f"{found.remembered_looks} looks were answered with what was seen when the recorded decisions were made"
        )


def as_object(found: Difference) -> dict[str, object]:
    """A difference for machines."""
    return {
        "differences": [
            {"sign": sign, "at": one.at.isoformat(), "decision": one.kind, "about": one.about, "why": one.why}
            for sign, one in found.lines
        ],
        "unchanged": found.same,
        "acts_before": found.acts_before,
        "acts_after": found.acts_after,
        "days": found.days,
        "held": dict(found.held_for),
        "out_of_scope": found.out_of_scope,
        "remembered_looks": found.remembered_looks,
    }
