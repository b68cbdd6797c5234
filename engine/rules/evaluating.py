"""What a condition gives on values, as CEL defines it.

`&&` and `||` hold as soon as one side decides, whichever side cannot be read; every other part that cannot be read
makes the whole unreadable. (CEL language definition, sections on logical operators and on evaluation.)
"""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import starmap
from operator import ge, gt, le, lt
from typing import Any

import re2

from engine.rules import expressions, literals
from engine.rules.expressions import (
    Both,
    Call,
    Constant,
    Has,
    Listed,
    Name,
    Node,
    Not,
    Operator,
    Within,
    column_of,
)
from engine.rules.literals import Span, Unusable, Value

_ORDER = {"<": lt, "<=": le, ">": gt, ">=": ge}


def evaluate(text: str, values: Mapping[str, Value]) -> bool:
    """Whether the condition holds. Raises `Unusable` if it cannot be known: unknown is not false."""
    return holds(expressions.parse(text), values)


def holds(node: Node, values: Mapping[str, Value]) -> bool:
    """Whether the tree holds on these values."""
    found = value_of(node, values)
    if not isinstance(found, bool):
        msg = "the condition does not give true or false"
        raise Unusable(msg, column_of(node))
    return found


def value_of(node: Node, values: Mapping[str, Value]) -> Value:
    """What the tree gives on these values; raises `Unusable`."""
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, Name):
        if node.path not in values:
            msg = f"{node.path} has no value here"
            raise Unusable(msg, node.column)
        return values[node.path]
    if isinstance(node, Has):
        return node.name.path in values
    if isinstance(node, Not):
        return not holds(node.inner, values)
    if isinstance(node, Both):
        return _logic(node, values)
    if isinstance(node, Listed):
        return tuple(value_of(item, values) for item in node.items)
    if isinstance(node, Call):
        return call(node.function, [value_of(one, values) for one in node.arguments], node.column)
    left, right = value_of(node.left, values), value_of(node.right, values)
    return _within(node, left, right) if isinstance(node, Within) else compare(node.operator, left, right, node.column)


def _logic(node: Both, values: Mapping[str, Value]) -> bool:
    deciding = node.word == "any"
    unreadable: Unusable | None = None
    for part in node.parts:
        try:
            if holds(part, values) is deciding:
                return deciding
        except Unusable as error:
            unreadable = unreadable or error
    if unreadable is not None:
        raise unreadable
    return not deciding


def _within(node: Within, left: Value, right: Value) -> bool:
    if not isinstance(right, tuple):
        msg = "`in` needs a list, such as [1, 2]"
        raise Unusable(msg, node.column)
    return any(equal(left, one) for one in right)


def compare(operator: Operator, left: Value, right: Value, column: int) -> bool:
    """Whether two values stand in a relation; raises `Unusable` where they have no order."""
    if operator in ("==", "!="):
        return equal(left, right) is (operator == "==")
    return _ordered(operator, left, right, column)


def equal(left: Value, right: Value) -> bool:
    """CEL's equality: numbers by value, other kinds only with their own."""
    if _is_number(left) and _is_number(right):
        return bool(left == right)
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(starmap(equal, zip(left, right, strict=True)))
    return type(left) is type(right) and left == right


def _ordered(operator: Operator, left: Any, right: Any, column: int) -> bool:
    same = type(left) is type(right) and isinstance(left, str | bool | Span)
    if not same and not (_is_number(left) and _is_number(right)):
        msg = f"these two cannot be compared with {operator}"
        raise Unusable(msg, column)
    return bool(_ORDER[operator](left, right))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def call(function: str, arguments: Sequence[Value], column: int) -> Value:
    """A function of the language; raises `Unusable` where the arguments do not fit."""
    if function == "size" and len(arguments) == 1 and isinstance(arguments[0], str | tuple):
        return len(arguments[0])
    if function == "duration" and len(arguments) == 1 and isinstance(arguments[0], str):
        return literals.span(arguments[0])
    if len(arguments) == 2:
        text, word = arguments
        if isinstance(text, str) and isinstance(word, str):
            if function == "matches":
                return pattern(word, column).search(text) is not None
            return {"startsWith": text.startswith, "endsWith": text.endswith, "contains": text.__contains__}[function](
                word
            )
    msg = f"{function} does not take these arguments"
    raise Unusable(msg, column)


@cache
def pattern(text: str, column: int) -> Any:
    """A regular expression of RE2, which takes linear time on every text; raises `Unusable`."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        return re2.compile(text, options)
    except re2.error as error:
        msg = f"not a regular expression of RE2: {str(error)[:120]}"
        raise Unusable(msg, column) from error
