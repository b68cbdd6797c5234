"""What a policy's schema cannot say: known types, fields and verbs, and steps that must not stand without another."""

from collections.abc import Callable, Iterator, Mapping

from engine.documents import Place
from engine.model.catalogue import Catalogue
from engine.model.pattern import MetricPattern
from engine.model.policy import After, Policy, Step
from engine.rules import checking_patterns, complaints, conditions
from engine.rules.complaints import Complaint

VERBS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "fence": (frozenset({"host"}), frozenset()),
    "failover": (frozenset({"from"}), frozenset({"vms", "to"})),
    "migrate": (frozenset({"from"}), frozenset({"vms", "to"})),
    "notify": (frozenset({"channel"}), frozenset({"template"})),
}
"""Verb -> (parameters it needs, parameters it may have)."""
REFERENCES = frozenset({"$host", "$vm", "$machine", "$group"})


def check(policy: Policy, catalogue: Catalogue) -> list[Complaint]:
    """All findings about one policy."""
    checks: tuple[Callable[[], Iterator[Complaint]], ...] = (
        lambda: checking_patterns.check(policy.spec.when, catalogue),
        lambda: _condition(policy),
        lambda: _steps(policy),
        lambda: _safety(policy),
    )
    return [complaint for one in checks for complaint in one()]


def _condition(policy: Policy) -> Iterator[Complaint]:
    if policy.spec.condition is not None:
        known = {**conditions.ESTATE, **(conditions.METRIC if isinstance(policy.spec.when, MetricPattern) else {})}
        yield from complaints.expression(policy.spec.condition, known, ("spec", "if"))


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
        yield Complaint("P032", "error", place, complaints.unknown("action", step.verb, VERBS))
        return
    needed, optional = VERBS[step.verb]
    for missing in sorted(needed - set(step.parameters)):
        yield Complaint("P033", "error", (*place, step.verb), f"{step.verb} needs {missing}")
    for name, value in step.parameters.items():
        where: Place = (*place, step.verb, name)
        if name not in needed | optional:
            yield Complaint(
                "P034", "error", where, complaints.unknown(f"parameter of {step.verb}", name, needed | optional)
            )
        elif isinstance(value, str) and value.startswith("$") and value not in REFERENCES:
            yield Complaint("P035", "error", where, complaints.unknown("reference", value, REFERENCES))
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
    if "fence" in verbs and policy.spec.when.by not in ("host", "subject"):
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
