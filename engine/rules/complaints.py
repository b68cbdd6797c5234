"""A finding about a policy, by place instead of line, and how it is worded."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from engine.documents import Place, nearest
from engine.model.catalogue import FieldType
from engine.rules import conditions, expressions, sanitising, satisfying
from engine.rules.expressions import Node
from engine.rules.literals import Unusable

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Complaint:
    """A finding, still by place instead of line."""

    code: str
    severity: Severity
    place: Place
    message: str
    column: int | None = None
    """Of a finding inside a text, such as a condition: which character, counted from 1."""


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """`unknown event type 'host.unreachabel'; did you mean 'host.unreachable'?`."""
    near = nearest(word, sorted(known))
    return f"unknown {what} {word!r}" + (f"; did you mean {near!r}?" if near else "")


def expression(text: str, known: Mapping[str, FieldType], place: Place) -> Iterator[Complaint]:
    """What is wrong with a condition."""
    try:
        node = expressions.parse(text)
        conditions.check(node, known)
    except Unusable as error:
        yield Complaint("P020", "error", place, str(error), error.column)
    else:
        yield from _sense(node, place)


def _sense(node: Node, place: Place) -> Iterator[Complaint]:
    """Conditions that say nothing, and texts that no event can have."""
    for text in expressions.compared_texts(node):
        if sanitising.safe(str(text.value)) != text.value:
            message = (
                "events are read as printable text of at most 256 bytes without quotes and backslashes: never equal"
            )
            yield Complaint("P023", "warning", place, message, text.column)
    if satisfying.never(node):
        yield Complaint("P021", "warning", place, "this can never hold")
    elif satisfying.always(node):
        yield Complaint("P022", "warning", place, "this always holds; leave it out")
