"""What is odd about one policy, although every word of it is right: parts that can never come to anything; pure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product

from engine.cron import Cron
from engine.documents import Place
from engine.model import actions, following
from engine.model.catalogue import Catalogue
from engine.model.pattern import AnyPattern, SchedulePattern, alternatives
from engine.model.policy import Policy
from engine.model.run import Outcome
from engine.model.window import Window, weekdays
from engine.rules import compiling
from engine.rules.complaints import Complaint

GIVES: dict[str, frozenset[str]] = {
    "host": frozenset({"host", "machine", "vm"}),
    "machine": frozenset({"host", "machine", "vm"}),
    "vm": frozenset({"vm"}),
    "chassis": frozenset({"host", "machine", "vm", "chassis"}),
    "group": frozenset({"host", "machine", "vm", "group"}),
}
"""Kinds of subject from which an object of the grouping can be told (engine.estate.linking.related)."""
LIMIT_WORLDS = 4096
WEEK = 7 * 24 * 60
_LEAP = (datetime(2027, 12, 31, tzinfo=UTC), timedelta(days=8 * 366))
"""A span with a 29 February on every weekday that matters to a yearly schedule."""


def oddities(policy: Policy, catalogue: Catalogue) -> Iterator[Complaint]:
    """All findings; a policy with errors in its words gives none worth reading."""
    yield from _grouping(policy, catalogue)
    yield from _repeated(policy)
    yield from _steps(policy)
    yield from _windows(policy)
    yield from _schedules(policy)


def _grouping(policy: Policy, catalogue: Catalogue) -> Iterator[Complaint]:
    by = policy.spec.when.by
    if by not in GIVES:
        return
    for number, atom in enumerate(alternatives(policy.spec.when)):
        for part in compiling.selections(atom):
            types = compiling.types_of(part.event, catalogue)
            kinds = {catalogue.types[one].kind.value for one in types}
            if kinds and not kinds & GIVES[by] and not isinstance(atom, SchedulePattern):
                place: Place = (
                    ("spec", "when", "any", number) if isinstance(policy.spec.when, AnyPattern) else ("spec", "when")
                )
                message = f"{part.event} is about a {', '.join(sorted(kinds))}, which has no {by}: this never matches"
                yield Complaint("P017", "error", (*place, "by"), message)


def _repeated(policy: Policy) -> Iterator[Complaint]:
    when = policy.spec.when
    atoms = when.alternatives if isinstance(when, AnyPattern) else ()
    for number, atom in enumerate(atoms):
        if atom in atoms[:number]:
            yield Complaint("P057", "warning", ("spec", "when", "any", number), "the same alternative stands above")


def _steps(policy: Policy) -> Iterator[Complaint]:
    """Play every way in which the steps can end; a step that runs in none of them is named."""
    steps, known = policy.spec.do, actions.shipped()
    worlds: set[tuple[Outcome, ...]] = {()}
    for index, step in enumerate(steps):
        needs = following.requirements(steps, index)
        names = [one.id for one in steps[:index]]
        if not set(needs) <= set(names):
            return
        grown: set[tuple[Outcome, ...]] = set()
        action = known.get(step.verb)
        ends = (Outcome.SUCCESS,) if action is not None and action.never_fails else (Outcome.SUCCESS, Outcome.FAILED)
        for world in worlds:
            ended = dict(zip(names, world, strict=True))
            runs = following.allowed(needs, ended)
            grown |= {(*world, end) for end in (ends if runs else (Outcome.SKIPPED,))}
        if all(world[-1] is Outcome.SKIPPED for world in grown):
            said = " and ".join(f"{name} {after.value}" for name, after in needs.items())
            yield Complaint("P038", "warning", ("spec", "do", index), f"{step.id} can never run: it waits for {said}")
        if len(grown) > LIMIT_WORLDS:
            return
        worlds = grown


def _windows(policy: Policy) -> Iterator[Complaint]:
    shut = [one for one in policy.spec.unless if isinstance(one, Window)]
    during = policy.spec.during or (Window(),)
    zones = {one.timezone for one in (*shut, *during)}
    if not shut or (len(zones) > 1 and policy.spec.during):
        return
    open_minutes = {minute for one in during for minute in _minutes(one)}
    if open_minutes <= {minute for one in shut for minute in _minutes(one)}:
        place: Place = ("spec", "during") if policy.spec.during else ("spec", "unless")
        yield Complaint("P054", "warning", place, "the windows under `unless` leave no time at all: it never acts")


def _minutes(window: Window) -> Iterator[int]:
    length = (window.end - window.start) if window.end > window.start else (window.end - window.start + 24 * 60)
    for day, minute in product(weekdays(window.days), range(length)):
        yield (day * 24 * 60 + window.start + minute) % WEEK


def _schedules(policy: Policy) -> Iterator[Complaint]:
    begin, span = _LEAP
    for atom in alternatives(policy.spec.when):
        if isinstance(atom, SchedulePattern):
            try:
                cron = Cron(atom.schedule, atom.timezone)
            except ValueError:
                continue  # said already
            if not cron.ever(begin, begin + span):
                yield Complaint("P055", "warning", ("spec", "when", "schedule"), f"{atom.schedule!r} never comes")
