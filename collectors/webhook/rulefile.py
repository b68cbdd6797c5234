"""The form of a map for messages from outside: which alert or CloudEvent is which event, and about what."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Word = Literal["host", "vm", "machine", "chassis", "datastore", "group", "cluster"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class About(_Part):
    """The label that names the object."""

    kind: Word
    label: str
    strip: str = ""
    """An ending that the label's value carries and the estate's name does not: `.example.net`, `:9100`."""
    address: bool = False
    """The value is the address of a BMC or chassis manager, with or without a port, not a name."""


class Entry(_Part):
    """One kind of message."""

    match: dict[str, str] = Field(min_length=1)
    """Labels (attributes of a CloudEvent) that must have these values; `*` at the end stands for any ending."""
    type: str
    resolved: str | None = None
    """The type when it is over; left out: the catalogue's recovery of `type`, else `alert.resolved`."""
    about: tuple[About, ...] = ()
    """The first that names something the estate knows; none: the object that the message's own labels name."""


class RuleFile(_Part):
    """One file."""

    title: str
    alerts: tuple[Entry, ...] = ()
    cloudevents: tuple[Entry, ...] = ()
