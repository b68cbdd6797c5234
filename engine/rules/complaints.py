"""A finding about a policy, by place instead of line, and how it is worded."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from engine.documents import Place, nearest
from engine.model.catalogue import FieldType
from engine.rules import conditions, expressions
from engine.rules.literals import Unusable


@dataclass(frozen=True, slots=True)
class Complaint:
    """A finding, still by place instead of line."""

    code: str
    severity: Literal["error", "warning", "info"]
    place: Place
    message: str
    column: int | None = None
    """Within the text that stands at the place, from 1."""


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """`unknown event type 'host.unreachabel'; did you mean 'host.unreachable'?`."""
    near = nearest(word, sorted(known))
    return f"unknown {what} {word!r}" + (f"; did you mean {near!r}?" if near else "")


def expression(text: str, known: Mapping[str, FieldType], place: Place) -> Iterator[Complaint]:
    """What is wrong with a condition."""
    try:
        conditions.check(expressions.parse(text), known)
    except Unusable as error:
        yield Complaint("P020", "error", place, f"{error} (column {error.column} of the condition)", error.column)
