"""Tables of the policy reference, in Markdown: fields and words from the models, actions, names, event types; pure."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from engine.model import actions, durations, window
from engine.model.actions import Action, Parameter
from engine.model.catalogue import Catalogue, EventType
from engine.model.event import Severity
from engine.model.run import Outcome
from engine.rules import conditions, expressions, findings
from engine.rules.checking_patterns import BY
from toban import describing, schema
from toban.schema import Schema

FUNCTIONS: Mapping[str, str] = {
    "contains": '`event.text.contains("disk")`: whether the text is in it',
    "duration": '`duration("5m")`: a length of time',
    "endsWith": '`vm.name.endsWith("-test")`: whether it ends so',
    "has": "`has(event.user)`: whether the event says it",
    "matches": '`host.name.matches("^esx[0-9]+$")`: a regular expression (RE2), anywhere in it',
    "size": "`size(event.text)`, `event.text.size()`: characters of a text, items of a list",
    "startsWith": '`event.part.startsWith("fan")`: whether it begins so',
}
CALLED: Mapping[str, str] = {
    "JsonValue": "any value",
    "Selection": "part",
    "Human": "person",
    "Place": "estate",
    "Bounds": "guard",
    "Answering": "answer",
    "Expected": "expectation",
    "Vm": "VM",
}
"""What the page calls a class, where that is not its name."""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar in a cell is written so that it does not end the cell."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def fields(owner: type[BaseModel]) -> str:
    """The fields of a part: name, what may be written, what holds if it is absent, meaning."""
    made = owner.model_json_schema(by_alias=True)
    rows = []
    for name, word in describing.words(owner).items():
        if name not in ("verb", "parameters") or owner.__name__ != "Step":
            said = made["properties"][word]
            said = schema.field(said, word) if owner.__name__ in describing.classes() else schema.plain(said)
            absent = "required" if word in made.get("required", []) else _absent(said)
            rows.append((f"`{word}`", _kind(said), absent, describing.english(owner, name)))
    return table(("field", "what", "if absent", "meaning"), rows)


def words(owner: type[StrEnum]) -> str:
    """The words of a list and what each means."""
    each = describing.words(owner).items()
    return table(("word", "meaning"), ((f"`{word}`", describing.english(owner, name)) for name, word in each))


def _absent(field: Schema) -> str:
    default = field.get("default")
    return "-" if default in (None, "") else f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _kind(field: Schema) -> str:
    """What may be written, in a few words."""
    if "$ref" in field:
        return _name(field["$ref"].rpartition("/")[2])
    for word in ("oneOf", "anyOf"):
        if word in field:
            found = dict.fromkeys(_kind(one) for one in field[word])
            return ", ".join(found) if len(found) > 1 else next(iter(found))
    if "enum" in field or "const" in field:
        return ", ".join(f"`{one}`" for one in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        return f"list of {_kind(field['items'])}" if "items" in field else "list"
    if field.get("type") == "object":
        inner = field.get("additionalProperties")
        return f"names with {_kind(inner)} each" if isinstance(inner, dict) else "fields"
    return _plain(field)


def _plain(field: Schema) -> str:
    kind, low, high = field.get("type"), field.get("minimum"), field.get("maximum")
    if kind == "string":
        shapes = {durations.SHAPE: "duration", durations.SHAPE_OF_SPAN: "duration", window.SHAPE: "time of day"}
        return shapes.get(field.get("pattern", ""), "text")
    if kind in ("integer", "number"):
        above = f" above {field['exclusiveMinimum']}" if "exclusiveMinimum" in field else ""
        ends = f" from {low}" if low is not None else above
        bounds = (
            f" {low}-{high}" if None not in (low, high) else f"{ends}, at most {high}" if high is not None else ends
        )
        return f"number{bounds}" if kind == "number" else f"whole number{bounds}"
    return {"boolean": "`true`, `false`"}.get(str(kind), "any value")


def _name(owner: str) -> str:
    if owner.endswith("Pattern"):
        return "a [pattern](#when)"
    if owner in ("EventType", "Metric"):
        return "[event type](#event-types)" if owner == "EventType" else "event type and field"
    if owner == "By":
        return ", ".join(f"`{one}`" for one in sorted(BY))
    known: Mapping[str, type[Any]] = {**describing.classes(), "Outcome": Outcome, "Severity": Severity}
    if owner in known and issubclass(known[owner], StrEnum):
        return ", ".join(f"`{one}`" for one in describing.words(known[owner]).values())
    return CALLED.get(owner, owner.lower())


def action_table() -> str:
    """Every action with its parameters and what it means for safety."""
    rows = ((f"`{one.verb}`", _parameters(one), one.en, _marks(one)) for one in actions.shipped().values())
    return table(("action", "parameters", "does", "marks"), rows)


def _parameters(action: Action) -> str:
    each = (
        f"`{one.name}`{'' if one.needed else ' (may be left out)'}: {_value(one)}" for one in action.parameters.values()
    )
    return "; ".join(each) or "none: `{}`"


def _value(one: Parameter) -> str:
    if one.type == "number":
        return f"{one.low}-{one.high}"
    return "a text" if one.type == "text" else " or ".join(f"`{word}`" for word in one.words)


def _marks(one: Action) -> str:
    marks = {
        "power": one.ungraceful,
        "fence first": one.needs_fence,
        "minimum": one.takes_capacity,
        "normal": one.counts_as_normal,
    }
    return ", ".join(mark for mark, holds in marks.items() if holds)


def references() -> str:
    """The words that stand for an object."""
    return table(("word", "stands for"), ((f"`{word}`", f"the {kind}") for word, kind in actions.REFERENCES.items()))


def names() -> str:
    """What conditions may read."""
    where = (
        ("everywhere", conditions.ENVELOPE),
        ("everywhere", {"event.<field>": "as the catalogue says"}),
        ("`spec.if`", conditions.ESTATE),
        ("`spec.if` behind a metric", conditions.METRIC),
    )
    rows = [(f"`{name}`", _word(kind), place) for place, known in where for name, kind in known.items()]
    return table(("name", "type", "where"), rows)


def _word(kind: object) -> str:
    return kind.value if isinstance(kind, StrEnum) else str(kind)


def functions() -> str:
    """The functions that conditions may call. Raises `KeyError` for one that nobody has described."""
    known = sorted({*expressions.METHODS, *expressions.FUNCTIONS, "has"})
    return table(("function", "tells"), ((f"`{name}`", FUNCTIONS[name]) for name in known))


def event_types(catalogue: Catalogue) -> str:
    """Every type of the catalogue."""
    heads = ("type", "meaning", "about", "severity", "closed by", "witness", "fields")
    return table(heads, (_event(one) for _, one in sorted(catalogue.types.items())))


def _event(one: EventType) -> tuple[str, ...]:
    held = ", ".join(f"`{name}` {kind.value}" for name, kind in one.fields.items())
    recovery = f"`{one.recovery}`" if one.recovery else "-"
    return (f"`{one.type}`", one.en, one.kind.value, one.severity.value, recovery, one.witness or "-", held or "-")


def finding_table() -> str:
    """Every finding of `toban policy check`."""
    rows = (
        (f"`{one.code}`", one.severity, f"{one.en} / {one.ja}", one.means, one.todo)
        for one in findings.shipped().values()
    )
    return table(("code", "severity", "title", "meaning", "what to do"), rows)
