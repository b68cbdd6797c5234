"""What a condition may name, and whether its types fit; pure. Evaluating and lowering stand beside it."""

from collections.abc import Mapping
from typing import TypeAlias

from engine.documents import nearest
from engine.model.catalogue import Catalogue, FieldType
from engine.rules import evaluating, expressions, literals
from engine.rules.expressions import (
    Both,
    Call,
    Compare,
    Constant,
    Listed,
    Name,
    Node,
    Not,
    Within,
    column_of,
)
from engine.rules.literals import Span, Unusable, Value

ENVELOPE: Mapping[str, FieldType] = {
    "event.type": FieldType.STRING,
    "event.source": FieldType.STRING,
    "event.subject": FieldType.STRING,
    "event.severity": FieldType.STRING,
    "event.synthetic": FieldType.BOOLEAN,
}
ESTATE: Mapping[str, FieldType] = {
    "host.name": FieldType.STRING,
    "host.group": FieldType.STRING,
    "host.category": FieldType.STRING,
    "host.model": FieldType.STRING,
    "host.chassis": FieldType.STRING,
    "host.running_vms": FieldType.INTEGER,
    "host.vms": FieldType.INTEGER,
    "host.cpu_percent": FieldType.NUMBER,
    "host.memory_percent": FieldType.NUMBER,
    "host.maintenance": FieldType.BOOLEAN,
    "host.connected": FieldType.BOOLEAN,
    "host.ha": FieldType.BOOLEAN,
    "host.status": FieldType.STRING,
    "group.name": FieldType.STRING,
    "group.hosts": FieldType.INTEGER,
    "group.healthy_hosts": FieldType.INTEGER,
    "vm.name": FieldType.STRING,
    "vm.host": FieldType.STRING,
    "vm.power": FieldType.STRING,
    "vm.ha_protected": FieldType.BOOLEAN,
    "vm.memory_mb": FieldType.INTEGER,
}
METRIC: Mapping[str, FieldType] = {
    "metric.value": FieldType.NUMBER,
    "metric.boundary": FieldType.NUMBER,
    "metric.clear": FieldType.NUMBER,
}
Kind: TypeAlias = str
"""`boolean`, `integer`, `number`, `string`, `duration`, `list`, `list of string`, ..."""
_NUMBERS = frozenset({"integer", "number"})
_ORDERED = frozenset({"string", "boolean", "duration"})


def event_names(catalogue: Catalogue, event_type: str) -> dict[str, FieldType]:
    """What a pattern's `if` may read about an event of this type."""
    entry = catalogue.get(event_type)
    fields = entry.fields if entry is not None else {}
    return {**ENVELOPE, **{f"event.{name}": kind for name, kind in fields.items()}}


def check(node: Node, known: Mapping[str, FieldType]) -> None:
    """Raise `Unusable` at the first unknown name or wrong type; the whole has to be true or false."""
    for name in expressions.names(node):
        if name.path not in known:
            near = nearest(name.path, sorted(known))
            hint = f"; did you mean {near}?" if near else f"; known: {', '.join(sorted(known)[:12])}"
            msg = f"unknown name {name.path}{hint}"
            raise Unusable(msg, name.column)
    _truth(node, known)


def _truth(node: Node, known: Mapping[str, FieldType]) -> None:
    kind = kind_of(node, known)
    if kind != "boolean":
        shown = node.path if isinstance(node, Name) else "this part"
        msg = f"{shown} is a {kind}, not true or false; compare it with something"
        raise Unusable(msg, column_of(node))


def kind_of(node: Node, known: Mapping[str, FieldType]) -> Kind:
    """The type of a tree; raises `Unusable` where two types do not fit."""
    if isinstance(node, Constant):
        return _kind_of_value(node.value)
    if isinstance(node, Name):
        return known[node.path].value
    if isinstance(node, Listed):
        kinds = {kind_of(item, known) for item in node.items}
        return f"list of {_joint(kinds)}" if kinds else "list"
    if isinstance(node, Call):
        return _call(node, known)
    if isinstance(node, Not):
        _truth(node.inner, known)
    elif isinstance(node, Both):
        for part in node.parts:
            _truth(part, known)
    elif isinstance(node, Within):
        _within(node, known)
    elif isinstance(node, Compare):
        _compare(node, known)
    return "boolean"


def _kind_of_value(value: Value) -> Kind:
    if isinstance(value, Span):
        return "duration"
    if isinstance(value, tuple):
        return "list"
    if isinstance(value, bool):
        return "boolean"
    names: dict[type, Kind] = {str: "string", int: "integer", float: "number"}
    return names[type(value)]


def _joint(kinds: set[Kind]) -> Kind:
    if len(kinds) == 1:
        return next(iter(kinds))
    return "number" if kinds <= _NUMBERS else "several types"


def _compare(node: Compare, known: Mapping[str, FieldType]) -> None:
    left, right = kind_of(node.left, known), kind_of(node.right, known)
    if not _alike(left, right):
        msg = f"{_shown(node.left)} is a {left}, {_shown(node.right)} is a {right}"
        raise Unusable(msg, column_of(node.left))
    if node.operator not in ("==", "!=") and left not in _NUMBERS | _ORDERED:
        msg = f"{_shown(node.left)} is a {left}; it has no order"
        raise Unusable(msg, node.column)


def _alike(left: Kind, right: Kind) -> bool:
    if left.startswith("list") and right.startswith("list"):
        return "list" in (left, right) or _alike(left.removeprefix("list of "), right.removeprefix("list of "))
    return left == right or {left, right} <= _NUMBERS


def _within(node: Within, known: Mapping[str, FieldType]) -> None:
    left, right = kind_of(node.left, known), kind_of(node.right, known)
    if not right.startswith("list"):
        msg = f"`in` needs a list, such as [1, 2]; {_shown(node.right)} is a {right}"
        raise Unusable(msg, node.column)
    inner = right.removeprefix("list of ")
    if inner != "list" and not _alike(left, inner):
        msg = f"{_shown(node.left)} is a {left}, the list holds {inner}"
        raise Unusable(msg, column_of(node.left))


def _call(node: Call, known: Mapping[str, FieldType]) -> Kind:
    kinds = [kind_of(one, known) for one in node.arguments]
    if node.function == "size" and len(kinds) == 1 and (kinds[0] == "string" or kinds[0].startswith("list")):
        return "integer"
    if node.function == "duration" and kinds == ["string"]:
        _ready(node)
        return "duration"
    if node.function not in ("size", "duration") and kinds == ["string", "string"]:
        _ready(node)
        return "boolean"
    given = ", ".join(kinds) or "nothing"
    wanted = {"size": "a string or a list", "duration": "a string"}.get(node.function, "two strings")
    msg = f"{node.function} takes {wanted}, not {given}"
    raise Unusable(msg, node.column)


def _ready(node: Call) -> None:
    """Patterns and durations are literals, so that a mistake in them is found now and not at night."""
    last = node.arguments[-1]
    if node.function == "duration" and isinstance(last, Constant):
        literals.span(str(last.value))
    elif node.function == "matches" and isinstance(last, Constant):
        evaluating.pattern(str(last.value), last.column)
    elif node.function in ("duration", "matches"):
        msg = f"{node.function} takes a literal text"
        raise Unusable(msg, node.column)


def _shown(node: Node) -> str:
    if isinstance(node, Name):
        return node.path
    return repr(node.value) if isinstance(node, Constant) else "this part"
