"""What was decided against what would be decided: a difference that people can read; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from engine.model.decision import Act, Decision, would_act

SLACK = timedelta(seconds=5)
"""Decisions of one kind about one object no further apart are the same: a live engine decides a moment later."""
LIMITS = ("budget", "budget.share", "breaker", "cooldown", "blast.radius", "mass.failure", "minimum.running")
"""Reasons by which a limit blocks."""


@dataclass(frozen=True, slots=True)
class Row:
    """One decision of the difference."""

    sign: Literal["-", "+"]
    """`-` was decided and would not be; `+` would be decided and was not."""
    decision: Decision


@dataclass(frozen=True, slots=True)
class Difference:
    """The rows in the order of time, and what can be counted."""

    rows: tuple[Row, ...]
    unchanged: int
    acts_before: int
    """Acts, and what would have been an act if the policy's mode had let it."""
    acts_after: int
    blocked: dict[str, int]
    """By limit: matches that it would have held."""


def news(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Without those that say of their match what was said before."""
    said: dict[str, tuple[str, str]] = {}
    found: list[Decision] = []
    for one in decisions:
        word = (one.kind, why(one))
        if said.get(one.match) != word:
            said[one.match] = word
            found.append(one)
    return tuple(found)


def why(decision: Decision) -> str:
    """Code of the deciding reason."""
    return decision.reasons[0].code if decision.reasons else ""


def word(decision: Decision) -> str:
    """`act`, `would act`, `hold` or `ignore`."""
    return "would act" if would_act(decision) and not isinstance(decision, Act) else decision.kind


def compare(before: Sequence[Decision], after: Sequence[Decision], slack: timedelta = SLACK) -> Difference:
    """Pair what is the same; every decision pairs with one other at most, the earliest that fits."""
    waiting: dict[tuple[str, str, str], list[Decision]] = {}
    for one in sorted(before, key=_at):
        waiting.setdefault(_same(one), []).append(one)
    rows: list[Row] = []
    unchanged = 0
    for one in sorted(after, key=_at):
        others = waiting.get(_same(one), [])
        pair = next((other for other in others if abs(other.at - one.at) <= slack), None)
        if pair is None:
            rows.append(Row("+", one))
        else:
            others.remove(pair)
            unchanged += 1
    rows += [Row("-", one) for others in waiting.values() for one in others]
    return Difference(
        rows=tuple(sorted(rows, key=lambda row: (row.decision.at, row.decision.object, row.sign != "-"))),
        unchanged=unchanged,
        acts_before=sum(map(would_act, before)),
        acts_after=sum(map(would_act, after)),
        blocked=_blocked(after),
    )


def _same(decision: Decision) -> tuple[str, str, str]:
    return (decision.object, word(decision), "" if would_act(decision) else why(decision))


def _at(decision: Decision) -> datetime:
    return decision.at


def _blocked(decisions: Iterable[Decision]) -> dict[str, int]:
    held = {(reason.code, one.match) for one in decisions for reason in one.reasons if reason.code in LIMITS}
    return {code: sum(name == code for name, _ in held) for code in LIMITS if any(name == code for name, _ in held)}
