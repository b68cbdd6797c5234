"""What a condition means: checked against known names and types, evaluated on values, or compiled to durable_rules."""

from collections.abc import Mapping

from engine.documents import nearest
from engine.model.catalogue import Catalogue, FieldType
from engine.rules import expressions
from engine.rules.expressions import Both, Compare, Has, Name, Node, Not, Operator, Truth, Unusable, Value, Within

ENVELOPE: Mapping[str, FieldType] = {
    "event.type": FieldType.STRING,
    "event.source": FieldType.STRING,
    "event.subject": FieldType.STRING,
    "event.severity": FieldType.STRING,
    "event.synthetic": FieldType.BOOLEAN,
}
HOST: Mapping[str, FieldType] = {
    "host.name": FieldType.STRING,
    "host.group": FieldType.STRING,
    "host.running_vms": FieldType.INTEGER,
    "host.vms": FieldType.INTEGER,
    "host.maintenance": FieldType.BOOLEAN,
    "host.connected": FieldType.BOOLEAN,
    "host.ha": FieldType.BOOLEAN,
}
_NEGATED: Mapping[Operator, Operator] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_DURABLE: Mapping[Operator, str] = {"<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte", "!=": "$neq"}


def event_names(catalogue: Catalogue, event_type: str) -> dict[str, FieldType]:
    """What a pattern's `if` may read about an event of this type."""
    entry = catalogue.get(event_type)
    fields = entry.fields if entry is not None else {}
    return {**ENVELOPE, **{f"event.{name}": kind for name, kind in fields.items()}}


def check(node: Node, known: Mapping[str, FieldType]) -> None:
    """Raise `Unusable` at the first unknown name or wrong type."""
    for name in expressions.names(node):
        if name.path not in known:
            near = nearest(name.path, sorted(known))
            hint = f"; did you mean {near}?" if near else ""
            msg = f"unknown name {name.path}{hint}"
            raise Unusable(msg, name.column)
    _check_types(node, known)


def _check_types(node: Node, known: Mapping[str, FieldType]) -> None:
    if isinstance(node, Both):
        for part in node.parts:
            _check_types(part, known)
    elif isinstance(node, Not):
        _check_types(node.inner, known)
    elif isinstance(node, Truth) and known[node.name.path] is not FieldType.BOOLEAN:
        msg = f"{node.name.path} is a {known[node.name.path].value}; compare it with something"
        raise Unusable(msg, node.name.column)
    elif isinstance(node, Compare | Within):
        values = node.values if isinstance(node, Within) else (node.right,)
        for value in values:
            _fits(node.left, known[node.left.path], value, known)


def _fits(name: Name, kind: FieldType, value: "Value | Name", known: Mapping[str, FieldType]) -> None:
    other = known[value.path] if isinstance(value, Name) else _type_of(value)
    numbers = {FieldType.INTEGER, FieldType.NUMBER}
    if other is not kind and not {other, kind} <= numbers:
        shown = value.path if isinstance(value, Name) else repr(value)
        msg = f"{name.path} is a {kind.value}, {shown} is a {other.value}"
        raise Unusable(msg, name.column)


def _type_of(value: Value) -> FieldType:
    if isinstance(value, bool):
        return FieldType.BOOLEAN
    if isinstance(value, str):
        return FieldType.STRING
    return FieldType.INTEGER if isinstance(value, int) else FieldType.NUMBER


def evaluate(text: str, values: Mapping[str, Value]) -> bool:
    """Whether the condition holds. Raises `Unusable` if it reads a name that has no value: unknown is not false."""
    return holds(expressions.parse(text), values)


def holds(node: Node, values: Mapping[str, Value]) -> bool:
    """Whether the tree holds on these values."""
    if isinstance(node, Both):
        results = (holds(part, values) for part in node.parts)
        return all(results) if node.word == "all" else any(results)
    if isinstance(node, Not):
        return not holds(node.inner, values)
    if isinstance(node, Has):
        return node.name.path in values
    if isinstance(node, Truth):
        return _value(node.name, values) is True
    if isinstance(node, Within):
        return any(_compare(_value(node.left, values), "==", value) for value in node.values)
    right = _value(node.right, values) if isinstance(node.right, Name) else node.right
    return _compare(_value(node.left, values), node.operator, right)


def _value(name: Name, values: Mapping[str, Value]) -> Value:
    if name.path not in values:
        msg = f"{name.path} has no value here"
        raise Unusable(msg, name.column)
    return values[name.path]


def _compare(left: Value, operator: Operator, right: Value) -> bool:
    if isinstance(left, str) != isinstance(right, str) or isinstance(left, bool) != isinstance(right, bool):
        return operator == "!="
    if operator in ("==", "!="):
        return (left == right) is (operator == "==")
    if isinstance(left, str) and isinstance(right, str):
        return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]
    one, two = float(left), float(right)
    return {"<": one < two, "<=": one <= two, ">": one > two, ">=": one >= two}[operator]


def field_name(path: str) -> str:
    """A name as a property of a fact: `event.slot` is `f_slot`."""
    return "f_" + path.removeprefix("event.").replace(".", "_")


def to_durable(node: Node, *, negated: bool = False) -> dict[str, object]:
    """The tree as a durable_rules expression; negation is pushed down to the comparisons."""
    if isinstance(node, Not):
        return to_durable(node.inner, negated=not negated)
    if isinstance(node, Both):
        word = "$and" if (node.word == "all") is not negated else "$or"
        return {word: [to_durable(part, negated=negated) for part in node.parts]}
    if isinstance(node, Has):
        if negated:
            msg = "`!has(...)` in a pattern's `if` cannot be matched; put it into the policy's own `if`"
            raise Unusable(msg, node.name.column)
        return {"$ex": {field_name(node.name.path): 1}}
    if isinstance(node, Truth):
        return {field_name(node.name.path): not negated}
    if isinstance(node, Within):
        parts = [_comparison(node.left, "!=" if negated else "==", value) for value in node.values]
        return {"$and" if negated else "$or": parts} if len(parts) > 1 else parts[0]
    if isinstance(node.right, Name):
        msg = "a pattern's `if` compares fields with plain values; put this into the policy's own `if`"
        raise Unusable(msg, node.right.column)
    return _comparison(node.left, _NEGATED[node.operator] if negated else node.operator, node.right)


def _comparison(name: Name, operator: Operator, value: Value) -> dict[str, object]:
    field = {field_name(name.path): value}
    return dict(field) if operator == "==" else {_DURABLE[operator]: field}
