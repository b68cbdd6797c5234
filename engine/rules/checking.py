"""What a policy's schema cannot say: known types, fields and verbs, and steps that must not stand without another."""

from collections.abc import Callable, Iterator

from engine.documents import Place
from engine.model import actions
from engine.model.actions import Parameter
from engine.model.catalogue import Catalogue
from engine.model.pattern import MetricPattern
from engine.model.policy import After, Policy, Step
from engine.rules import checking_patterns, compiling, complaints, conditions
from engine.rules.complaints import Complaint


def check(policy: Policy, catalogue: Catalogue) -> list[Complaint]:
    """All findings about one policy."""
    checks: tuple[Callable[[], Iterator[Complaint]], ...] = (
        lambda: checking_patterns.check(policy.spec.when, catalogue),
        lambda: _condition(policy, catalogue),
        lambda: _steps(policy),
        lambda: _safety(policy),
    )
    return [complaint for one in checks for complaint in one()]


def _condition(policy: Policy, catalogue: Catalogue) -> Iterator[Complaint]:
    if policy.spec.condition is not None:
        opening = compiling.opening_types(policy.spec.when, catalogue)
        known = {**conditions.ESTATE, **(checking_patterns.names_of(opening, catalogue) if opening else {})}
        known |= conditions.METRIC if isinstance(policy.spec.when, MetricPattern) else {}
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
    action = actions.shipped().get(step.verb)
    if action is None:
        yield Complaint("P032", "error", place, complaints.unknown("action", step.verb, actions.shipped()))
        return
    for parameter in action.parameters.values():
        if parameter.needed and parameter.name not in step.parameters:
            yield Complaint("P033", "error", (*place, step.verb), f"{step.verb} needs {parameter.name}")
    for name, value in step.parameters.items():
        where: Place = (*place, step.verb, name)
        known = action.parameters.get(name)
        if known is None:
            said = complaints.unknown(f"parameter of {step.verb}", name, action.parameters)
            yield Complaint("P034", "error", where, said)
        elif (wrong := _wrong(known, value)) is not None:
            yield Complaint("P035" if known.type == "reference" else "P036", "error", where, wrong)


def _wrong(known: Parameter, value: object) -> str | None:
    if known.type == "number":
        is_number = isinstance(value, int) and not isinstance(value, bool) and known.low <= value <= known.high
        return None if is_number else f"{known.name} is a number from {known.low} to {known.high}"
    if known.type == "text":
        return None if isinstance(value, str) and value else f"{known.name} is a text"
    if value in known.words:
        return None
    if isinstance(value, str) and value.startswith("$"):
        return complaints.unknown("reference", value, known.words)
    return f"{known.name} is one of: {', '.join(known.words)}"


def _safety(policy: Policy) -> Iterator[Complaint]:
    known = actions.shipped()
    steps = [(index, step, known[step.verb]) for index, step in enumerate(policy.spec.do) if step.verb in known]
    rough = [index for index, _, action in steps if action.ungraceful]
    if rough and policy.spec.witnesses is None:
        message = "a policy that takes power away needs `witnesses` (two classes at least)"
        yield Complaint("P040", "error", ("spec", "do", rough[0]), message)
    if rough and policy.spec.when.by not in ("host", "subject"):
        yield Complaint("P042", "error", ("spec", "when", "by"), "a policy that takes power away matches by host")
    for index, step, action in steps:
        if action.needs_fence and not _behind_fence(policy, index):
            message = f"{step.id} restarts VMs elsewhere: it must run after the success of a fence"
            yield Complaint("P041", "error", ("spec", "do", index), message)
    if policy.spec.budget is None and any(action.touches != "none" for _, _, action in steps):
        yield Complaint("P050", "warning", ("spec", "do"), "the policy acts without a `budget`")


def _behind_fence(policy: Policy, index: int) -> bool:
    known, step = actions.shipped(), policy.spec.do[index]
    fences = {one.id for one in policy.spec.do[:index] if (a := known.get(one.verb)) is not None and a.ungraceful}
    if isinstance(step.after, dict):
        return any(step.after.get(name) is After.SUCCESS for name in fences)
    return index > 0 and policy.spec.do[index - 1].id in fences and step.after in (None, After.SUCCESS)
