"""Rule matching measured: events per second through 100 policies on one core, and the plain evaluator beside it."""

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from engine.model.catalogue import Catalogue, shipped
from engine.model.event import Arrival, Event
from engine.model.pattern import EventPattern
from engine.model.policy import Policy
from engine.rules import reference
from engine.rules.matching import Matcher

START = datetime(2026, 11, 24, tzinfo=UTC)
POLICIES = 100
HOSTS = 200
EVENTS = 60_000
PEER_EVENTS = 4_000
MIX = "60 % host.load of 200 hosts, 30 % types that policies name, 10 % types that none names"


def policies(words: Catalogue) -> tuple[Policy, ...]:
    """10 metric thresholds on host.load, 45 held conditions and 45 single events over the catalogue's types."""
    held = [name for name, entry in words.types.items() if entry.recovery][:45]
    single = [name for name in words.types if name not in held and not name.startswith(("host.load", "vm."))][:45]
    whens: list[dict[str, object]] = [
        {"metric": "host.load.cpu_percent", "above": 80 + n, "for": "60s", "clear": 60, "by": "subject"}
        for n in range(10)
    ]
    whens += [{"event": name, "for": "45s", "by": "subject"} for name in held]
    whens += [{"event": name, "by": "subject"} for name in single]
    return tuple(_policy(number, when) for number, when in enumerate(whens))


def _policy(number: int, when: dict[str, object]) -> Policy:
    return Policy.model_validate(
        {
            "apiVersion": "toban/v1",
            "kind": "Policy",
            "metadata": {"name": f"bench-{number}", "title": {"en": "bench", "ja": "bench"}},
            "spec": {"when": when, "do": [{"id": "tell", "notify": {"channel": "x"}}]},
        }
    )


def arrivals(words: Catalogue, chosen: Sequence[Policy], count: int) -> list[Arrival]:
    """A night of events in the order of their arrival, the same each time."""
    dice = random.Random(1)  # noqa: S311  a workload, not a secret
    named = [policy.spec.when.event for policy in chosen if isinstance(policy.spec.when, EventPattern)]
    others = [name for name in words.types if name not in named and name != "host.load"]
    found: list[Arrival] = []
    for number in range(count):
        kind = dice.choices(("host.load", dice.choice(named), dice.choice(others)), (60, 30, 10))[0]
        data = {"cpu_percent": round(dice.uniform(5, 85), 1)} if kind == "host.load" else {}
        event = Event(
            id=f"e{number}",
            type=kind,
            source="bench",
            subject=f"host:esx{dice.randrange(HOSTS)}",
            time=START,
            data=dict(data),
        )
        found.append(Arrival(event=event, sequence=number + 1, stored_at=START + timedelta(milliseconds=number)))
    return found


def run() -> dict[str, object]:
    """Events per second, ours and the plain evaluator's, over the same mix."""
    words = shipped()
    chosen = policies(words)
    night = arrivals(words, chosen, EVENTS)
    matcher = Matcher(chosen, words, lambda event, _: event.subject)
    began, found = time.perf_counter(), 0
    for arrival in night:
        found += len(matcher.advance(arrival.stored_at)) + len(matcher.feed(arrival))
    ours = len(night) / (time.perf_counter() - began)
    part = night[:PEER_EVENTS]
    began = time.perf_counter()
    for policy in chosen:
        reference.evaluate(policy, words, lambda event, _: event.subject, part, part[-1].stored_at)
    theirs = len(part) / (time.perf_counter() - began)
    return {
        "name": "rule-matching",
        "events_per_s": round(ours),
        "policies": len(chosen),
        "events": len(night),
        "findings": found,
        "mix": MIX,
        "peer": "plain-Python evaluator that asks every policy",
        "peer_events_per_s": round(theirs),
        "ratio": round(ours / theirs, 1),
    }
