"""One message that was posted, and how it is refused: frozen, before anybody has believed a word of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from engine.model.errors import Permanent
from engine.model.event import Event

LIMIT_BODY = 1024 * 1024
"""Octets of one message. Alertmanager's own bound is the number of alerts (`max_alerts`); 1 MiB holds about 1,000."""
LIMIT_EVENTS = 1000
"""Events in one message."""
LIMIT_TEXT = 256
LIMIT_RAW = 2048
"""Characters of the original that are kept in `data.raw`."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A message whose sender has proven who it is."""

    client: str
    """The name under which the settings know the sender."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    at: datetime
    """When it came, by our clock."""


class Refused(Permanent):
    """A message that is not taken; the status says who has to do something about it."""

    def __init__(self, status: HTTPStatus, reason: str, sentence: str) -> None:
        """`reason` is the word that it is counted under."""
        super().__init__(sentence)
        self.status, self.reason = status, reason


@dataclass(frozen=True, slots=True)
class Told:
    """One event that a message gives, and its running number where its sender counts."""

    event: Event
    counted: tuple[str, int] | None = None


Reading = Callable[[Posted], tuple[Told, ...]]
"""Pure: a message as events; raises Refused."""


def unreadable(sentence: str) -> Refused:
    """The sender's mistake: repeating it changes nothing."""
    return Refused(HTTPStatus.BAD_REQUEST, "unreadable", sentence)


def line(text: object) -> str:
    """Foreign text as one line for people, at most 256 characters."""
    shown = "".join(char if char.isprintable() else " " for char in str(text)[: 4 * LIMIT_TEXT])
    return shown.strip()[:LIMIT_TEXT]
