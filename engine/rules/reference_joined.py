"""The reference evaluator for patterns of several events; see `reference`."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations

from engine.model.event import Arrival, Event
from engine.model.pattern import AllPattern, CountPattern, SequencePattern
from engine.rules import compiling, projecting
from engine.rules.story import Line, Story


def all_of(atom: AllPattern, story: Story) -> Iterator[Line]:
    """Each part keeps one event; see `joined.AllOf`."""
    waited = {one for part in atom.parts for one in compiling.types_of(part.event, story.catalogue)}
    pairs = {one: story.catalogue.recoveries_of(one) - waited for one in waited}
    until = compiling.types_of(atom.until, story.catalogue) if atom.until else frozenset()
    closes = until or frozenset(recovery for found in pairs.values() for recovery in found)
    gathered: dict[int, Arrival] = {}
    matched: tuple[Event, ...] | None = None
    for index, arrival in story.history:
        event, now = arrival.event, arrival.stored_at
        gathered = {n: one for n, one in gathered.items() if one.stored_at + timedelta(seconds=atom.within) > now}
        if matched is not None:
            if event.type in closes:
                yield story.line(now, index, "ended", matched)
                matched = None
            continue
        if event.type in until:
            gathered = {}
            continue
        if not until:
            gathered = {n: one for n, one in gathered.items() if event.type not in pairs[one.event.type]}
        fitting = [n for n, part in enumerate(atom.parts) if story.fits(part, event)]
        if not fitting:
            continue
        empty = [n for n in fitting if n not in gathered]
        gathered[empty[0] if empty else min(fitting, key=lambda n: gathered[n].stored_at)] = arrival
        if len(gathered) == len(atom.parts):
            events = tuple(gathered[n].event for n in range(len(atom.parts)))
            yield story.line(now, index, "matched" if closes else "once matched", events)
            gathered, matched = {}, events if closes else None


def in_order(atom: SequencePattern, story: Story) -> Iterator[Line]:
    """At each fitting last event: is there a chain in the window that ends here?"""
    until = compiling.types_of(atom.until, story.catalogue) if atom.until else frozenset()
    begin, matched = 0, None
    for place, (index, arrival) in enumerate(story.history):
        event, now = arrival.event, arrival.stored_at
        if event.type in until:
            if matched is not None:
                yield story.line(now, index, "ended", matched)
            begin, matched = place + 1, None
        elif matched is None and story.fits(atom.parts[-1], event):
            chain = _chain(atom, story, begin, place)
            if chain is not None:
                yield story.line(now, index, "matched" if until else "once matched", chain)
                begin, matched = place + 1, chain if until else None


def _chain(atom: SequencePattern, story: Story, begin: int, last: int) -> tuple[Event, ...] | None:
    """Of all chains in the window that end here, the one whose first event is newest, then its second, and so on."""
    now = story.history[last][1].stored_at
    young = [
        place
        for place in range(begin, last)
        if story.history[place][1].stored_at + timedelta(seconds=atom.within) > now
    ]
    found = [
        places
        for places in combinations(young, len(atom.parts) - 1)
        if all(story.fits(part, story.history[place][1].event) for part, place in zip(atom.parts, places, strict=False))
    ]
    if not found:
        return None
    return tuple(story.history[place][1].event for place in (*max(found), last))


def counted(atom: CountPattern, story: Story) -> Iterator[Line]:
    """Fitting events, or values, of the last `within`."""
    until = compiling.types_of(atom.until, story.catalogue) if atom.until else frozenset()
    counted: list[tuple[object, Arrival]] = []
    matched: tuple[Event, ...] | None = None
    for index, arrival in story.history:
        event, now = arrival.event, arrival.stored_at
        if event.type in until:
            if matched is not None:
                yield story.line(now, index, "ended", matched)
            counted, matched = [], None
            continue
        value = (
            index if atom.distinct is None else projecting.values(event, story.catalogue).get(f"event.{atom.distinct}")
        )
        if matched is not None or value is None or not story.fits(atom, event):
            continue
        young = [one for one in counted if one[1].stored_at + timedelta(seconds=atom.within) > now]
        counted = [*(one for one in young if one[0] != value), (value, arrival)]
        if len(counted) == atom.count:
            events = tuple(one.event for _, one in counted)
            yield story.line(now, index, "matched" if until else "once matched", events)
            counted, matched = [], events if until else None
