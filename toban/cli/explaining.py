"""`toban policy explain`."""

import asyncio
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.text import Text

from engine.clock import SystemClock
from engine.documents import nearest
from engine.estate import loading as estates
from engine.model import catalogue, order
from engine.model.errors import ConfigurationError
from engine.model.policy import Policy
from engine.rules import loading
from toban import connecting, explaining, explaining_words, guarding, settings
from toban.cli.options import DEFAULT, AsJson, Config
from toban.explaining import Explained, Question
from toban.settings import Settings

COLOURS = {"ok": "green", "no": "red", "?": "yellow"}


class Language(StrEnum):
    """Of the words for people."""

    EN = "en"
    JA = "ja"


def explain(
    name: Annotated[
        str, typer.Argument(help="The policy, as its file names it; of an order by hand as `toban decisions` does.")
    ],
    *,
    about: Annotated[str, typer.Option("--object", "-o", help="An object such as host:esx1 or vm:VM-01.")],
    at: Annotated[str | None, typer.Option("--at", help="A moment in the past, such as 2026-11-24T03:12:00Z.")] = None,
    config: Config = DEFAULT,
    lang: Annotated[Language, typer.Option("--lang", help="en or ja.")] = Language.EN,
    as_json: AsJson = False,
) -> None:
    """Why a policy acted on an object, or why it did not: the answer in one sentence, then clause by clause.

    What was heard is read from the broker and matched again as it was; what would be decided is worked out with the
    guard's own checks. Nothing is stored and nobody is looked at, so a look at decision time is not in it. With --at
    the events and decisions are those up to that moment; the inventory and what people ordered are always today's.

    Exit code 0; 2: the policy or the object is not known.
    """
    chosen = settings.load(config)
    policy = _policy(chosen, name)
    moment = _moment(at)
    told = asyncio.run(_explained(chosen, policy, about, moment))
    if as_json:
        typer.echo(orjson.dumps(as_object(told, lang.value)).decode())
        return
    console = Console(highlight=False)
    console.print(explaining_words.answer(told, lang.value), style="bold", soft_wrap=True)
    for line in explaining_words.clauses(told, lang.value):
        text = Text.assemble((f"  {line.mark:<3}", COLOURS[line.mark]), (f"{line.clause:<16}", "cyan"), line.says)
        console.print(text, soft_wrap=True)
    for one in told.recorded:
        reasons = "; ".join(explaining_words.said(reason, lang.value) for reason in one.decision.reasons)
        end = f", run {one.decision.match[:8]}: {one.outcome.value}" if one.outcome is not None else ""
        console.print(
            f"  decided {explaining_words.when(one.decision.at)} {one.decision.kind}: {reasons}{end}", soft_wrap=True
        )


def _policy(chosen: Settings, name: str) -> Policy:
    loaded = loading.load(chosen.policies, catalogue.shipped())
    found = {policy.name: policy for policy in loaded.policies}
    by_hand = order.named(name)
    if by_hand is not None:
        return by_hand
    if name not in found:
        near = nearest(name, sorted(found))
        hint = f"did you mean {near!r}?" if near else f"known: {', '.join(sorted(found)) or 'none'}"
        msg = f"no usable policy is called {name!r}; {hint}"
        raise ConfigurationError(msg)
    return found[name]


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        msg = f"{text!r} is not a moment; write for example 2026-11-24T03:12:00Z"
        raise ConfigurationError(msg) from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


async def _explained(chosen: Settings, policy: Policy, about: str, at: datetime | None) -> Explained:
    clock, words, site = SystemClock(), catalogue.shipped(), estates.load(chosen.estate)
    now = clock.now()
    async with connecting.bus(chosen, clock, name="toban-explain") as bus:
        estate = await explaining.estate_of(bus, site, words, now)
        known = explaining.known_objects(site, estate)
        if about not in known:
            near = nearest(about, known)
            hint = f"; did you mean {near}?" if near else "; write for example host:esx1"
            msg = f"the estate does not know {about!r}{hint}"
            raise ConfigurationError(msg)
        question = Question(
            policy,
            about,
            at or now,
            at is not None,
            guarding.decider_settings(chosen),
            chosen.replay,
            chosen.own_accounts,
        )
        return await explaining.explain(bus, site, words, question)


def as_object(told: Explained, lang: str) -> dict[str, object]:
    """An explanation for machines."""
    return {
        "policy": told.policy.name,
        "object": told.object,
        "at": told.at.isoformat(),
        "answer": explaining_words.answer(told, lang),
        "matched": told.match is not None,
        "pending": [
            {
                "matched": one.matched,
                "due": one.due.isoformat() if one.due is not None else None,
                "lapses": one.lapses.isoformat() if one.lapses is not None else None,
                "events": [{"id": event.id, "type": event.type, "at": at.isoformat()} for event, at in one.events],
                "wanted": list(one.wanted),
                "ends": list(one.ends),
            }
            for one in told.pending
        ],
        "clauses": [
            {"clause": line.clause, "mark": line.mark, "says": line.says}
            for line in explaining_words.clauses(told, lang)
        ],
        "decisions": [one.model_dump(mode="json") for one in told.recorded],
    }
