"""Change how far a policy may go in its file: that one word, everything else stays as a person wrote it; pure."""

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, ScalarNode

from engine import documents
from engine.model.errors import ConfigurationError
from engine.model.policy import Mode


def with_mode(text: str, mode: Mode, file: str) -> str:
    """The text with this `mode`; raises `ConfigurationError` where that one word cannot be changed alone."""
    before = documents.parse(text.encode(), file).value
    spec = _value(YAML(typ="rt", pure=True).compose(text), "spec")
    rule = before.get("spec") if isinstance(before, dict) else None
    if not isinstance(before, dict) or not isinstance(rule, dict) or not rule or not isinstance(spec, MappingNode):
        msg = f"{file} has no `spec` to write `mode: {mode.value}` into"
        raise ConfigurationError(msg)
    found = _value(spec, "mode")
    new = _replaced(text, found, mode) if isinstance(found, ScalarNode) else _inserted(text, spec, mode)
    wanted = {**before, "spec": {**rule, "mode": mode.value}}
    if documents.parse(new.encode(), file).value != wanted:
        msg = f"{file} is written in a way in which `mode` cannot be changed alone; write `mode: {mode.value}` by hand"
        raise ConfigurationError(msg)
    return new


def _value(node: Any, key: str) -> Any:
    pairs = node.value if isinstance(node, MappingNode) else ()
    return next((value for name, value in pairs if isinstance(name, ScalarNode) and name.value == key), None)


def _replaced(text: str, node: ScalarNode, mode: Mode) -> str:
    begin, end = node.start_mark.index, node.end_mark.index
    rest = text[end:]
    spaces = len(rest) - len(rest.lstrip(" "))
    if spaces and rest[spaces : spaces + 1] == "#":  # the comment keeps its column
        rest = " " * max(1, spaces + (end - begin) - len(mode.value)) + rest[spaces:]
    return f"{text[:begin]}{mode.value}{rest}"


def _inserted(text: str, spec: MappingNode, mode: Mode) -> str:
    first = spec.value[0][0].start_mark
    after = ", " if spec.flow_style else ("\r\n" if "\r\n" in text else "\n") + " " * first.column
    return f"{text[: first.index]}mode: {mode.value}{after}{text[first.index :]}"
