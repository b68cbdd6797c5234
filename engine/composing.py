"""YAML text -> plain values with their positions, straight from the parser's events; nothing is constructed."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pydantic import JsonValue
from ruamel.yaml import YAML
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from engine import written
from engine.written import Written

LIMIT_DEPTH = 20
LIMIT_VALUES = 50_000
Place: TypeAlias = tuple[str | int, ...]


class Trap(ValueError):
    """Something that no file needs, and where it stands; line and column count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        """One sentence."""
        super().__init__(message)
        self.line, self.column = line, column


@dataclass(frozen=True, slots=True)
class Composed:
    """Values, and where each was written: a key's mark stands for its value."""

    value: JsonValue
    marks: dict[Place, tuple[int, int]]
    written: dict[Place, Written]


@dataclass(slots=True)
class _Level:
    place: Place
    value: dict[str, JsonValue] | list[JsonValue]
    key: str | None = None


@dataclass(slots=True)
class _Composer:
    text: str
    value: JsonValue = None
    documents: int = 0
    count: int = 0
    levels: list[_Level] = field(default_factory=list)
    marks: dict[Place, tuple[int, int]] = field(default_factory=lambda: {(): (1, 1)})
    written: dict[Place, Written] = field(default_factory=dict)

    def take(self, event: Any) -> None:
        if isinstance(event, DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise _trap(event, "not valid YAML 1.2: a second document; one file holds one")
            if event.version is not None and tuple(event.version) != (1, 2):
                raise _trap(event, "a %YAML directive: files are read as YAML 1.2")
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self.levels.pop()
        elif isinstance(event, NodeEvent):
            self._node(event)

    def _node(self, event: Any) -> None:
        _refuse(event)
        self.count += 1
        if self.count > LIMIT_VALUES:
            raise _trap(event, f"more than {LIMIT_VALUES} values in one file")
        level = self.levels[-1] if self.levels else None
        if level is not None and isinstance(level.value, dict) and level.key is None:
            self._key(event, level)
            return
        place = self._place(level)
        if not (level is not None and isinstance(level.value, dict)):
            self.marks[place] = (event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, ScalarEvent):
            self.written[place] = self._written(event)
            plain = not event.style
            self._put(level, self._meaning(event) if plain else self._text(event.value, place))
            return
        inner: dict[str, JsonValue] | list[JsonValue] = {} if isinstance(event, MappingStartEvent) else []
        self._put(level, inner)
        self.levels.append(_Level(place, inner))
        if len(self.levels) > LIMIT_DEPTH:
            raise _trap(event, f"nesting deeper than {LIMIT_DEPTH} levels: not allowed here")

    def _meaning(self, event: Any) -> JsonValue:
        try:
            return written.meaning(event.value)
        except ValueError as error:
            raise _trap(event, str(error)) from error

    def _text(self, text: str, place: Place) -> str:
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            line, column = self.marks[place]
            raise Trap("half a surrogate pair is no text", line, column)
        return text

    def _key(self, event: Any, level: _Level) -> None:
        if not isinstance(event, ScalarEvent):
            raise _trap(event, "a key is a list or a mapping; write a word")
        if event.value in level.value:
            raise _trap(event, f"not valid YAML 1.2: found duplicate key {event.value[:80]!r}")
        self._text(event.value, level.place)
        level.key = event.value
        self.marks[(*level.place, event.value)] = (event.start_mark.line + 1, event.start_mark.column + 1)

    def _place(self, level: _Level | None) -> Place:
        if level is None:
            return ()
        if isinstance(level.value, list):
            return (*level.place, len(level.value))
        return (*level.place, str(level.key))

    def _put(self, level: _Level | None, value: JsonValue) -> None:
        if level is None:
            self.value = value
        elif isinstance(level.value, list):
            level.value.append(value)
        else:
            level.value[str(level.key)] = value
            level.key = None

    def _written(self, event: Any) -> Written:
        begin, end = event.start_mark, event.end_mark
        return Written(event.value, self.text[begin.index : end.index], begin.line + 1, begin.column + 1)


def compose(text: str) -> Composed:
    """The one document of a text; raises `Trap`, and what the YAML library raises for what is no YAML."""
    composer = _Composer(text)
    # not "rt": that one marks folds inside the text
    for event in YAML(typ="safe", pure=True).parse(text):
        composer.take(event)
    return Composed(composer.value, composer.marks, composer.written)


def _refuse(event: Any) -> None:
    if isinstance(event, AliasEvent):
        raise _trap(event, f"alias *{event.anchor}: not allowed here")
    if event.anchor:
        raise _trap(event, f"anchor &{event.anchor}: not allowed here")
    tagged = isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent)
    tag = str(getattr(event, "ctag", None)) if tagged else "None"
    if tag not in {"!", "None"}:
        raise _trap(event, f"tag {tag}: not allowed here")


def _trap(event: Any, message: str) -> Trap:
    return Trap(message, event.start_mark.line + 1, event.start_mark.column + 1)
