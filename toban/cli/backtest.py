"""`toban policy backtest`: a changed policy over what was recorded."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import perf_counter
from typing import Annotated

import orjson
import typer

from engine.clock import SystemClock
from engine.deciding import DeciderSettings
from engine.estate import loading as estates
from engine.model.catalogue import shipped
from engine.model.errors import ConfigurationError
from engine.model.policy import Policy
from engine.rehearsing import backtesting, comparing, records
from engine.rehearsing.backtesting import Backtest, Cast
from engine.rehearsing.records import Item
from engine.rules import loading
from toban import connecting, guarding, settings
from toban.cli import record
from toban.cli.options import DEFAULT, AsJson, Config
from toban.settings import Settings


def backtest(
    new: Annotated[Path, typer.Argument(help="The changed policy's file.")],
    *,
    start: Annotated[str | None, typer.Option("--from", help="Compare from then: 2026-11-24T22:00Z, or -8h.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Up to then; default: now.")] = None,
    before: record.Before = "2h",
    recorded: Annotated[Path | None, typer.Option("--recorded", help="A file of `toban record`, no broker.")] = None,
    estate: Annotated[Path | None, typer.Option("--estate", help="Instead of the record's own estate.")] = None,
    against: Annotated[Path | None, typer.Option("--against", help="Compare with this policy's decisions.")] = None,
    beside: Annotated[list[Path] | None, typer.Option("--beside", help="Files and folders of other policies.")] = None,
    config: Config = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Replay recorded events through a changed policy on a virtual clock; show the decisions as a difference.

    `-` was decided and would not be any more, `+` would be decided and was not. With --from and --to the record comes
    from the broker and the site's other policies play too; with --recorded it comes from a file and needs no site.
    Nothing is stored and nothing is touched. Stop switch, maintenance and approvals by people are not in a record, and
    every run is taken to succeed.

    Exit code 0: the same decisions; 1: others; 2: a file, a time or a policy cannot be used.
    """
    began = perf_counter()
    policy, other = _policy(new), _policy(against) if against is not None else None
    site = estates.load(estate) if estate is not None else None
    if recorded is not None:
        if start is not None or to is not None:
            msg = "--recorded has its own times; leave --from and --to away"
            raise ConfigurationError(msg)
        cast = Cast(policy, other, _beside(beside or [], policy), DeciderSettings(), frozenset(), site)
        result = asyncio.run(backtesting.run(records.of_file(recorded), cast, shipped()))
    elif start is None:
        msg = "which time? give --from (and --to), or a file with --recorded"
        raise ConfigurationError(msg)
    else:
        chosen = settings.load(config)
        others = _beside(beside if beside is not None else list(chosen.policies), policy)
        cast = Cast(policy, other, others, guarding.decider_settings(chosen), chosen.own_accounts, site)
        first = record.head(chosen, start, to or "-0s", before)
        result = asyncio.run(_of_bus(chosen, first, cast))
    spent = perf_counter() - began
    if as_json:
        typer.echo(orjson.dumps(as_object(result)).decode())
    else:
        for line in words(result):
            typer.echo(line)
        typer.echo(f"{result.events} events in {spent:.1f} s ({result.events / spent:.0f}/s)")
    raise typer.Exit(1 if result.difference.rows else 0)


async def _of_bus(chosen: Settings, first: records.Head, cast: Cast) -> Backtest:
    async with connecting.bus(chosen, SystemClock(), name="toban-backtest") as bus:
        items: AsyncIterator[Item] = records.of_bus(bus, first)
        return await backtesting.run(items, cast, shipped())


def _policy(path: Path) -> Policy:
    """The one policy of a file. Raises `ConfigurationError` with the first mistake."""
    loaded = loading.load([path], shipped())
    wrong = [problem for problem in loaded.problems if problem.severity == "error"]
    if wrong:
        raise ConfigurationError(str(wrong[0]))
    if len(loaded.policies) != 1:
        msg = f"{path} must be the file of one policy; it gives {len(loaded.policies)}"
        raise ConfigurationError(msg)
    return loaded.policies[0]


def _beside(paths: list[Path], policy: Policy) -> tuple[Policy, ...]:
    """Usable policies of these paths; the changed one stands for itself."""
    found = loading.load(paths, shipped()).policies if paths else ()
    return tuple(one for one in found if one.name != policy.name)


def words(result: Backtest) -> Iterator[str]:
    """The difference for people."""
    difference, head = result.difference, result.head
    for row in difference.rows:
        one = row.decision
        why = "; ".join(f"{reason.code}: {reason.en}" for reason in one.reasons)
        yield f"{row.sign} {one.at:%Y-%m-%d %H:%M:%S} {comparing.word(one):<9} {one.object}  {why}"
    plus = sum(row.sign == "+" for row in difference.rows)
    minus, more = len(difference.rows) - plus, difference.acts_after - difference.acts_before
    span = f"{head.start:%Y-%m-%d %H:%M} to {result.until:%Y-%m-%d %H:%M}"
    yield f"{span}: {difference.unchanged} the same, +{plus} -{minus}"
    yield (
        f"acts: {difference.acts_before} before, {difference.acts_after} after: "
        f"{abs(more) / result.days:.1f} a day {'fewer' if more < 0 else 'more'}"
    )
    if difference.blocked:
        yield f"limits would have held: {', '.join(f'{code} {n}' for code, n in difference.blocked.items())}"
    if result.seen_then:
        yield f"{len(result.seen_then)} matches rest on what was seen at decision time then"
    if result.unseen:
        yield f"{len(result.unseen)} matches rest on the recorded events alone: nobody looked at them then"
    if result.young:
        yield f"{result.young} objects changed in the inventory after the beginning; they are taken as they are now"
    if not result.whole:
        yield "the record was broken off: nothing is known of what came after"


def as_object(result: Backtest) -> dict[str, object]:
    """The difference for machines."""
    difference = result.difference
    return {
        "from": result.head.start.isoformat(),
        "to": result.until.isoformat(),
        "whole": result.whole,
        "events": result.events,
        "rows": [
            {
                "sign": row.sign,
                "word": comparing.word(row.decision),
                "rests_on": "seen"
                if row.decision.match in result.seen_then
                else "events"
                if row.decision.match in result.unseen
                else None,
                **row.decision.model_dump(mode="json"),
            }
            for row in difference.rows
        ],
        "unchanged": difference.unchanged,
        "acts": {"before": difference.acts_before, "after": difference.acts_after, "days": result.days},
        "blocked": difference.blocked,
        "inventory_changed": result.young,
    }
