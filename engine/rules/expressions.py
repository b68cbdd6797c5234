"""Conditions as a small tree of our own: parsed by cel-python's grammar, a subset of CEL, no code, no templates.

Inside the subset: comparisons, `&&`, `||`, `!`, `in` over a list of literals, `has()`, literals, and dotted names.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias

from celpy.celparser import CELParseError, CELParser

Value: TypeAlias = str | int | float | bool
Operator: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">="]
_RELATIONS: dict[str, Operator] = {
    "relation_eq": "==",
    "relation_ne": "!=",
    "relation_lt": "<",
    "relation_le": "<=",
    "relation_gt": ">",
    "relation_ge": ">=",
}
_FLIPPED: dict[Operator, Operator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


class Unusable(ValueError):
    """The condition cannot be used; `column` counts from 1 within its text."""

    def __init__(self, message: str, column: int = 1) -> None:
        """One sentence."""
        super().__init__(message)
        self.column = column


@dataclass(frozen=True, slots=True)
class Name:
    """`event.slot`, `host.running_vms`."""

    path: str
    column: int


@dataclass(frozen=True, slots=True)
class Compare:
    """A name against a literal, or against another name."""

    left: Name
    operator: Operator
    right: "Value | Name"


@dataclass(frozen=True, slots=True)
class Within:
    """A name in a list of literals."""

    left: Name
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Has:
    """`has(event.slot)`."""

    name: Name


@dataclass(frozen=True, slots=True)
class Truth:
    """A name that is a boolean itself."""

    name: Name


@dataclass(frozen=True, slots=True)
class Not:
    """Negation."""

    inner: "Node"


@dataclass(frozen=True, slots=True)
class Both:
    """`&&` (all) or `||` (any)."""

    word: Literal["all", "any"]
    parts: tuple["Node", ...]


Node: TypeAlias = Compare | Within | Has | Truth | Not | Both


@cache
def _parser() -> CELParser:
    return CELParser()


def parse(text: str) -> Node:
    """The condition's tree; raises `Unusable` with a sentence and a column."""
    if len(text) > 2000:
        msg = "the condition is longer than 2000 characters"
        raise Unusable(msg)
    try:
        tree = _parser().parse(text)
    except CELParseError as error:
        msg = f"not a condition: {str(error).splitlines()[0][:120]}"
        raise Unusable(msg, getattr(error, "column", None) or 1) from error
    return _boolean(tree)


def names(node: Node) -> Iterator[Name]:
    """Every name in the tree."""
    if isinstance(node, Compare):
        yield node.left
        if isinstance(node.right, Name):
            yield node.right
    elif isinstance(node, Within):
        yield node.left
    elif isinstance(node, Has | Truth):
        yield node.name
    elif isinstance(node, Not):
        yield from names(node.inner)
    else:
        for part in node.parts:
            yield from names(part)


def _children(tree: Any) -> list[Any]:
    return list(getattr(tree, "children", []))


def _column(tree: Any) -> int:
    for child in _children(tree):
        found = _column(child) if hasattr(child, "children") else int(getattr(child, "column", 0) or 0)
        if found:
            return found
    return 1


def _down(tree: Any) -> Any:
    """Skip the grammar's levels that add nothing."""
    while hasattr(tree, "children") and len(tree.children) == 1 and tree.data not in ("literal", "ident", "list_lit"):
        if tree.data.startswith(("relation_", "unary_")):
            break
        tree = tree.children[0]
    return tree


def _boolean(tree: Any) -> Node:
    node = _down(tree)
    kind = getattr(node, "data", "")
    if kind in ("conditionaland", "conditionalor"):
        word: Literal["all", "any"] = "all" if kind == "conditionaland" else "any"
        return Both(word, tuple(_boolean(child) for child in _children(node)))
    if kind == "unary" and getattr(_children(node)[0], "data", "") == "unary_not":
        return Not(_boolean(_children(node)[1]))
    if kind == "relation":
        return _relation(node)
    if kind == "ident_arg" and str(_children(node)[0]) == "has":
        return Has(_name(_children(node)[1]))
    if kind in ("member_dot", "ident"):
        return Truth(_name(node))
    msg = f"this part is outside the condition language ({kind or node})"
    raise Unusable(msg, _column(tree))


def _relation(node: Any) -> Node:
    first, right = _children(node)
    kind, left = first.data, _children(first)[0]
    if kind == "relation_in":
        items = _down(right)
        if getattr(items, "data", "") != "list_lit":
            msg = "`in` needs a list of values, such as [1, 2]"
            raise Unusable(msg, _column(right))
        listed = _children(_children(items)[0]) if _children(items) else []
        values = tuple(_operand(item) for item in listed)
        if any(isinstance(value, Name) for value in values):
            msg = "a list holds plain values, not names"
            raise Unusable(msg, _column(right))
        return Within(_name(left), tuple(value for value in values if not isinstance(value, Name)))
    operator = _RELATIONS.get(kind)
    if operator is None:
        msg = f"{kind} is outside the condition language"
        raise Unusable(msg, _column(node))
    one, two = _operand(left), _operand(right)
    if isinstance(one, Name):
        return Compare(one, operator, two)
    if isinstance(two, Name):
        return Compare(two, _FLIPPED[operator], one)
    msg = "a comparison needs at least one name, such as event.slot"
    raise Unusable(msg, _column(node))


def _operand(tree: Any) -> "Value | Name":
    node = _down(tree)
    kind = getattr(node, "data", "")
    if kind == "literal":
        return _literal(str(_children(node)[0]))
    if kind == "unary" and getattr(_children(node)[0], "data", "") == "unary_neg":
        value = _operand(_children(node)[1])
        if isinstance(value, int | float) and not isinstance(value, bool):
            return -value
    return _name(node)


def _name(tree: Any) -> Name:
    node = _down(tree)
    if getattr(node, "data", "") == "ident":
        return Name(str(_children(node)[0]), _column(node))
    if getattr(node, "data", "") == "member_dot":
        inner, field = _children(node)
        return Name(f"{_name(inner).path}.{field}", _column(node))
    msg = "expected a name such as event.slot"
    raise Unusable(msg, _column(tree))


def _literal(text: str) -> Value:
    if text in ("true", "false"):
        return text == "true"
    if text[:1] in "\"'":
        if "\\" in text or text.startswith(('"""', "'''")):
            msg = "escapes and long strings are outside the condition language"
            raise Unusable(msg)
        return text[1:-1]
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError as error:
        msg = f"{text} is outside the condition language"
        raise Unusable(msg) from error
