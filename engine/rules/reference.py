"""The reference evaluator: what each pattern means, in plain Python without durable_rules. Slow, and right by reading.

Tests hold the matcher against it. Every function looks at the whole history of one key, in the order of storage; a
window is half open: what was stored at `t` counts until just before `t + within`.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from engine.model.catalogue import Catalogue
from engine.model.event import Arrival, Event
from engine.model.pattern import (
    AbsencePattern,
    AllPattern,
    Atom,
    CountPattern,
    EventPattern,
    MetricPattern,
    MissingPattern,
    SchedulePattern,
    Selection,
    SequencePattern,
    alternatives,
)
from engine.model.policy import Policy
from engine.rules import compiling, reference_joined, sanitising
from engine.rules.facts import Key
from engine.rules.projecting import shared
from engine.rules.story import Line, Story
from engine.rules.watching import match_id

Told = tuple[str, str, str, datetime]
"""(matched or ended, match id, key, when)."""


def evaluate(
    policy: Policy,
    catalogue: Catalogue,
    key_of: Callable[[Event, str], str | None],
    arrivals: Iterable[Arrival],
    until: datetime,
) -> list[Told]:
    """All findings of one policy over these arrivals, with the clock turned to `until` at the end."""
    when = policy.spec.when
    heard = list(arrivals)
    atoms = [one for atom in alternatives(when) for one in _single(atom, catalogue)]
    lines: list[Line] = []
    for number, atom in enumerate(atoms):
        by_key: dict[Key, list[tuple[float, Arrival]]] = {}
        for index, arrival in enumerate(heard):
            who, values = key_of(arrival.event, when.by), shared(arrival.event, getattr(atom, "same", ()), catalogue)
            if who is not None and values is not None:
                by_key.setdefault((who, *values), []).append((index, arrival))
        for key, mine in by_key.items():
            story = Story(policy.name, catalogue, number, key, tuple(mine), until)
            lines += list(_atom(atom, story))
    lines.sort(key=lambda line: line.order)
    told = _merged(policy.name, lines) if len(atoms) > 1 else [_told(policy.name, line) for line in lines]
    return sorted(told, key=lambda one: (one[3], one[0], one[1]))


def _single(atom: Atom, catalogue: Catalogue) -> list[Atom]:
    if isinstance(atom, EventPattern) and atom.event.endswith(".*"):
        return [atom.model_copy(update={"event": one}) for one in sorted(compiling.types_of(atom.event, catalogue))]
    return [atom]


def _told(policy: str, line: Line) -> Told:
    return (line.what.removeprefix("once "), match_id(policy, line.key, line.events), line.key[0], line.at)


def _merged(policy: str, lines: Iterable[Line]) -> list[Told]:
    """One trouble per object: opened by the first match, over when every alternative that matched is over."""
    told: list[Told] = []
    first: dict[str, Told] = {}
    holding: dict[str, set[tuple[int, str]]] = {}
    for line in lines:
        one = _told(policy, line)
        who, mark = one[2], (line.alternative, one[1])
        if line.what == "ended":
            if mark in holding.get(who, ()):
                holding[who].remove(mark)
                if not holding[who]:
                    told.append(("ended", first.pop(who)[1], who, line.at))
            continue
        if not holding.get(who):
            told.append(one)
        if line.what == "matched":
            first.setdefault(who, one)
            holding.setdefault(who, set()).add(mark)
    return told


def _atom(atom: Atom, story: Story) -> Iterator[Line]:
    if isinstance(atom, MetricPattern):
        return _metric(atom, story)
    if isinstance(atom, MissingPattern):
        return _missing(atom, story)
    if isinstance(atom, AllPattern):
        return reference_joined.all_of(atom, story)
    if isinstance(atom, SequencePattern):
        return reference_joined.in_order(atom, story)
    if isinstance(atom, CountPattern):
        return reference_joined.counted(atom, story)
    return _held(atom, story)


def _held(atom: EventPattern | AbsencePattern | SchedulePattern, story: Story) -> Iterator[Line]:
    opening, closes, hold, absent = _terms(atom, story)
    stays = bool(closes) or absent is not None
    since: Arrival | None = None
    matched = False
    for index, arrival in story.history:
        event, now = arrival.event, arrival.stored_at
        if since is not None and not matched and since.stored_at + hold <= now:
            yield story.line(since.stored_at + hold, -1, "matched" if stays else "once matched", [since.event])
            since, matched = (since, True) if stays else (None, False)
        ends = event.type in closes or (absent is not None and story.fits(absent, event))
        if since is not None and ends:
            yield story.line(now, index, "ended", [since.event])
            since, matched = None, False
        elif since is None and story.fits(opening, event) and _is_ours(atom, story, event):
            since, matched = arrival, not hold
            if not hold:
                yield story.line(now, index, "matched" if stays else "once matched", [event])
                since, matched = (since, True) if stays else (None, False)
    if since is not None and not matched and since.stored_at + hold <= story.until:
        yield story.line(since.stored_at + hold, -1, "matched" if stays else "once matched", [since.event])


def _terms(
    atom: EventPattern | AbsencePattern | SchedulePattern, story: Story
) -> tuple[Selection, frozenset[str], timedelta, Selection | None]:
    """What opens, the types that end, how long it must hold, and what must stay away."""
    if isinstance(atom, AbsencePattern):
        return atom, frozenset(), timedelta(seconds=atom.within), atom.absent
    if isinstance(atom, SchedulePattern):
        return Selection(event=compiling.SCHEDULED), frozenset(), timedelta(0), None
    closes = (
        compiling.types_of(atom.until, story.catalogue) if atom.until else story.catalogue.recoveries_of(atom.event)
    )
    return atom, closes, timedelta(seconds=atom.hold or 0.0), None


def _is_ours(atom: Atom, story: Story, event: Event) -> bool:
    return not isinstance(atom, SchedulePattern) or event.data.get("policy") == story.policy


def _metric(atom: MetricPattern, story: Story) -> Iterator[Line]:
    kind, _, field = atom.metric.rpartition(".")
    sign = 1 if atom.above is not None else -1
    boundary = sign * float(atom.above if atom.above is not None else atom.below or 0)
    clear = sign * float(atom.clear) if atom.clear is not None else boundary
    hold = timedelta(seconds=atom.hold)
    since: Arrival | None = None
    matched = False
    for index, arrival in story.history:
        raw, now = arrival.event.data.get(field), arrival.stored_at
        if since is not None and not matched and since.stored_at + hold <= now:
            yield story.line(since.stored_at + hold, -1, "matched", [since.event])
            matched = True
        if arrival.event.type != kind or isinstance(raw, bool) or not isinstance(raw, int | float):
            continue
        value = sign * float(sanitising.safe(raw) or 0)
        if since is None and value > boundary:
            since, matched = arrival, not hold
            if not hold:
                yield story.line(now, index, "matched", [arrival.event])
        elif since is not None and (value < clear if matched else value <= boundary):
            yield story.line(now, index, "ended", [since.event])
            since, matched = None, False
    if since is not None and not matched and since.stored_at + hold <= story.until:
        yield story.line(since.stored_at + hold, -1, "matched", [since.event])


def _missing(atom: MissingPattern, story: Story) -> Iterator[Line]:
    heart = Selection.model_validate({"event": atom.missing, "if": atom.condition})
    beats = [(index, arrival) for index, arrival in story.history if story.fits(heart, arrival.event)]
    hold = timedelta(seconds=atom.hold)
    for number, (_, beat) in enumerate(beats):
        following = beats[number + 1] if number + 1 < len(beats) else None
        due = beat.stored_at + hold
        if due <= (following[1].stored_at if following is not None else story.until):
            yield story.line(due, -1, "matched", [beat.event])
            if following is not None:
                yield story.line(following[1].stored_at, following[0], "ended", [beat.event])
