"""Expected against played: a readable difference, and which clauses of a policy were exercised; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from engine.model.pattern import EventPattern, least_time
from engine.model.policy import Late, Policy, Scope
from engine.model.run import Outcome
from engine.rehearsing.playing import Played, Told
from engine.rehearsing.scenarios import Expected

SAME = 1e-6
_BY_REASON = {
    "maintenance": "unless: maintenance",
    "planned": "unless: planned",
    "condition.false": "if",
    "witnesses.missing": "witnesses",
    "cooldown": "cooldown",
    "budget": "budget",
    "late": "late",
}


def differences(expected: Sequence[Expected], told: Sequence[Told]) -> tuple[str, ...]:
    """Lines of a diff, `-` expected and `+` what came; empty if everything came as it was written."""
    lines: list[str] = []
    wrong = False
    for wanted, was in zip_longest(expected, told):
        if wanted is not None and was is not None and _agrees(wanted, was):
            lines.append(f"  {_came(was)}")
            continue
        wrong = True
        lines += [f"- {_wanted(wanted)}"] if wanted is not None else []
        lines += [f"+ {_came(was)}"] if was is not None else []
        if was is not None:
            lines += [f"    {reason.code}: {reason.en}" for reason in was.decision.reasons]
    return tuple(lines) if wrong else ()


def _agrees(wanted: Expected, was: Told) -> bool:
    return (
        abs(wanted.at - was.at) < SAME
        and wanted.decision == was.decision.kind
        and wanted.about in (None, was.about)
        and wanted.why in (None, was.why)
        and wanted.does in (None, was.does)
        and wanted.steps in (None, was.steps)
        and wanted.outcome in (None, was.outcome)
    )


def _wanted(wanted: Expected) -> str:
    said = wanted.model_dump(exclude={"at", "decision"}, exclude_none=True)
    return " ".join([f"{wanted.at:g}s {wanted.decision}", *(f"{name}={_value(one)}" for name, one in said.items())])


def _came(was: Told) -> str:
    words = [f"{was.at:g}s {was.decision.kind}", f"about={was.about}", f"why={was.why}"]
    if was.outcome is not None:
        words += [f"does={_value(was.does)}", f"steps={_value(was.steps)}", f"outcome={was.outcome.value}"]
    return " ".join(words)


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_value(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return value.value if isinstance(value, Outcome) else str(value)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Clauses of a policy, and those among them that some scenario exercised."""

    clauses: tuple[str, ...]
    exercised: frozenset[str]

    @property
    def missing(self) -> tuple[str, ...]:
        """Clauses that no scenario exercised."""
        return tuple(clause for clause in self.clauses if clause not in self.exercised)


def coverage(policy: Policy, played: Iterable[Played]) -> Coverage:
    """What of a policy these plays have exercised: a clause counts when it has decided something."""
    exercised: set[str] = set()
    for one in played:
        exercised |= _exercised(one)
    return Coverage(clauses(policy), frozenset(exercised))


def clauses(policy: Policy) -> tuple[str, ...]:
    """Every clause that can decide something."""
    spec = policy.spec
    found = ["when"]
    if isinstance(spec.when, EventPattern) and least_time(spec.when):
        found.append("when: ended in time")
    found += ["scope"] if spec.scope != Scope() else []
    found += [f"unless: {word}" for word in spec.unless]
    found += ["if"] if spec.condition is not None else []
    found += ["witnesses"] if spec.witnesses is not None else []
    found += ["cooldown"] if spec.cooldown else []
    found += ["budget"] if spec.budget is not None else []
    found += ["late"] if spec.late is Late.SKIP else []
    for step in spec.do:
        found.append(f"do: {step.id}")
    return tuple(found)


def _exercised(played: Played) -> set[str]:
    found = {
        _BY_REASON[reason.code] for told in played.told for reason in told.decision.reasons if reason.code in _BY_REASON
    }
    matched = {told.decision.match for told in played.told}
    found |= {"when"} if played.told else set()
    found |= {"when: ended in time"} if any(ended.id not in matched for ended in played.ended) else set()
    found |= {"scope"} if played.out_of_scope else set()
    for told in played.told:
        found |= {f"do: {step}" for step, outcome in told.steps.items() if outcome is not Outcome.SKIPPED}
    return found
