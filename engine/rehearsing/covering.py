"""Which clauses of a policy its scenarios exercise: a clause counts once it has decided something; pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from engine.guard import windows
from engine.model.catalogue import Catalogue
from engine.model.event import Event
from engine.model.pattern import (
    AbsencePattern,
    AllPattern,
    AnyPattern,
    Atom,
    CountPattern,
    EventPattern,
    MetricPattern,
    Pattern,
    Selection,
    SequencePattern,
    alternatives,
    least_time,
)
from engine.model.policy import Human, Late, Mode, Policy, Scope, Suppression
from engine.model.run import Outcome
from engine.model.window import Window
from engine.rehearsing.playing import Played
from engine.rules import compiling, evaluating, held, projecting
from engine.rules.literals import Unusable

_BY_REASON = {
    "maintenance": "unless: maintenance",
    "planned": "unless: planned",
    "outside.window": "during",
    "condition.false": "if",
    "witnesses.missing": "witnesses",
    "cooldown": "cooldown",
    "budget": "budget",
    "budget.share": "budget: share",
    "breaker": "budget: breaker",
    "minimum.running": "minimum_running",
    "late": "late",
    "late.recheck": "late",
    "approved": "approval",
    "rejected": "approval",
    "approval.deadline": "approval: deadline",
    "priority": "priority",
}
_GATHERING = (AllPattern, SequencePattern, CountPattern)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Clauses of a policy, and those among them that some scenario exercised."""

    clauses: tuple[str, ...]
    exercised: frozenset[str]

    @property
    def missing(self) -> tuple[str, ...]:
        """Clauses that no scenario exercised."""
        return tuple(clause for clause in self.clauses if clause not in self.exercised)


def coverage(policy: Policy, played: Iterable[Played], catalogue: Catalogue) -> Coverage:
    """What of a policy these plays have exercised."""
    exercised: set[str] = set()
    for one in played:
        exercised |= set(_decided(one)) | set(_matched(policy.spec.when, one, catalogue)) | set(_left(policy, one))
    also = ("priority",) if "priority" in exercised else ()  # it takes a second policy, so nobody has to
    return Coverage((*clauses(policy), *also), frozenset(exercised))


def clauses(policy: Policy) -> tuple[str, ...]:
    """Every clause that can decide something."""
    spec = policy.spec
    found = [*_patterns(spec.when)]
    found += ["scope"] if spec.scope != Scope() else []
    found += [f"unless: {_word(one)}" for one in spec.unless]
    found += ["during"] if spec.during else []
    found += ["if"] if spec.condition is not None else []
    found += ["witnesses"] if spec.witnesses is not None else []
    found += ["cooldown"] if spec.cooldown else []
    if spec.budget is not None:  # with a breaker, a rate that is used up opens it
        found += ["budget"] if spec.budget.breaker == "none" else ["budget: breaker"]
        found += ["budget: share"] if spec.budget.share is not None else []
    found += ["minimum_running"] if spec.minimum_running else []
    found += ["late"] if spec.late is Late.SKIP else []
    found += ["approval", "approval: deadline"] if spec.mode is Mode.APPROVE else []
    found += [f"do: {step.id}" for step in spec.do]
    return tuple(dict.fromkeys(found))


def _word(one: Suppression) -> str:
    if isinstance(one, str):
        return one
    return f"human {one.human:g}s" if isinstance(one, Human) else f"window {windows.words(one)}"


def _left(policy: Policy, played: Played) -> Iterator[str]:
    """Which of several windows, and which human time, left an object alone."""
    for decision in (told.decision for told in played.told if told.decision.kind == "ignore"):
        codes = {reason.code for reason in decision.reasons}
        for one in policy.spec.unless:
            if isinstance(one, Window) and "window" in codes and windows.is_open(one, decision.at):
                yield f"unless: {_word(one)}"
            if isinstance(one, Human) and "human" in codes:
                yield f"unless: {_word(one)}"


def _patterns(when: Pattern) -> Iterator[str]:
    for number, atom in enumerate(alternatives(when), start=1):
        name = _name(when, number)
        yield name
        if _may_end(atom):
            yield f"{name}: ended in time"
        if isinstance(atom, _GATHERING):
            yield f"{name}: not all of it came"
        for part in compiling.selections(atom):
            if part.condition is not None:
                yield f"{name}: if {part.condition}"


def _name(when: Pattern, number: int) -> str:
    return f"when: any {number}" if isinstance(when, AnyPattern) else "when"


def _may_end(atom: Atom) -> bool:
    """Whether it has to hold for a while, and something can end it before."""
    return bool(atom.hold) if isinstance(atom, EventPattern) else isinstance(atom, MetricPattern | AbsencePattern)


def _decided(played: Played) -> Iterator[str]:
    for told in played.told:
        for reason in told.decision.reasons:
            if reason.code in _BY_REASON:
                yield _BY_REASON[reason.code]
        for step, outcome in told.steps.items():
            if outcome is not Outcome.SKIPPED:
                yield f"do: {step}"
    if played.out_of_scope:
        yield "scope"


def _matched(when: Pattern, played: Played, catalogue: Catalogue) -> Iterator[str]:
    heard = {event.id: event for event in played.heard}
    opened = [heard[told.decision.causes[0]] for told in played.told if told.decision.causes]
    for number, atom in enumerate(alternatives(when), start=1):
        name, parts = _name(when, number), compiling.selections(atom)
        if any(_fits(parts[0], event, catalogue) for event in opened):
            yield name
        if _may_end(atom) and _ended_in_time(atom, played, catalogue):
            yield f"{name}: ended in time"
        if isinstance(atom, _GATHERING) and not played.told and _any_fits(parts, played, catalogue):
            yield f"{name}: not all of it came"
        for part in parts:
            if part.condition is not None and _any_refused(part, played, catalogue):
                yield f"{name}: if {part.condition}"


def _ended_in_time(atom: Atom, played: Played, catalogue: Catalogue) -> bool:
    """Whether something opened it, decided nothing, and was followed in time by what ends it."""
    caused = {cause for told in played.told for cause in told.decision.causes}
    hold = timedelta(seconds=least_time(atom))
    opened: dict[str, Event] = {}
    for event in played.heard:
        key = event.subject if atom.by not in ("group", "chassis") else atom.by
        if key in opened and _ends(atom, event, catalogue):
            if event.time - opened.pop(key).time < hold:
                return True
        elif event.id not in caused and _opens(atom, event, catalogue):
            opened.setdefault(key, event)
    return False


def _opens(atom: Atom, event: Event, catalogue: Catalogue) -> bool:
    gauge = held.gauge(atom)
    return _fits(compiling.selections(atom)[0], event, catalogue) and (gauge is None or gauge.is_beyond(event))


def _ends(atom: Atom, event: Event, catalogue: Catalogue) -> bool:
    part, gauge = compiling.selections(atom)[-1], held.gauge(atom)
    if gauge is not None:
        return _fits(part, event, catalogue) and gauge.is_over(event, matched=False)
    if isinstance(atom, AbsencePattern):
        return _fits(part, event, catalogue)
    if isinstance(atom, EventPattern) and atom.until is not None:
        return event.type == atom.until
    opening = compiling.types_of(part.event, catalogue)
    return any(event.type in catalogue.recoveries_of(name) for name in opening)


def _any_fits(parts: tuple[Selection, ...], played: Played, catalogue: Catalogue) -> bool:
    return any(_fits(part, event, catalogue) for part in parts for event in played.heard)


def _any_refused(part: Selection, played: Played, catalogue: Catalogue) -> bool:
    types = compiling.types_of(part.event, catalogue)
    return any(event.type in types and not _fits(part, event, catalogue) for event in played.heard)


def _fits(part: Selection, event: Event, catalogue: Catalogue) -> bool:
    if event.type not in compiling.types_of(part.event, catalogue):
        return False
    if part.condition is None:
        return True
    try:
        return evaluating.evaluate(part.condition, projecting.values(event, catalogue))
    except Unusable:
        return False
