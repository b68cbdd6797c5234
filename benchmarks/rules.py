"""Rule matching measured: events per second through 100 policies on one core, and the plain evaluator beside it."""

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from benchmarks import worlds
from engine.estate import linking
from engine.model.catalogue import Catalogue, shipped
from engine.model.estate import Estate
from engine.model.event import Arrival, Event
from engine.rules import reference
from engine.rules.matching import Matcher

START = datetime(2026, 11, 24, tzinfo=UTC)
OBJECTS = 1000
EVENTS = 60_000
PEER_EVENTS = 2_000
PER_SECOND = 100
"""Of the time that the events tell; it sets how many conditions are open at once."""
MIX = "60 % host.load, 30 % types that policies name, 10 % types that none names; of 1,000 hosts and their blades"


def arrivals(words: Catalogue, count: int, objects: int = OBJECTS) -> Iterator[Arrival]:
    """A night of events in the order of their arrival, the same each time."""
    dice = random.Random(1)  # noqa: S311  a workload, not a secret
    places = worlds.site(objects).standings
    hosts = [(f"host:{name}", f"machine:{place.host.machine}") for name, place in places.items()]
    named = sorted({kind for one in worlds.hundred(words) for kind in _types(one.spec.when.model_dump(by_alias=True))})
    named += [entry.recovery for name in named if (entry := words.types[name]).recovery is not None]
    others = [name for name in words.types if name not in named]
    for number in range(count):
        kind = dice.choices(("host.load", dice.choice(named), dice.choice(others)), (60, 30, 10))[0]
        host, machine = dice.choice(hosts)
        yield Arrival(
            event=Event(
                id=f"e{number}",
                type=kind,
                source="bench",
                subject=machine if words.types[kind].kind == "machine" else host,
                time=START,
                data={"cpu_percent": round(dice.uniform(5, 85), 1)} if kind == "host.load" else {},
            ),
            sequence=number + 1,
            stored_at=START + timedelta(seconds=number / PER_SECOND),
        )


def _types(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            if name in ("event", "missing") and isinstance(one, str):
                yield one
            yield from _types(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _types(one)


def matcher(words: Catalogue, objects: int = OBJECTS) -> Matcher:
    """100 policies over an estate of so many hosts."""
    estate = Estate(site=worlds.site(objects))
    return Matcher(worlds.hundred(words), words, lambda event, by: linking.key_for(estate, event, by))


def run() -> dict[str, object]:
    """Events per second, ours and the plain evaluator's, over the same mix."""
    words = shipped()
    night = list(arrivals(words, EVENTS))
    ours = matcher(words)
    began, found = time.perf_counter(), 0
    for arrival in night:
        found += len(ours.advance(arrival.stored_at)) + len(ours.feed(arrival))
    rate = len(night) / (time.perf_counter() - began)
    estate = Estate(site=worlds.site(OBJECTS))
    part = night[:PEER_EVENTS]
    began = time.perf_counter()
    for policy in worlds.hundred(words):
        reference.evaluate(
            policy, words, lambda event, by: linking.key_for(estate, event, by), part, part[-1].stored_at
        )
    theirs = len(part) / (time.perf_counter() - began)
    return {
        "name": "rule-matching",
        "events_per_s": round(rate),
        "policies": len(worlds.hundred(words)),
        "objects": OBJECTS,
        "events": len(night),
        "findings": found,
        "faults": ours.counts.faults,
        "mix": MIX,
        "peer": "plain-Python evaluator that asks every policy",
        "peer_events_per_s": round(theirs),
        "ratio": round(rate / theirs, 1),
    }
