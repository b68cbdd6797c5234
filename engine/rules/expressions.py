"""Conditions as a small tree of our own: parsed by cel-python's grammar, a subset of CEL, no code, no templates.

Inside the subset: `&&`, `||`, `!`, comparisons, `in` over lists, `has()`, `size()`, `startsWith`, `endsWith`,
`contains`, `matches` (RE2), `duration()`; literals of bool, int, double, string and list; dotted names.
Outside it, among others: arithmetic, `? :`, maps, macros, timestamps, bytes, unsigned integers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeAlias

from celpy.celparser import CELParseError, CELParser

from engine.rules import literals
from engine.rules.literals import Unusable, Value

Operator: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">="]
_RELATIONS: dict[str, Operator] = {
    "relation_eq": "==",
    "relation_ne": "!=",
    "relation_lt": "<",
    "relation_le": "<=",
    "relation_gt": ">",
    "relation_ge": ">=",
}
METHODS = frozenset({"startsWith", "endsWith", "contains", "matches", "size"})
FUNCTIONS = frozenset({"size", "matches", "duration"})
LIMIT_CHARACTERS = 2000
LIMIT_DEPTH = 32


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal."""

    value: Value
    column: int = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """`event.slot`, `host.running_vms`."""

    path: str
    column: int = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """`[1, 2]`."""

    items: tuple["Node", ...]
    column: int = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function; the object of a method is its first argument."""

    function: str
    arguments: tuple["Node", ...]
    column: int = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Compare:
    """Two values."""

    left: "Node"
    operator: Operator
    right: "Node"
    column: int = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Within:
    """A value in a list."""

    left: "Node"
    right: "Node"
    column: int = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Has:
    """`has(event.slot)`."""

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


Node: TypeAlias = Constant | Name | Listed | Call | Compare | Within | Has | Not | Both


@cache
def _parser() -> CELParser:
    return CELParser()


def parse(text: str) -> Node:
    """The condition's tree; raises `Unusable` with a sentence and a column."""
    if len(text) > LIMIT_CHARACTERS:
        msg = f"the condition is longer than {LIMIT_CHARACTERS} characters"
        raise Unusable(msg)
    try:
        return _node(_parser().parse(text), 0)
    except (CELParseError, RecursionError) as error:
        msg = f"not a condition: {(str(error).splitlines() or ['too deep'])[0][:120]}"
        line, column = getattr(error, "line", None) or 1, getattr(error, "column", None) or 1
        before = sum(len(one) + 1 for one in text.split("\n")[: line - 1])
        raise Unusable(msg, before + column) from error


def parts(node: Node) -> tuple[Node, ...]:
    """What a node is made of."""
    if isinstance(node, Compare | Within):
        return node.left, node.right
    if isinstance(node, Both):
        return node.parts
    if isinstance(node, Not):
        return (node.inner,)
    if isinstance(node, Listed):
        return node.items
    if isinstance(node, Call):
        return node.arguments
    return (node.name,) if isinstance(node, Has) else ()


def names(node: Node) -> Iterator[Name]:
    """Every name in the tree."""
    if isinstance(node, Name):
        yield node
    for part in parts(node):
        yield from names(part)


def column_of(node: Node) -> int:
    """Where a node begins."""
    if isinstance(node, Has):
        return node.name.column
    if isinstance(node, Not | Both):
        return column_of(parts(node)[0])
    return node.column


def _children(tree: Any) -> list[Any]:
    return list(getattr(tree, "children", []))


def _start(token: Any) -> int:
    """Where a token begins in the whole text, whatever line it stands on; 0 for none."""
    position = getattr(token, "start_pos", None)
    return 0 if position is None else int(position) + 1


def _column(tree: Any) -> int:
    for child in _children(tree):
        found = _column(child) if hasattr(child, "children") else _start(child)
        if found:
            return found
    return 1


def _node(tree: Any, depth: int) -> Node:
    """Skips the grammar's levels that add nothing."""
    if depth > LIMIT_DEPTH:
        msg = f"the condition is nested deeper than {LIMIT_DEPTH} levels"
        raise Unusable(msg, _column(tree))
    while len(_children(tree)) == 1 and tree.data in _PLAIN:
        tree = tree.children[0]
    build = _BUILD.get(getattr(tree, "data", ""))
    if build is None:
        msg = f"this part is outside the condition language ({_WORDS.get(tree.data, tree.data)})"
        raise Unusable(msg, _column(tree))
    node: Node = build(tree, depth + 1)
    return node


_PLAIN = frozenset(
    {"expr", "conditionalor", "conditionaland", "relation", "addition", "multiplication"}
    | {"unary", "member", "primary", "paren_expr"}
)
_WORDS = {"expr": "? :", "addition": "arithmetic", "multiplication": "arithmetic", "map_lit": "a map"}


def _logic(tree: Any, depth: int) -> Node:
    word: Literal["all", "any"] = "all" if tree.data == "conditionaland" else "any"
    return Both(word, tuple(_node(child, depth) for child in _children(tree)))


def _relation(tree: Any, depth: int) -> Node:
    first, right = _children(tree)
    one, two = _node(_children(first)[0], depth), _node(right, depth)
    if first.data == "relation_in":
        return Within(one, two, _column(tree))
    return Compare(one, _RELATIONS[first.data], two, _column(tree))


def _unary(tree: Any, depth: int) -> Node:
    sign, inner = _children(tree)
    node = _node(inner, depth)
    if sign.data == "unary_not":
        return Not(node)
    if isinstance(node, Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return Constant(literals.bounded(-node.value, node.column), node.column)
    msg = "a minus belongs to a number; arithmetic is outside the condition language"
    raise Unusable(msg, _column(tree))


def _literal(tree: Any, _: int) -> Node:
    column = _column(tree)
    return Constant(literals.read(str(_children(tree)[0]), column), column)


def _ident(tree: Any, _: int) -> Node:
    return Name(str(_children(tree)[0]), _column(tree))


def _dotted(tree: Any, depth: int) -> Node:
    inner, field = _children(tree)
    node = _node(inner, depth)
    if not isinstance(node, Name):
        msg = "only names have fields, such as event.slot"
        raise Unusable(msg, _column(tree))
    return Name(f"{node.path}.{field}", node.column)


def _method(tree: Any, depth: int) -> Node:
    inner, word, *rest = _children(tree)
    if str(word) not in METHODS:
        msg = f"unknown function {word}; known: {', '.join(sorted(METHODS | FUNCTIONS))}"
        raise Unusable(msg, _column(tree))
    return Call(str(word), (_node(inner, depth), *_arguments(rest, depth)), _column(tree))


def _function(tree: Any, depth: int) -> Node:
    word, *rest = _children(tree)
    arguments = _arguments(rest, depth)
    if str(word) == "has":
        if len(arguments) == 1 and isinstance(arguments[0], Name) and "." in arguments[0].path:
            return Has(arguments[0])
        msg = "has() takes one field, such as has(event.slot)"
        raise Unusable(msg, _column(tree))
    if str(word) not in FUNCTIONS:
        msg = f"unknown function {word}; known: has, {', '.join(sorted(METHODS | FUNCTIONS))}"
        raise Unusable(msg, _column(tree))
    return Call(str(word), arguments, _column(tree))


def _list(tree: Any, depth: int) -> Node:
    return Listed(_arguments(_children(tree), depth), _column(tree))


def _arguments(rest: list[Any], depth: int) -> tuple[Node, ...]:
    listed = _children(rest[0]) if rest and rest[0] is not None else []
    return tuple(_node(child, depth) for child in listed)


_BUILD: dict[str, Any] = {
    "conditionalor": _logic,
    "conditionaland": _logic,
    "relation": _relation,
    "unary": _unary,
    "literal": _literal,
    "ident": _ident,
    "member_dot": _dotted,
    "member_dot_arg": _method,
    "ident_arg": _function,
    "list_lit": _list,
}
