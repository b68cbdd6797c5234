"""Policy -> what the matcher needs: per alternative its event types, what ends it, its rules for durable_rules; pure.

Every rule of an alternative is named `<number>.<rule>`, and its facts carry `kind: <number>.<kind>`, so that one
ruleset holds a whole policy. `type` of a fact is the event's type.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from engine.model.catalogue import Catalogue
from engine.model.pattern import (
    AbsencePattern,
    AllPattern,
    Atom,
    CountPattern,
    EventPattern,
    MetricPattern,
    MissingPattern,
    Pattern,
    SchedulePattern,
    Selection,
    SequencePattern,
    alternatives,
)
from engine.model.policy import Policy
from engine.rules import expressions, lowering
from engine.rules.literals import Unusable
from engine.rules.lowering import Lowered, field_name
from engine.rules.projecting import Projection

Rule = dict[str, object]
SCHEDULED = "toban.schedule.due"


@dataclass(frozen=True, slots=True)
class Chosen:
    """One selection: its types, and its condition for the core."""

    types: frozenset[str]
    wanted: tuple[Rule, ...]

    def of_kind(self, kind: str) -> Rule:
        """The core's pattern for a fact of this kind that this selection takes."""
        named: list[Rule] = [{"type": one} for one in sorted(self.types)]
        parts: list[Rule] = [{"kind": kind}, named[0] if len(named) == 1 else {"$or": named}, *self.wanted]
        return {"$and": parts}


@dataclass(frozen=True, slots=True)
class Compiled:
    """One alternative of a policy, ready to be matched."""

    policy: str
    number: int
    pattern: Atom
    chosen: tuple[Chosen, ...]
    """What it waits for; for a metric the type of the sample."""
    closes: frozenset[str]
    """Types that end it once it has matched, and what was gathered before."""
    recoveries: Mapping[str, str]
    """For parts that may recover: type -> the type that ends it."""
    projection: Projection
    """What its facts say."""
    same: tuple[str, ...] = ()
    """Fields that all its events share."""

    @property
    def takes(self) -> frozenset[str]:
        """Every event type that it must hear."""
        opening = (one for selection in self.chosen for one in selection.types)
        return frozenset((*opening, *self.closes, *self.recoveries.values()))


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """A whole policy."""

    policy: str
    by: str
    alternatives: tuple[Compiled, ...]
    definition: Mapping[str, Mapping[str, object]]
    """The ruleset in durable_rules' JSON."""
    counts: bool = False
    """Whether it counts facts: the core does that per `sid`, so each key needs one of its own."""


def compile_policy(policy: Policy, catalogue: Catalogue) -> CompiledPolicy:
    """Raises `Unusable` where a condition cannot be matched or a type is unknown."""
    atoms = [one for atom in alternatives(policy.spec.when) for one in _single(atom, catalogue)]
    compiled = tuple(_compile(policy.name, number, atom, catalogue) for number, atom in enumerate(atoms))
    # `seen` takes every fact: freeing a key none of whose facts ever matched a rule aborts the process (ADR 0002)
    rules: dict[str, Mapping[str, object]] = {"seen": {"all": [{"any": {"told": 1}}]}}
    for one in compiled:
        rules |= {f"{one.number}.{name}": {"all": body} for name, body in _rules(one)}
        for name, extra in _counts(one):
            rules[f"{one.number}.{name}"] = extra
    counts = any(isinstance(one.pattern, CountPattern) for one in compiled)
    return CompiledPolicy(policy.name, policy.spec.when.by, compiled, rules, counts)


def types_of(name: str, catalogue: Catalogue) -> frozenset[str]:
    """The types that a name stands for: itself, or for `storage.*` every type below that is no mere recovery."""
    if not name.endswith(".*"):
        return frozenset([name]) if name in catalogue.types else frozenset()
    below = {one for one in catalogue.types if one.startswith(name[:-1])}
    return frozenset(below - {entry.recovery for entry in catalogue.types.values()})


def _single(atom: Atom, catalogue: Catalogue) -> Iterator[Atom]:
    """An event pattern over a category is one pattern per type: each ends by its own recovery."""
    if isinstance(atom, EventPattern) and atom.event.endswith(".*"):
        for one in sorted(types_of(atom.event, catalogue)):
            yield atom.model_copy(update={"event": one})
    else:
        yield atom


def selections(atom: Atom) -> tuple[Selection, ...]:
    """The events that a pattern waits for, in order."""
    if isinstance(atom, AllPattern | SequencePattern):
        return atom.parts
    if isinstance(atom, AbsencePattern):
        return (atom, atom.absent)
    if isinstance(atom, EventPattern | CountPattern):
        return (atom,)
    if isinstance(atom, MissingPattern):
        return (Selection.model_validate({"event": atom.missing, "if": atom.condition}),)
    kind = atom.metric.rpartition(".")[0] if isinstance(atom, MetricPattern) else SCHEDULED
    return (Selection(event=kind),)


def opening_types(when: Pattern, catalogue: Catalogue) -> frozenset[str]:
    """Types that the first event of a match can have."""
    first = [selections(atom)[0].event for atom in alternatives(when)]
    return frozenset(one for name in first for one in types_of(name, catalogue))


def _compile(policy: str, number: int, atom: Atom, catalogue: Catalogue) -> Compiled:
    parts = selections(atom)
    nodes = [expressions.parse(part.condition) if part.condition is not None else None for part in parts]
    lowered = [lowering.lower(node) if node is not None else None for node in nodes]
    fields = {name for one in lowered if one is not None for name in one.fields}
    computed = {name: node for one in lowered if one is not None for name, node in one.computed.items()}
    chosen = [_chosen(part, one, catalogue) for part, one in zip(parts, lowered, strict=True)]
    if isinstance(atom, SchedulePattern):
        fields.add("event.policy")
        chosen = [Chosen(chosen[0].types, ({field_name("event.policy"): policy},))]
    if isinstance(atom, MetricPattern):
        field = f"event.{atom.metric.rpartition('.')[2]}"
        fields.add(field)
        chosen = [Chosen(chosen[0].types, (_beyond(atom, field),))]
    until = getattr(atom, "until", None)
    closes = types_of(until, catalogue) if until else _recoveries(atom, chosen, catalogue)
    recoveries = _partial(chosen, catalogue) if isinstance(atom, AllPattern) and not until else {}
    projection = Projection(catalogue, tuple(sorted(fields)), tuple(sorted(computed.items(), key=lambda one: one[0])))
    return Compiled(policy, number, atom, tuple(chosen), closes, recoveries, projection, getattr(atom, "same", ()))


def _chosen(part: Selection, lowered: Lowered | None, catalogue: Catalogue) -> Chosen:
    types = types_of(part.event, catalogue)
    if not types:
        msg = f"unknown event type {part.event}"
        raise Unusable(msg)
    return Chosen(types, (lowered.rule,) if lowered else ())


def _beyond(atom: MetricPattern, field: str) -> Rule:
    boundary = float(atom.above if atom.above is not None else atom.below or 0.0)
    plain = int(boundary) if boundary.is_integer() else boundary
    return {"$gt" if atom.above is not None else "$lt": {field_name(field): plain}}


def _recoveries(atom: Atom, chosen: Iterable[Chosen], catalogue: Catalogue) -> frozenset[str]:
    if isinstance(atom, EventPattern):
        return catalogue.recoveries_of(atom.event)
    return frozenset(_partial(chosen, catalogue).values()) if isinstance(atom, AllPattern) else frozenset()


def _partial(chosen: Iterable[Chosen], catalogue: Catalogue) -> dict[str, str]:
    """Recoveries of the parts; a type that is itself waited for is no recovery here."""
    waited = {one for part in chosen for one in part.types}
    pairs = ((one, recovery) for one in sorted(waited) for recovery in catalogue.recoveries_of(one))
    return {one: recovery for one, recovery in pairs if recovery not in waited}


def _rules(one: Compiled) -> Iterator[tuple[str, list[Rule]]]:
    pattern, first = one.pattern, one.chosen[0]
    opening: Rule = {"open": first.of_kind(f"{one.number}.open")}
    due: Rule = {"due": {"$and": [{"kind": f"{one.number}.timer"}, {"of": {"open": "fact"}}]}}
    if isinstance(pattern, AllPattern | SequencePattern):
        for index, part in enumerate(one.chosen):
            yield f"fits{index}", [{"event": part.of_kind(f"{one.number}.event")}]
    if isinstance(pattern, AllPattern):
        others = range(1, len(one.chosen))
        yield "joined", [{"p0": {"kind": f"{one.number}.p0"}}, *(_same_key(one, f"p{n}", "p0") for n in others)]
    elif isinstance(pattern, SequencePattern):
        for index in range(1, len(one.chosen)):
            yield (
                f"next{index}",
                [{"prefix": {"kind": f"{one.number}.c{index}"}}, _same_key(one, f"e{index}", "prefix")],
            )
    elif isinstance(pattern, CountPattern):
        yield "counted", [{"event": first.of_kind(f"{one.number}.event")}]
    else:
        yield "opened", [opening]
        yield "held", [opening, due]
        if isinstance(pattern, AbsencePattern):
            yield "answered", [{"event": one.chosen[1].of_kind(f"{one.number}.event")}]


def _same_key(one: Compiled, kind: str, other: str) -> Rule:
    """A fact of a kind with another one's key. Never beside a condition: the core forgets a join next to an `$or`."""
    return {kind: {"$and": [{"kind": f"{one.number}.{kind}"}, {"key": {other: "key"}}]}}


def _counts(one: Compiled) -> Iterator[tuple[str, dict[str, object]]]:
    if isinstance(one.pattern, CountPattern):
        yield "reached", {"all": [{"item": {"kind": f"{one.number}.item"}}], "count": one.pattern.count}
