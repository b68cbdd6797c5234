"""The JSON Schema keywords that our schema uses, as draft 2020-12 defines them; any other keyword is an error."""

import re
from collections.abc import Iterator
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
TELLING = {
    "$schema",
    "$defs",
    "title",
    "description",
    "x-description-ja",
    "default",
    "enumDescriptions",
    "x-enum-descriptions-ja",
}
CHECKED = {
    "$ref",
    "type",
    "enum",
    "const",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "items",
    "minItems",
    "maxItems",
    "properties",
    "required",
    "additionalProperties",
    "maxProperties",
    "oneOf",
    "anyOf",
}


def faults(schema: dict[str, Any], value: Any, root: dict[str, Any] | None = None, place: str = "") -> Iterator[str]:
    """Every way in which the value does not fit, as `place: keyword`."""
    root = root if root is not None else schema
    unknown = schema.keys() - TELLING - CHECKED
    assert not unknown, f"the test does not know {unknown}"
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        yield from faults(root["$defs"][name], value, root, place)
    yield from (f"{place}: {word}" for word in _plain(schema, value))
    if isinstance(value, dict):
        yield from _object(schema, value, root, place)
    if isinstance(value, list) and "items" in schema:
        for index, one in enumerate(value):
            yield from faults(schema["items"], one, root, f"{place}/{index}")
    for word, enough in (("oneOf", lambda count: count == 1), ("anyOf", lambda count: count > 0)):
        fitting = [not list(faults(one, value, root, place)) for one in schema.get(word, [])]
        if word in schema and not enough(sum(fitting)):
            yield f"{place}: {word} fits {sum(fitting)}"


def _plain(schema: dict[str, Any], value: Any) -> Iterator[str]:
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        kinds = tuple(kind for name in names for kind in TYPES[name])
        if not isinstance(value, kinds) or isinstance(value, bool):
            yield "type"
    if "enum" in schema and value not in schema["enum"]:
        yield "enum"
    if "const" in schema and value != schema["const"]:
        yield "const"
    bounds = {
        "minLength": (str, lambda limit: len(value) >= limit),
        "maxLength": (str, lambda limit: len(value) <= limit),
        "pattern": (str, lambda limit: re.search(limit, value) is not None),
        "minimum": ((int, float), lambda limit: value >= limit),
        "maximum": ((int, float), lambda limit: value <= limit),
        "exclusiveMinimum": ((int, float), lambda limit: value > limit),
        "minItems": (list, lambda limit: len(value) >= limit),
        "maxItems": (list, lambda limit: len(value) <= limit),
        "maxProperties": (dict, lambda limit: len(value) <= limit),
    }
    yield from (
        word
        for word, (kind, fits) in bounds.items()
        if word in schema and isinstance(value, kind) and not fits(schema[word])
    )


def _object(schema: dict[str, Any], value: dict[str, Any], root: dict[str, Any], place: str) -> Iterator[str]:
    yield from (f"{place}/{name}: required" for name in schema.get("required", []) if name not in value)
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    for name, one in value.items():
        if name in known:
            yield from faults(known[name], one, root, f"{place}/{name}")
        elif others is False:
            yield f"{place}/{name}: additionalProperties"
        elif isinstance(others, dict):
            yield from faults(others, one, root, f"{place}/{name}")
