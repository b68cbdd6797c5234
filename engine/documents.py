"""YAML 1.2 documents with positions: what a person wrote, and the line and column where it stands.

Refused before anything is built: aliases, anchors, tags, duplicate keys, more than 256 KiB, nesting deeper than 20, and
numbers that YAML 1.1, YAML 1.2 and people read differently.
"""

import difflib
import math
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, MappingStartEvent, NodeEvent, ScalarEvent, SequenceStartEvent

from engine.model.errors import ConfigurationError

LIMIT_BYTES = 256 * 1024
LIMIT_DEPTH = 20

Place = tuple[str | int, ...]
Parsed = TypeVar("Parsed", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file; lines and columns count from 1."""

    file: str
    line: int
    column: int
    message: str
    place: Place = ()

    def __str__(self) -> str:
        """`file:line:column: message`."""
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


def _position(place: Place, marks: Mapping[Place, tuple[int, int]]) -> tuple[int, int]:
    while place and place not in marks:
        place = place[:-1]
    return marks.get(place, (1, 1))


class Unreadable(ConfigurationError):
    """The document cannot be used; `problems` lists every reason, the text is the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """At least one problem."""
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}")
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Document:
    """Plain values, and where each of them stands."""

    file: str
    value: JsonValue
    marks: Mapping[Place, tuple[int, int]] = field(default_factory=dict)
    texts: Mapping[Place, tuple[int, int]] = field(default_factory=dict)
    """Where the first character of a text stands that lies on one line, behind its opening quote if it has one."""

    def within(self, place: Place, column: int) -> tuple[int, int]:
        """Line and column of a character of a text, counted from 1; of the text itself where it has several lines."""
        if place in self.texts:
            line, begin = self.texts[place]
            return line, begin + column - 1
        return self.position(place)

    def position(self, place: Place) -> tuple[int, int]:
        """Line and column of a place, or of its nearest ancestor that was written down."""
        return _position(place, self.marks)

    def problem(self, place: Place, message: str) -> Problem:
        """A problem at a place."""
        line, column = self.position(place)
        return Problem(self.file, line, column, message, place)


def read(path: Path) -> Document:
    """The document in a file; raises `Unreadable` with one clear sentence."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would keep us waiting for ever
            raise Unreadable([Problem(str(path), 1, 1, "this is not a regular file")])
        with path.open("rb") as file:
            raw = file.read(LIMIT_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "cannot be read"
        raise Unreadable([Problem(str(path), 1, 1, f"cannot read the file: {why.lower()}")]) from error
    return parse(raw, str(path))


def parse(raw: bytes, file: str) -> Document:
    """The document in these bytes; `file` names them in problems."""
    if len(raw) > LIMIT_BYTES:
        raise Unreadable([Problem(file, 1, 1, f"the file is larger than {LIMIT_BYTES // 1024} KiB")])
    try:
        text = raw.decode("utf-8")
        _refuse_traps(text, file)
        yaml = YAML(typ="rt", pure=True)
        yaml.Constructor = _Constructor
        loaded = yaml.load(text)
    except UnicodeDecodeError as error:
        raise Unreadable([Problem(file, 1, 1, f"the file is not UTF-8 (byte {error.start})")]) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = str(error.problem or "not YAML").splitlines()[0]
        raise Unreadable([Problem(file, line, column, f"not valid YAML 1.2: {what}")]) from error
    except (YAMLError, ValueError, RecursionError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise Unreadable([Problem(file, 1, 1, f"not valid YAML 1.2: {first}")]) from error
    marks: dict[Place, tuple[int, int]] = {(): (1, 1)}
    value = _plain(loaded, (), marks, file)
    return Document(file, value, marks, dict(_texts(loaded, (), text.splitlines())))


def _texts(value: object, place: Place, lines: Sequence[str]) -> Iterator[tuple[Place, tuple[int, int]]]:
    """Texts of mappings that can be found again in their line as they stand."""
    if isinstance(value, Mapping):
        positions = getattr(value, "lc", None)
        for key, item in value.items():
            if isinstance(item, str) and positions is not None:
                line, column = positions.value(key)
                begin = lines[line].find(str(item), column) if item and line < len(lines) else -1
                if begin in (column, column + 1):
                    yield (*place, str(key)), (line + 1, begin + 1)
            yield from _texts(item, (*place, str(key)), lines)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, item in enumerate(value):
            yield from _texts(item, (*place, index), lines)


def validate(document: Document, model: type[Parsed], context: Mapping[str, object] | None = None) -> Parsed:
    """The document as a model; raises `Unreadable` with all problems, each at its line."""
    try:
        return model.model_validate(document.value, context=dict(context or {}))
    except ValidationError as error:
        raise Unreadable([_told(document, model, dict(item)) for item in error.errors()]) from error


class _Constructor(RoundTripConstructor):
    """Dates stay the text that they were written as."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", RoundTripConstructor.construct_yaml_str)

_ODD = re.compile(r"[-+]?(0[xob]\w+|0[0-9]+|[0-9]+_[0-9_]*|\.(inf|Inf|INF)|[0-9]{18,})$|\.(nan|NaN|NAN)$")
"""Other bases, leading zeros, underscores, no numbers, numbers beyond 64 bits."""


def _refuse_traps(text: str, file: str) -> None:
    depth = 0
    for event in YAML(typ="rt", pure=True).parse(text):
        mark = event.start_mark
        trap = _trap(event)
        depth += isinstance(event, MappingStartEvent | SequenceStartEvent)
        depth -= type(event).__name__ in {"MappingEndEvent", "SequenceEndEvent"}
        if depth > LIMIT_DEPTH:
            trap = f"nesting deeper than {LIMIT_DEPTH} levels"
        if trap:
            raise Unreadable([Problem(file, mark.line + 1, mark.column + 1, f"{trap}: not allowed here")])


def _trap(event: object) -> str | None:
    if isinstance(event, AliasEvent):
        return f"alias *{event.anchor}"
    if isinstance(event, NodeEvent) and event.anchor:
        return f"anchor &{event.anchor}"
    if isinstance(event, ScalarEvent) and not event.style and (odd := _ODD.match(event.value)) is not None:
        return f"the number {odd[0][:40]} is read differently by different readers; write it plainly, or in quotes,"
    tagged = isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent)
    tag = str(getattr(event, "ctag", None)) if tagged else "None"
    return f"tag {tag}" if tag not in {"!", "None"} else None


def _plain(value: object, place: Place, marks: dict[Place, tuple[int, int]], file: str) -> JsonValue:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, Mapping):
        return {key: _plain(item, (*place, key), marks, file) for key, item in _entries(value, place, marks, file)}
    if isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise Unreadable([Problem(file, *_position(place, marks), "half a surrogate pair is no text")])
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise Unreadable([Problem(file, *_position(place, marks), "this number is too large")])
    if isinstance(value, Sequence):
        positions = getattr(value, "lc", None)
        out: list[JsonValue] = []
        for index, item in enumerate(value):
            if positions is not None:
                line, column = positions.item(index)
                marks[(*place, index)] = (line + 1, column + 1)
            out.append(_plain(item, (*place, index), marks, file))
        return out
    return int(value) if isinstance(value, int) else float(value) if isinstance(value, float) else str(value)


def _entries(
    value: Mapping[object, object], place: Place, marks: dict[Place, tuple[int, int]], file: str
) -> Iterator[tuple[str, object]]:
    positions = getattr(value, "lc", None)
    for key, item in value.items():
        line, column = positions.key(key) if positions is not None else (0, 0)
        if not isinstance(key, str):
            raise Unreadable([Problem(file, line + 1, column + 1, f"the key {key!r} is not text; put it in quotes")])
        marks[(*place, str(key))] = (line + 1, column + 1)
        yield str(key), item


_HINTS = {"string_type": "; put it in quotes", "bool_type": ": write true or false"}


def _told(document: Document, model: type[BaseModel], item: dict[str, object]) -> Problem:
    loc = item.get("loc", ())
    parts = [part for part in loc if isinstance(part, str | int)] if isinstance(loc, tuple) else []
    place: Place = tuple(part for part in parts if not str(part).startswith("~"))  # a tag of a union is no place
    where = ".".join(str(part) for part in place) or "the document"
    kind, last = item.get("type"), place[-1] if place else ""
    text = str(item.get("msg", "")).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        near = nearest(str(last), _fields_at(model, place[:-1]))
        hint = f"; did you mean {near!r}?" if near else ""
        return document.problem(place, f"unknown field {last!r} in {where.rpartition('.')[0] or 'the document'}{hint}")
    if kind == "missing":
        return document.problem(place[:-1], f"{where} is missing")
    hint = _HINTS.get(str(kind), "")
    return document.problem(place, f"{where}: {text[:1].lower()}{text[1:]}{hint}")


def _fields_at(model: type[BaseModel], place: Place) -> list[str]:
    current = [model]
    for part in place:
        if isinstance(part, str):
            inner = [found.annotation for one in current if (found := _field(one, part)) is not None]
            current = [one for annotation in inner for one in _models_in(annotation)]
    return [entry.alias or name for one in current for name, entry in one.model_fields.items()]


def _field(model: type[BaseModel], word: str) -> FieldInfo | None:
    return next((entry for name, entry in model.model_fields.items() if word in (name, entry.alias)), None)


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for argument in getattr(annotation, "__args__", ()) for found in _models_in(argument)]


def nearest(word: str, known: Sequence[str]) -> str | None:
    """The known word that was probably meant."""
    found = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return found[0] if found else None
