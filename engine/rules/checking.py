"""What a policy's schema cannot say: known types, fields and verbs, and steps that must not stand without another."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from engine.documents import Place, nearest
from engine.model.catalogue import Catalogue, FieldType
from engine.model.policy import After, EventPattern, MetricPattern, Policy, Step
from engine.rules import conditions, expressions
from engine.rules.expressions import Unusable

VERBS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "fence": (frozenset({"host"}), frozenset()),
    "failover": (frozenset({"from"}), frozenset({"vms", "to"})),
    "migrate": (frozenset({"from"}), frozenset({"vms", "to"})),
    "notify": (frozenset({"channel"}), frozenset({"template"})),
}
"""Verb -> (parameters it needs, parameters it may have)."""
REFERENCES = frozenset({"$host", "$vm", "$machine", "$group"})
METRIC_NAMES: Mapping[str, FieldType] = {
    "metric.value": FieldType.NUMBER,
    "metric.boundary": FieldType.NUMBER,
    "metric.clear": FieldType.NUMBER,
}
BY = frozenset({"subject", "host", "machine", "vm", "chassis", "group"})


@dataclass(frozen=True, slots=True)
class Complaint:
    """A finding, still by place instead of line."""

    code: str
    severity: Literal["error", "warning"]
    place: Place
    message: str


def check(policy: Policy, catalogue: Catalogue) -> list[Complaint]:
    """All findings about one policy."""
    checks: tuple[Callable[[], Iterator[Complaint]], ...] = (
        lambda: _when(policy, catalogue),
        lambda: _condition(policy),
        lambda: _steps(policy),
        lambda: _safety(policy),
    )
    return [complaint for one in checks for complaint in one()]


def _when(policy: Policy, catalogue: Catalogue) -> Iterator[Complaint]:
    when = policy.spec.when
    place: Place = ("spec", "when")
    if when.by not in BY:
        yield Complaint("P013", "error", (*place, "by"), _unknown("grouping", when.by, BY))
    if isinstance(when, MetricPattern):
        event, _, field = when.metric.rpartition(".")
        entry = catalogue.get(event)
        known = [f"{t.type}.{f}" for t in catalogue.types.values() for f, kind in t.fields.items() if _is_number(kind)]
        if entry is None or field not in entry.fields or not _is_number(entry.fields[field]):
            yield Complaint("P012", "error", (*place, "metric"), _unknown("metric", when.metric, known))
        return
    for name, value in (("event", when.event), ("until", when.until)):
        if value is not None and catalogue.get(value) is None:
            yield Complaint("P010", "error", (*place, name), _unknown("event type", value, catalogue.types))
    if when.condition is not None and catalogue.get(when.event) is not None:
        yield from _expression(
            when.condition, conditions.event_names(catalogue, when.event), (*place, "if"), compiled=True
        )
    entry = catalogue.get(when.event)
    if entry is not None and when.hold and entry.recovery is None and when.until is None:
        message = f"{when.event} has no recovery type: nothing can end it within `for`; give `until`"
        yield Complaint("P014", "warning", (*place, "for"), message)


def _condition(policy: Policy) -> Iterator[Complaint]:
    if policy.spec.condition is not None:
        known = {**conditions.HOST, **(METRIC_NAMES if isinstance(policy.spec.when, MetricPattern) else {})}
        yield from _expression(policy.spec.condition, known, ("spec", "if"), compiled=False)


def _expression(text: str, known: Mapping[str, FieldType], place: Place, *, compiled: bool) -> Iterator[Complaint]:
    try:
        node = expressions.parse(text)
        conditions.check(node, known)
        if compiled:
            conditions.to_durable(node)
    except Unusable as error:
        yield Complaint("P020", "error", place, f"{error} (column {error.column} of the condition)")


def _steps(policy: Policy) -> Iterator[Complaint]:
    seen: list[str] = []
    for index, step in enumerate(policy.spec.do):
        place: Place = ("spec", "do", index)
        if step.id in seen:
            yield Complaint("P030", "error", place, f"two steps are called {step.id}")
        yield from _parameters(step, place)
        named = step.after if isinstance(step.after, dict) else {}
        for other in named:
            if other not in seen:
                message = f"{step.id} runs after {other}, which is no earlier step; known: {', '.join(seen) or 'none'}"
                yield Complaint("P031", "error", (*place, "after"), message)
        if index == 0 and isinstance(step.after, After):
            yield Complaint("P031", "error", (*place, "after"), f"{step.id} is the first step; nothing is above it")
        seen.append(step.id)


def _parameters(step: Step, place: Place) -> Iterator[Complaint]:
    if step.verb not in VERBS:
        yield Complaint("P032", "error", place, _unknown("action", step.verb, VERBS))
        return
    needed, optional = VERBS[step.verb]
    for missing in sorted(needed - set(step.parameters)):
        yield Complaint("P033", "error", (*place, step.verb), f"{step.verb} needs {missing}")
    for name, value in step.parameters.items():
        where: Place = (*place, step.verb, name)
        if name not in needed | optional:
            yield Complaint("P034", "error", where, _unknown(f"parameter of {step.verb}", name, needed | optional))
        elif isinstance(value, str) and value.startswith("$") and value not in REFERENCES:
            yield Complaint("P035", "error", where, _unknown("reference", value, REFERENCES))
        elif name in ("host", "from") and value != "$host":
            yield Complaint("P036", "error", where, f"{step.verb} acts on the matched host: write {name}: $host")
        elif name == "vms" and not (value == "running" or (isinstance(value, int) and 1 <= value <= 8)):
            yield Complaint("P036", "error", where, "vms is `running`, or a number from 1 to 8")
        elif name == "to" and value != "best":
            yield Complaint("P036", "error", where, "the only target known here is `to: best`")


def _safety(policy: Policy) -> Iterator[Complaint]:
    verbs = [step.verb for step in policy.spec.do]
    if "fence" in verbs and policy.spec.witnesses is None:
        message = "a policy that fences needs `witnesses` (two classes at least)"
        yield Complaint("P040", "error", ("spec", "do", verbs.index("fence")), message)
    if (
        "fence" in verbs
        and isinstance(policy.spec.when, EventPattern)
        and policy.spec.when.by not in ("host", "subject")
    ):
        yield Complaint("P042", "error", ("spec", "when", "by"), "a policy that fences matches by host")
    for index, step in enumerate(policy.spec.do):
        if step.verb != "failover":
            continue
        earlier = [s.id for s in policy.spec.do[:index] if s.verb == "fence"]
        directly = index > 0 and policy.spec.do[index - 1].verb == "fence" and step.after in (None, After.SUCCESS)
        named = isinstance(step.after, dict) and any(step.after.get(name) is After.SUCCESS for name in earlier)
        if not (directly or named):
            message = f"{step.id} restarts VMs elsewhere: it must run after the success of a fence"
            yield Complaint("P041", "error", ("spec", "do", index), message)
    if policy.spec.budget is None and set(verbs) - {"notify"}:
        yield Complaint("P050", "warning", ("spec", "do"), "the policy acts without a `budget`")


def _is_number(kind: FieldType) -> bool:
    return kind in (FieldType.INTEGER, FieldType.NUMBER)


def _unknown(what: str, word: str, known: object) -> str:
    near = nearest(word, sorted(str(one) for one in known)) if isinstance(known, Mapping | frozenset | list) else None
    return f"unknown {what} {word!r}" + (f"; did you mean {near!r}?" if near else "")
