"""Patterns that can never match, or always do, as far as one policy and the place where it runs can tell; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from engine.cron import Cron
from engine.documents import Place, nearest
from engine.model.catalogue import Catalogue
from engine.model.estate import Power, Site
from engine.model.event import Severity
from engine.model.ids import Kind
from engine.model.pattern import (
    AnyPattern,
    Atom,
    CountPattern,
    EventPattern,
    MetricPattern,
    MissingPattern,
    SchedulePattern,
    SequencePattern,
    alternatives,
)
from engine.model.policy import Policy
from engine.rules import analysing_conditions, compiling, conditions, expressions
from engine.rules.analysing_conditions import Domain
from engine.rules.checking_patterns import names_of, parts, places
from engine.rules.complaints import Complaint

_SINCE = datetime(2024, 1, 1, tzinfo=UTC)
"""Eight years from here hold every date that there is."""
_GIVES: Mapping[str, frozenset[Kind]] = {
    "host": frozenset({Kind.HOST, Kind.VM, Kind.MACHINE}),
    "machine": frozenset({Kind.HOST, Kind.VM, Kind.MACHINE}),
    "vm": frozenset({Kind.VM}),
    "chassis": frozenset({Kind.HOST, Kind.VM, Kind.MACHINE, Kind.CHASSIS}),
    "group": frozenset({Kind.HOST, Kind.VM, Kind.MACHINE, Kind.GROUP}),
}
"""Kinds of object that lead to one of the kind that a pattern groups by."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where policies are to run; what is None or empty is not known, and nothing is said about it."""

    emitted: frozenset[str] | None = None
    """Event types that something on this site can bring."""
    paces: Mapping[str, float] = field(default_factory=dict)
    """Types that come at a steady pace -> seconds between two of them."""
    site: Site | None = None
    minimum_hold: float = 0.0
    """Seconds that a policy which takes power away must at least wait (safety rule S2)."""


def analyse(policy: Policy, catalogue: Catalogue, around: Surroundings) -> Iterator[Complaint]:
    """Findings about the pattern and the conditions of one policy."""
    for atom, place in places(policy.spec.when):
        yield from _atom(atom, place, policy.spec.when.by, catalogue, around)
    yield from _conditions(policy, catalogue, around.site)
    if isinstance(policy.spec.when, AnyPattern):
        yield from _unreachable(policy.spec.when, catalogue)
    if around.site is not None:
        yield from _scope(policy, around.site)


def domain_of(types: frozenset[str], catalogue: Catalogue, site: Site | None) -> Domain:
    """What a condition over events of these types may read."""
    words = {"event.severity": frozenset(one.value for one in Severity), "event.type": types}
    return Domain(names_of(types, catalogue) if types else {}, words | _words(site))


def _words(site: Site | None) -> dict[str, frozenset[str]]:
    fixed = {
        "host.status": frozenset({"ready", "degraded", "faulted"}),
        "vm.power": frozenset(one.value for one in Power),
    }
    if site is None:
        return fixed
    groups = frozenset(group.name for category in site.categories for group in category.groups)
    named = {"host.name": frozenset(site.standings), "host.group": groups, "group.name": groups}
    named |= {"host.category": frozenset(one.name for one in site.categories)}
    named |= {"host.model": frozenset(one.name for one in site.models), "vm.host": frozenset(site.standings)}
    return fixed | named


def _atom(atom: Atom, place: Place, by: str, catalogue: Catalogue, around: Surroundings) -> Iterator[Complaint]:
    if isinstance(atom, SchedulePattern):
        yield from _schedule(atom, place)
        return
    for part, where in parts(atom, place):
        types = compiling.types_of(part.event, catalogue)
        word = {MetricPattern: "metric", MissingPattern: "missing"}.get(type(atom), "event")
        if around.emitted is not None and types and not types & around.emitted:
            message = (
                f"nothing on this site brings {part.event}: no trap map, no vCenter event, no source of Toban's own"
            )
            yield Complaint("P060", "info", (*where, word), message)
        kinds = {catalogue.types[one].kind for one in types}
        if kinds and by in _GIVES and not kinds & _GIVES[by]:
            message = f"{part.event} is about a {min(kinds)}, which belongs to no {by}: it can never be grouped by it"
            yield Complaint("P063", "warning", ("spec", "when", "by"), message)
        anywhere, here = (domain_of(types, catalogue, one) for one in (None, around.site))
        yield from _condition(part.condition, (*where, "if"), anywhere, here)
    yield from _paces(atom, place, around.paces)


def _conditions(policy: Policy, catalogue: Catalogue, site: Site | None) -> Iterator[Complaint]:
    types = compiling.opening_types(policy.spec.when, catalogue)
    opening = [domain_of(types, catalogue, one) for one in (None, site)]
    known = {**conditions.ESTATE, **conditions.METRIC}
    anywhere, here = (Domain({**known, **one.kinds}, one.words) for one in opening)
    yield from _condition(policy.spec.condition, ("spec", "if"), anywhere, here)


def _condition(text: str | None, place: Place, anywhere: Domain, here: Domain) -> Iterator[Complaint]:
    if text is None:
        return
    node = expressions.parse(text)
    unreachable = list(analysing_conditions.unreachable_texts(node))
    for written, column in unreachable:
        message = f"no event's text is ever {written[:60]!r}: quotes, backslashes and what exceeds 256 bytes never come"
        yield Complaint("P023", "warning", place, message, column)
    for one in analysing_conditions.verdicts(node, here):
        if one.word == "never" and not unreachable:
            what = "this condition" if one.whole else "this part of the condition"
            yield Complaint("P021", "warning", place, f"{what} can never hold", one.column)
    for one in analysing_conditions.verdicts(node, anywhere):  # that it always holds on this site is no mistake
        if one.word == "always":
            what = "this condition" if one.whole else "this part of the condition"
            yield Complaint("P022", "warning", place, f"{what} always holds: it decides nothing", one.column)


def _schedule(atom: SchedulePattern, place: Place) -> Iterator[Complaint]:
    cron = Cron(atom.schedule, atom.timezone)
    begin = _SINCE
    for days in (1, 31, 366, 2922):
        if cron.slots(begin, begin + timedelta(days=days)):
            return
    message = f"the schedule {atom.schedule!r} never comes: there is no such day"
    yield Complaint("P061", "warning", (*place, "schedule"), message)


def _paces(atom: Atom, place: Place, paces: Mapping[str, float]) -> Iterator[Complaint]:
    events = [part.event for part in compiling.selections(atom)]
    if isinstance(atom, SequencePattern | CountPattern):
        needed = [paces[one] for one in events if one in paces]
        least = (atom.count - 1) * needed[0] if isinstance(atom, CountPattern) and needed else 0.0
        if isinstance(atom, SequencePattern):
            least = max((sum(paces[one] for one in events if one == each) - paces[each] for each in paces), default=0.0)
        if least >= atom.within and least > 0 and getattr(atom, "distinct", None) is None and _same_object(atom):
            message = f"these events come every {needed[0]:g} s, so all of them take {least:g} s: longer than `within`"
            yield Complaint("P062", "warning", (*place, "within"), message)
    if isinstance(atom, MissingPattern) and atom.hold <= paces.get(atom.missing, 0.0):
        message = f"{atom.missing} comes every {paces[atom.missing]:g} s only: it would always be missing"
        yield Complaint("P062", "warning", (*place, "for"), message)


def _same_object(atom: Atom) -> bool:
    return atom.by in ("subject", "host", "vm", "machine")


def _unreachable(pattern: AnyPattern, catalogue: Catalogue) -> Iterator[Complaint]:
    for index, later in enumerate(pattern.alternatives):
        for number, other in enumerate(pattern.alternatives):
            equal_first = number < index if later == other else number != index
            if equal_first and (later == other or _covers(other, later, catalogue)):
                message = f"alternative {number + 1} always matches before this one does: it adds nothing"
                yield Complaint("P066", "warning", ("spec", "when", "any", index), message)
                break


def _covers(other: Atom, one: Atom, catalogue: Catalogue) -> bool:
    """Whether `other` has matched whenever `one` does."""
    if isinstance(other, EventPattern) and isinstance(one, EventPattern):
        wider = compiling.types_of(one.event, catalogue) <= compiling.types_of(other.event, catalogue)
        return (
            wider
            and other.condition in (None, one.condition)
            and other.until in (None, one.until)
            and (other.until is None or other.until == one.until)
            and (one.until is None or other.until == one.until)
            and (other.hold or 0.0) <= (one.hold or 0.0)
        )
    if isinstance(other, MetricPattern) and isinstance(one, MetricPattern) and other.metric == one.metric:
        above = None not in (other.above, one.above) and (other.above or 0.0) <= (one.above or 0.0)
        below = None not in (other.below, one.below) and (other.below or 0.0) >= (one.below or 0.0)
        return (above or below) and other.hold <= one.hold
    return False


def _scope(policy: Policy, site: Site) -> Iterator[Complaint]:
    scope = policy.spec.scope
    groups = {group.name for category in site.categories for group in category.groups}
    known = {"category": {one.name for one in site.categories}, "group": groups}
    known |= {"model": {one.name for one in site.models}, "host": set(site.standings)}
    missing = False
    for level, names in known.items():
        name = getattr(scope, level)
        if name is not None and name not in names:
            near = nearest(name, sorted(names))
            hint = f"; did you mean {near!r}?" if near else f"; known: {', '.join(sorted(names)[:12]) or 'none'}"
            yield Complaint("P064", "warning", ("spec", "scope", level), f"the estate has no {level} {name!r}{hint}")
            missing = True
    narrowed = bool(scope.model_dump(exclude_none=True, exclude_defaults=True))
    if narrowed and not missing and not any(_lies_in(policy, one, site) for one in site.standings):
        yield Complaint("P064", "warning", ("spec", "scope"), "no host of the estate lies in this scope")


def _lies_in(policy: Policy, host: str, site: Site) -> bool:
    scope, place = policy.spec.scope, site.standings[host]
    own = {"category": place.category, "group": place.group, "model": place.host.model, "host": host}
    labelled = all(place.host.labels.get(name) == word for name, word in scope.labels.items())
    return labelled and all(getattr(scope, level) in (None, name) for level, name in own.items())


def triggers(policy: Policy, catalogue: Catalogue) -> frozenset[str]:
    """Types that can bring a match about."""
    chosen = (part for atom in alternatives(policy.spec.when) for part in compiling.selections(atom))
    return frozenset(one for part in chosen for one in compiling.types_of(part.event, catalogue))
