"""`toban approve`, `toban reject`: a person's word about a decision that waits for it."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import orjson
import typer
from pydantic import ValidationError

from engine.bus import subjects
from engine.bus.port import Bus
from engine.clock import SystemClock
from engine.guard.control import Control, Order
from engine.model.decision import Act, Decision, DecisionRecord, Ignore
from engine.model.errors import ConfigurationError, TobanError
from toban import connecting, settings
from toban.cli import ordering
from toban.cli.options import DEFAULT, AsJson, Config
from toban.cli.ordering import By, Why

WAITING = frozenset({"mode.approve", "approval.deadline"})
BACK = timedelta(days=31)
Match = Annotated[
    str,
    typer.Argument(metavar="MATCH", help="Which decision: the first characters of its match, as `decisions` shows."),
]


def approve(match: Match, *, why: Why = "", by: By = None, config: Config = DEFAULT, as_json: AsJson = False) -> None:
    """Say yes to a decision that waits for a person (`mode: approve`).

    It is no way round the other guards: witnesses, limits and the stop switch are looked at again when it acts.
    Exit code 1: it is too late, or somebody was first.
    """
    asyncio.run(_answer(config, match, ordering.who(by, why), yes=True, as_json=as_json))


def reject(match: Match, *, why: Why = "", by: By = None, config: Config = DEFAULT, as_json: AsJson = False) -> None:
    """Say no to a decision that waits for a person: it is left alone for good.

    Exit code 1: it is too late, or somebody was first.
    """
    asyncio.run(_answer(config, match, ordering.who(by, why), yes=False, as_json=as_json))


async def _answer(config: Path, prefix: str, who: Order, *, yes: bool, as_json: bool) -> None:
    async with connecting.bus(settings.load(config), SystemClock(), name="toban-answering") as bus:
        decision = await waiting(bus, prefix)
        await Control(bus).answer(decision.match, who, yes=yes)
        word = "approved" if yes else "rejected"
        why = f" ({who.why})" if who.why else ""
        about = f"{decision.policy} for {decision.object}"
        more = {"answer": word, "policy": decision.policy}
        text = f"{who.by} {word} {about}{why}"
        told = ordering.audited("toban.decision.answered", decision.match, who, text, more)
        await bus.publish(told.model_copy(update={"subject": decision.object, "causationid": decision.match}))
    if as_json:
        said = {"match": decision.match, "policy": decision.policy, "object": decision.object, "answer": word}
        typer.echo(orjson.dumps({**said, "by": who.by, "why": who.why}).decode())
        return
    typer.echo(f"{word}: {about}{why}" + ("; the other guards are looked at again before it acts" if yes else ""))


async def waiting(bus: Bus, prefix: str) -> Decision:
    """The decision that waits for a person under this beginning.

    Raises `ConfigurationError` if none or several begin so, `TobanError` if it waits for nobody (any more).
    """
    latest: dict[str, Decision] = {}
    async for record in bus.replay(subjects.ALL_DECISIONS, since=SystemClock().now() - BACK):
        try:
            decision = DecisionRecord.model_validate_json(record.body).decision
        except ValidationError:
            continue  # the engine logs it at its next start
        latest[decision.match] = decision
    fitting = [decision for match, decision in latest.items() if match.startswith(prefix)]
    if len(fitting) != 1:
        open_ones = [one for one in latest.values() if WAITING & {reason.code for reason in one.reasons}]
        known = ", ".join(f"{one.match[:12]} ({one.policy}, {one.object})" for one in open_ones) or "nothing"
        msg = f"{len(fitting)} decisions begin with {prefix!r}; waiting for a person: {known}"
        raise ConfigurationError(msg)
    _still_waits(fitting[0])
    return fitting[0]


def _still_waits(decision: Decision) -> None:
    when, why = f"{decision.at:%Y-%m-%d %H:%M:%S} UTC", "; ".join(reason.en for reason in decision.reasons)
    about = f"{decision.policy} for {decision.object}"
    if isinstance(decision, Act):
        msg = f"too late: {about} acted at {when}; {why}"
        raise TobanError(msg)
    if isinstance(decision, Ignore):
        msg = f"too late: {about} was left alone at {when}; {why}"
        raise TobanError(msg)
    if not WAITING & {reason.code for reason in decision.reasons}:
        msg = f"{about} does not wait for a person: {why}"
        raise TobanError(msg)
