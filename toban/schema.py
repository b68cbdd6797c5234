"""The JSON Schema of a policy file (draft 2020-12), made from the models, the actions and the catalogue; pure.

It says what can be said of a file by its shape. What needs more (conditions, steps that name each other, safety) is
told by `toban policy check`.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, TypeAlias

from pydantic import BaseModel

from engine.model import actions, durations, window
from engine.model.actions import Action, Parameter
from engine.model.catalogue import Catalogue, FieldType
from engine.model.policy import Policy, Step
from engine.rules import compiling
from engine.rules.checking_patterns import BY
from engine.rules.expressions import LIMIT_CHARACTERS
from toban import describing

DRAFT = "https://json-schema.org/draft/2020-12/schema"
Schema: TypeAlias = dict[str, Any]

_EVENTS = {"event", "until", "missing"}


def schema(catalogue: Catalogue) -> Schema:
    """The whole schema, self-contained."""
    made = Policy.model_json_schema(by_alias=True)
    parts = {name: made["$defs"][name] for name in describing.classes() if name in made["$defs"] and name != "Step"}
    for name, part in parts.items():
        _settle(part, describing.classes()[name])
    parts["MetricPattern"]["oneOf"] = [{"required": ["above"]}, {"required": ["below"]}]
    steps = {f"step-{verb}": _step(action, made["$defs"]["Step"]) for verb, action in actions.shipped().items()}
    whole = {"type": "object", "properties": made["properties"], "required": made["required"]}
    whole["additionalProperties"] = False
    _settle(whole, Policy)
    head = {"$schema": DRAFT, "title": "Toban policy", **whole}
    several = {"Step": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in steps], **_said(Step)}}
    return {**head, "$defs": {**_named(catalogue), **parts, **several, **steps}}


def _said(owner: type[Any], word: str = describing.SELF) -> Schema:
    both = describing.meaning(owner, word)
    return {"description": both.en, "x-description-ja": both.ja}


def _settle(part: Schema, owner: type[Any]) -> None:
    """Write the meanings into one class's schema, and what pydantic cannot know of its fields."""
    part.pop("title", None)
    part |= _said(owner)
    if issubclass(owner, StrEnum):
        each = [describing.meaning(owner, name) for name in describing.words(owner)]
        part |= {"enumDescriptions": [one.en for one in each], "x-enum-descriptions-ja": [one.ja for one in each]}
    if issubclass(owner, BaseModel):
        for name, word in describing.words(owner).items():
            part["properties"][word] = field(part["properties"][word], word) | _said(owner, name)


def field(one: Schema, word: str) -> Schema:
    """A field of a policy: its names enumerated, and otherwise `plain`."""
    made = plain(one)
    if word == "if":
        return {**made, "maxLength": LIMIT_CHARACTERS}
    if word not in {*_EVENTS, "metric", "by"}:
        return made
    default = {"default": made["default"]} if "default" in made else {}
    return {"$ref": f"#/$defs/{'EventType' if word in _EVENTS else word.capitalize()}", **default}


def plain(one: Schema) -> Schema:
    """A field without pydantic's titles and nulls, its default as it would be written."""
    made = _without_null({key: value for key, value in one.items() if key != "title"})
    default = made.pop("default", None)
    if isinstance(default, float | int) and made.get("type") == "string":
        is_time = made.get("pattern") == window.SHAPE
        made["default"] = f"{default // 60:02.0f}:{default % 60:02.0f}" if is_time else durations.written(default)
    elif default is not None and not isinstance(default, dict | list):
        made["default"] = default
    return made


def _without_null(field: Schema) -> Schema:
    if "anyOf" not in field:
        return field
    kept = [one for one in field["anyOf"] if one != {"type": "null"}]
    rest = {key: value for key, value in field.items() if key != "anyOf"}
    return rest | kept[0] if len(kept) == 1 else {**rest, "anyOf": kept}


def _step(action: Action, made: Schema) -> Schema:
    """A step with this action: its verb is the key, its parameters the value."""
    fields = {word: field(made["properties"][word], word) | _said(Step, word) for word in made["properties"]}
    held = {name: _parameter(one) for name, one in action.parameters.items()}
    needed = [name for name, one in action.parameters.items() if one.needed]
    said = {"description": action.en, "x-description-ja": action.ja}
    verb: Schema = {"type": "object" if needed else ["object", "null"], "properties": held}
    verb |= {"required": needed, "additionalProperties": False, **said}
    beside = {word: fields[word] for word in ("after", "timeout", "retry")}
    properties = {"id": fields["id"], action.verb: verb, **beside}
    return {"type": "object", "properties": properties, "required": ["id", action.verb], "additionalProperties": False}


def _parameter(one: Parameter) -> Schema:
    kinds: Mapping[str, Callable[[], Schema]] = {
        "number": lambda: {"type": "integer", "minimum": one.low, "maximum": one.high},
        "text": lambda: {"type": "string", "minLength": 1},
    }
    return kinds[one.type]() if one.type in kinds else {"enum": list(one.words)}


def _named(catalogue: Catalogue) -> Schema:
    """The names that the catalogue gives."""
    types = sorted(catalogue.types)
    wild = branches(catalogue)
    en = [*(catalogue.types[one].en for one in types), *(f"Every type below {one[:-2]}" for one in wild)]
    ja = [*(catalogue.types[one].ja for one in types), *(f"{one[:-2]} 配下のすべて" for one in wild)]
    event = {"enum": [*types, *wild], "enumDescriptions": en, "x-enum-descriptions-ja": ja}
    return {"EventType": event, "Metric": {"enum": list(metrics(catalogue))}, "By": {"enum": sorted(BY)}}


def branches(catalogue: Catalogue) -> tuple[str, ...]:
    """`storage.*` for every beginning of a type's name that stands for at least one type."""
    found = {f"{above}.*" for name in catalogue.types for above in _above(name)}
    return tuple(sorted(one for one in found if compiling.types_of(one, catalogue)))


def _above(name: str) -> Iterator[str]:
    words = name.split(".")
    return (".".join(words[:depth]) for depth in range(1, len(words)))


def metrics(catalogue: Catalogue) -> tuple[str, ...]:
    """`host.load.cpu_percent` for every field that is a number."""
    numbers = (FieldType.INTEGER, FieldType.NUMBER)
    each = (
        (one.type, name) for one in catalogue.types.values() for name, kind in one.fields.items() if kind in numbers
    )
    return tuple(sorted(f"{kind}.{name}" for kind, name in each))
