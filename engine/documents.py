"""YAML 1.2 documents with positions: what a person wrote, and the line and column where it stands.

Refused before anything is built: aliases, anchors, tags, duplicate keys, more than 256 KiB, nesting deeper than 20, and
numbers that YAML 1.1, YAML 1.2 and people read differently.
"""

import difflib
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic.fields import FieldInfo
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from engine import composing
from engine.composing import Trap
from engine.model.errors import ConfigurationError
from engine.written import Written

LIMIT_BYTES = 256 * 1024
LIMIT_PROBLEMS = 50
LIMIT_MESSAGE = 400

Place: TypeAlias = composing.Place
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
    written: Mapping[Place, Written] = field(default_factory=dict)

    def inside(self, place: Place, column: int | None) -> tuple[int, int]:
        """Line and column of a column (from 1) of the text at a place; None: of the place itself."""
        found = self.written.get(place)
        return self.position(place) if found is None or column is None else found.at(column)

    def position(self, place: Place) -> tuple[int, int]:
        """Line and column of a place, or of its nearest ancestor that was written down."""
        while place and place not in self.marks:
            place = place[:-1]
        return self.marks.get(place, (1, 1))

    def problem(self, place: Place, message: str) -> Problem:
        """A problem at a place."""
        line, column = self.position(place)
        return Problem(self.file, line, column, shortened(message), place)


def shortened(message: str) -> str:
    """One line of bounded length, whatever the file quoted in it contains."""
    line = "".join(c if c.isprintable() else "?" for c in message[: LIMIT_MESSAGE + 1])
    return line if len(line) <= LIMIT_MESSAGE else f"{line[:LIMIT_MESSAGE]}..."


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
        composed = composing.compose(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Unreadable([Problem(file, 1, 1, f"the file is not UTF-8 (byte {error.start})")]) from error
    except Trap as error:
        raise Unreadable([Problem(file, error.line, error.column, shortened(str(error)))]) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = str(error.problem or "not YAML").splitlines()[0]
        raise Unreadable([Problem(file, line, column, shortened(f"not valid YAML 1.2: {what}"))]) from error
    except (YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        # the library raises these, too, on some broken inputs
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise Unreadable([Problem(file, 1, 1, shortened(f"not valid YAML 1.2: {first}"))]) from error
    return Document(file, composed.value, composed.marks, composed.written)


def validate(document: Document, model: type[Parsed], context: Mapping[str, object] | None = None) -> Parsed:
    """The document as a model; raises `Unreadable` with all problems, each at its line."""
    try:
        return model.model_validate(document.value, context=dict(context or {}))
    except ValidationError as error:
        items = error.errors(include_context=False, include_input=False, include_url=False)[:LIMIT_PROBLEMS]
        raise Unreadable([_told(document, model, dict(item)) for item in items]) from error


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
    found = difflib.get_close_matches(word[:100], known, n=1, cutoff=0.6)
    return found[0] if found else None
