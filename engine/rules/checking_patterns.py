"""What is wrong with a pattern: unknown types, fields and groupings, and patterns that can never match; pure."""

from collections.abc import Iterator

from engine.cron import Cron
from engine.documents import Place
from engine.model.catalogue import Catalogue, FieldType
from engine.model.pattern import (
    AllPattern,
    AnyPattern,
    Atom,
    CountPattern,
    EventPattern,
    MetricPattern,
    Pattern,
    SchedulePattern,
    Selection,
    SequencePattern,
)
from engine.rules import compiling, complaints, conditions
from engine.rules.complaints import Complaint

BY = frozenset({"subject", "host", "machine", "vm", "chassis", "group"})


def check(when: Pattern, catalogue: Catalogue) -> Iterator[Complaint]:
    """All findings about what stands under `when`."""
    place: Place = ("spec", "when")
    if when.by not in BY:
        yield Complaint("P013", "error", (*place, "by"), complaints.unknown("grouping", when.by, BY))
    for atom, where in places(when):
        yield from _atom(atom, where, catalogue)


def places(when: Pattern) -> Iterator[tuple[Atom, Place]]:
    """Each alternative, and where it is written."""
    place: Place = ("spec", "when")
    if isinstance(when, AnyPattern):
        for index, atom in enumerate(when.alternatives):
            yield atom, (*place, "any", index)
    else:
        yield when, place


def _atom(atom: Atom, place: Place, catalogue: Catalogue) -> Iterator[Complaint]:
    if isinstance(atom, MetricPattern):
        yield from _metric(atom, place, catalogue)
        return
    if isinstance(atom, SchedulePattern):
        try:
            Cron(atom.schedule, atom.timezone)
        except ValueError as error:
            yield Complaint("P016", "error", (*place, "schedule"), str(error))
        return
    for part, where in parts(atom, place):
        yield from _selection(part, where, catalogue)
    until = getattr(atom, "until", None)
    if until is not None:
        yield from _known(until, (*place, "until"), catalogue)
    if isinstance(atom, AllPattern | SequencePattern | CountPattern):
        yield from _joined(atom, place, catalogue)
    if isinstance(atom, EventPattern):
        yield from _ends(atom, place, catalogue)


def parts(atom: Atom, place: Place) -> Iterator[tuple[Selection, Place]]:
    """Each event that a pattern waits for, and where it is written."""
    words = {AllPattern: "all", SequencePattern: "sequence"}
    for index, part in enumerate(compiling.selections(atom)):
        if isinstance(atom, AllPattern | SequencePattern):
            yield part, (*place, words[type(atom)], index)
        else:
            yield part, place if index == 0 else (*place, "absent")


def _selection(part: Selection, place: Place, catalogue: Catalogue) -> Iterator[Complaint]:
    word = "event"
    yield from _known(part.event, (*place, word), catalogue)
    if part.condition is not None and (types := compiling.types_of(part.event, catalogue)):
        yield from complaints.expression(part.condition, names_of(types, catalogue), (*place, "if"))


def names_of(types: frozenset[str], catalogue: Catalogue) -> dict[str, FieldType]:
    """What a condition may read where any of these types can come: the names that all of them have."""
    each = [conditions.event_names(catalogue, one) for one in sorted(types)]
    return {name: kind for name, kind in each[0].items() if all(other.get(name) is kind for other in each)}


def _known(name: str, place: Place, catalogue: Catalogue) -> Iterator[Complaint]:
    if not compiling.types_of(name, catalogue):
        branches = {".".join([*one.split(".")[:depth], "*"]) for one in catalogue.types for depth in (1, 2)}
        known = {*catalogue.types, *branches} if name.endswith("*") else catalogue.types
        yield Complaint("P010", "error", place, complaints.unknown("event type", name, known))


def _joined(
    atom: AllPattern | SequencePattern | CountPattern, place: Place, catalogue: Catalogue
) -> Iterator[Complaint]:
    types = frozenset(one for part in compiling.selections(atom) for one in compiling.types_of(part.event, catalogue))
    fields = {name.removeprefix("event.") for name in names_of(types, catalogue)} if types else set()
    for name in atom.same:
        if types and name not in fields:
            yield Complaint("P015", "error", (*place, "same"), complaints.unknown("field", name, fields))
    if isinstance(atom, CountPattern) and atom.distinct is not None and types and atom.distinct not in fields:
        yield Complaint("P015", "error", (*place, "distinct"), complaints.unknown("field", atom.distinct, fields))


def _ends(atom: EventPattern, place: Place, catalogue: Catalogue) -> Iterator[Complaint]:
    endless = [one for one in sorted(compiling.types_of(atom.event, catalogue)) if not catalogue.recoveries_of(one)]
    if atom.hold and endless and atom.until is None:
        message = f"{endless[0]} has no recovery type: nothing can end it within `for`; give `until`"
        yield Complaint("P014", "warning", (*place, "for"), message)


def _metric(atom: MetricPattern, place: Place, catalogue: Catalogue) -> Iterator[Complaint]:
    known = [
        f"{one.type}.{name}"
        for one in catalogue.types.values()
        for name, kind in one.fields.items()
        if _is_number(kind)
    ]
    if atom.metric not in known:
        yield Complaint("P012", "error", (*place, "metric"), complaints.unknown("metric", atom.metric, known))


def _is_number(kind: FieldType) -> bool:
    return kind in (FieldType.INTEGER, FieldType.NUMBER)
