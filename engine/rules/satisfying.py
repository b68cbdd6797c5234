"""Can a condition ever hold, and can it ever fail? Bounded reasoning over comparisons with plain values; pure.

A condition is spread into alternatives of comparisons that hold together. Whatever is not a comparison of one name with
a plain value (functions, two names) is taken as a question of its own that may come out either way.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

from engine.rules import evaluating
from engine.rules.expressions import Both, Compare, Constant, Listed, Name, Node, Not, Operator, Within
from engine.rules.literals import Unusable, Value

LIMIT = 256
"""Alternatives after which nothing is said any more."""
_NEGATED: dict[Operator, Operator] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_FLIPPED: dict[Operator, Operator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


@dataclass(frozen=True, slots=True)
class _Claim:
    """One comparison that has to hold, or a question that has to come out as said."""

    about: str
    operator: Operator
    value: Value


_Term = tuple[_Claim, ...]


class _TooMany(Exception):
    """More alternatives than are looked at."""


def never(node: Node) -> bool:
    """Whether the condition holds for no values at all; False where it cannot be said."""
    try:
        return not any(_possible(term) for term in _terms(node, negated=False))
    except _TooMany:
        return False


def always(node: Node) -> bool:
    """Whether the condition holds for all values; False where it cannot be said."""
    return never(Not(node))


def _terms(node: Node, *, negated: bool) -> list[_Term]:
    if isinstance(node, Not):
        return _terms(node.inner, negated=not negated)
    if isinstance(node, Both):
        parts = [_terms(part, negated=negated) for part in node.parts]
        if (node.word == "any") is not negated:
            return _bounded(term for part in parts for term in part)
        return _bounded(tuple(claim for term in some for claim in term) for some in product(*parts))
    if isinstance(node, Within) and isinstance(node.right, Listed):
        pairs: list[Node] = [Compare(node.left, "==", item, node.column) for item in node.right.items]
        return _terms(Both("any", tuple(pairs)), negated=negated) if pairs else [()] if negated else []
    return _claim(node, negated=negated)


def _bounded(terms: Iterator[_Term]) -> list[_Term]:
    found: list[_Term] = []
    for term in terms:
        found.append(term)
        if len(found) > LIMIT:
            raise _TooMany
    return found


def _claim(node: Node, *, negated: bool) -> list[_Term]:
    if isinstance(node, Compare):
        if isinstance(node.left, Constant) and isinstance(node.right, Constant):
            return [()] if _settled(node) is not negated else []
        if isinstance(node.left, Constant):
            node = Compare(node.right, _FLIPPED[node.operator], node.left, node.column)
        if isinstance(node.left, Name) and isinstance(node.right, Constant):
            operator = _NEGATED[node.operator] if negated else node.operator
            return [(_Claim(node.left.path, operator, node.right.value),)]
    if isinstance(node, Constant):
        return [()] if (node.value is True) is not negated else []
    about = node.path if isinstance(node, Name) else f"?{node!r}"
    return [(_Claim(about, "==", not negated),)]


def _settled(node: Compare) -> bool:
    try:
        return evaluating.holds(node, {})
    except Unusable:
        return False


@dataclass(slots=True)
class _Range:
    """What the claims about one name leave."""

    equal: list[Value] = field(default_factory=list)
    unequal: list[Value] = field(default_factory=list)
    bounds: list[tuple[Operator, Value]] = field(default_factory=list)

    def is_empty(self) -> bool:
        """Whether no value is left."""
        if self.equal:
            first = self.equal[0]
            others: list[tuple[Operator, Value]] = [("==", one) for one in self.equal]
            others += [("!=", one) for one in self.unequal]
            return not all(_holds(first, operator, value) for operator, value in [*others, *self.bounds])
        if any(isinstance(value, bool) for value in self.unequal):
            return {True, False} <= {value for value in self.unequal if isinstance(value, bool)}
        lows = [(operator, value) for operator, value in self.bounds if operator in (">", ">=")]
        highs = [(operator, value) for operator, value in self.bounds if operator in ("<", "<=")]
        return any(self._shut(low, high) for low in lows for high in highs)

    def _shut(self, low: tuple[Operator, Value], high: tuple[Operator, Value]) -> bool:
        if low[0] == ">=" and high[0] == "<=":
            alone = _holds(low[1], "==", high[1]) and any(_holds(low[1], "==", one) for one in self.unequal)
            return _holds(low[1], ">", high[1]) or alone
        return _holds(low[1], ">=", high[1])


def _possible(term: _Term) -> bool:
    by_name: dict[str, _Range] = {}
    for claim in term:
        found = by_name.setdefault(claim.about, _Range())
        if claim.operator == "==":
            found.equal.append(claim.value)
        elif claim.operator == "!=":
            found.unequal.append(claim.value)
        else:
            found.bounds.append((claim.operator, claim.value))
    return not any(found.is_empty() for found in by_name.values())


def _holds(left: Value, operator: Operator, right: Value) -> bool:
    try:
        return evaluating.compare(operator, left, right, 0)
    except Unusable:
        return False
