"""A condition over an event -> an expression of durable_rules; pure.

The core compares a field with a plain value and asks whether a field is there. What it cannot do (functions, orders of
texts, two fields, numbers beyond its range) becomes a field of its own that is computed when the fact is made: `true`,
`false`, or absent where it cannot be known. An absent field fits neither a comparison nor its negation, as in CEL.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.model import ids
from engine.rules.expressions import Both, Compare, Constant, Has, Listed, Name, Node, Not, Operator, Within
from engine.rules.sanitising import safe

Rule = dict[str, object]
_NEGATED: Mapping[Operator, Operator] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_FLIPPED: Mapping[Operator, Operator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_DURABLE: Mapping[Operator, str] = {"<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte", "!=": "$neq"}


@dataclass(frozen=True, slots=True)
class Lowered:
    """What the core matches, the event's fields that it reads, and what has to be computed for it."""

    rule: Rule
    fields: frozenset[str] = frozenset()
    computed: Mapping[str, Node] = field(default_factory=dict)


def field_name(path: str) -> str:
    """A name as a property of a fact: `event.slot` is `f_slot`."""
    return "f_" + path.removeprefix("event.").replace(".", "_")


def lower(node: Node, *, negated: bool = False) -> Lowered:
    """The tree as a durable_rules expression; negation is pushed down to the comparisons."""
    if isinstance(node, Not):
        return lower(node.inner, negated=not negated)
    if isinstance(node, Both):
        word = "$and" if (node.word == "all") is not negated else "$or"
        return _joined(word, [lower(part, negated=negated) for part in node.parts])
    if isinstance(node, Has) and not negated:
        return Lowered({"$ex": {field_name(node.name.path): 1}}, frozenset({node.name.path}))
    if isinstance(node, Name):
        return Lowered({field_name(node.path): not negated}, frozenset({node.path}))
    if isinstance(node, Within):
        return _within(node, negated=negated)
    if isinstance(node, Compare):
        return _compare(node, negated=negated)
    return _computed(node, negated=negated)


def _joined(word: str, parts: list[Lowered]) -> Lowered:
    computed = {name: node for part in parts for name, node in part.computed.items()}
    rules = [part.rule for part in parts]
    fields = frozenset(name for part in parts for name in part.fields)
    return Lowered({word: rules} if len(rules) > 1 else rules[0], fields, computed)


def _within(node: Within, *, negated: bool) -> Lowered:
    items = node.right.items if isinstance(node.right, Listed) else ()
    pairs = [Compare(node.left, "==", item, node.column) for item in items]
    if not pairs or not all(_is_plain(pair) for pair in pairs):
        return _computed(node, negated=negated)
    return _joined("$and" if negated else "$or", [_compare(pair, negated=negated) for pair in pairs])


def _compare(node: Compare, *, negated: bool) -> Lowered:
    if isinstance(node.left, Constant):
        node = Compare(node.right, _FLIPPED[node.operator], node.left, node.column)
    if not _is_plain(node) or not isinstance(node.left, Name) or not isinstance(node.right, Constant):
        return _computed(node, negated=negated)
    operator = _NEGATED[node.operator] if negated else node.operator
    named: Rule = {field_name(node.left.path): node.right.value}
    return Lowered(named if operator == "==" else {_DURABLE[operator]: named}, frozenset({node.left.path}))


def _is_plain(node: Compare) -> bool:
    """Whether the core can do this comparison: a field with a value that it reads as it stands."""
    if not isinstance(node.left, Name) or not isinstance(node.right, Constant):
        return False
    value = node.right.value
    if isinstance(value, bool | str):
        return node.operator in ("==", "!=") and safe(value) == value
    return isinstance(value, int | float) and safe(value) == value


def _computed(node: Node, *, negated: bool) -> Lowered:
    name = "c_" + ids.content_hash([node])[:16]  # a tree's text has no columns: one meaning, one name
    return Lowered({name: not negated}, computed={name: node})
