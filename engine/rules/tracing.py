"""A condition part by part: how it is written, which values it read, and what each part gave; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.rules import evaluating, expressions
from engine.rules.expressions import Both, Call, Compare, Constant, Has, Listed, Name, Node, Not, Within
from engine.rules.literals import Span, Unusable, Value


@dataclass(frozen=True, slots=True)
class Part:
    """One part that is no mere `&&`, `||` or `!` of others."""

    text: str
    values: tuple[tuple[str, str], ...]
    """Names and the values that were read; a name without a value is left out."""
    holds: bool | None
    """None: it cannot be known."""


def trace(text: str, values: Mapping[str, Value]) -> tuple[Part, ...]:
    """Every part in the order of writing; raises `Unusable` for a condition that cannot be parsed."""
    return tuple(_parts(expressions.parse(text), values))


def _parts(node: Node, values: Mapping[str, Value]) -> Iterator[Part]:
    if isinstance(node, Both):
        for part in node.parts:
            yield from _parts(part, values)
    elif isinstance(node, Not) and isinstance(node.inner, Both):
        yield from _parts(node.inner, values)
    else:
        names = dict.fromkeys(name.path for name in expressions.names(node))
        read = tuple((name, _shown(values[name])) for name in names if name in values)
        yield Part(written(node), read, _outcome(node, values))


def _outcome(node: Node, values: Mapping[str, Value]) -> bool | None:
    try:
        return evaluating.holds(node, values)
    except Unusable:
        return None


def written(node: Node) -> str:
    """A tree as its author would write it."""
    if isinstance(node, Constant):
        return _shown(node.value)
    if isinstance(node, Name):
        return node.path
    if isinstance(node, Has):
        return f"has({node.name.path})"
    if isinstance(node, Not):
        return (
            f"!({written(node.inner)})"
            if isinstance(node.inner, Both | Compare | Within)
            else f"!{written(node.inner)}"
        )
    if isinstance(node, Both):
        return (" && " if node.word == "all" else " || ").join(written(part) for part in node.parts)
    if isinstance(node, Listed):
        return f"[{', '.join(written(item) for item in node.items)}]"
    if isinstance(node, Call):
        first, *rest = (written(one) for one in node.arguments)
        method = node.function not in ("size", "duration")
        return f"{first}.{node.function}({', '.join(rest)})" if method else f"{node.function}({first})"
    word = "in" if isinstance(node, Within) else node.operator
    return f"{written(node.left)} {word} {written(node.right)}"


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(_shown(one) for one in value)}]"
    if isinstance(value, Span):
        return f"{value.nanoseconds / 1e9:g}s"
    return f'"{value}"' if isinstance(value, str) else str(value)
