"""The form of a trap map file: which trap is which event, and which varbind says what."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

OID_PATTERN = r"^[0-2](\.[0-9]+)+$"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class About(_Part):
    """Which varbind (by name) says what about the part that a trap speaks of."""

    whose: Literal["chassis", "server", "vm", "host"] = "chassis"
    """What kind of thing speaks: a chassis about itself or a slot; a server or its BMC about itself; a VM or host that
    is named by a varbind."""
    slot: str | None = None
    slot_after: str = ""
    """The slot's number comes after this word; a part that is called otherwise belongs to the chassis."""
    chassis_serial: str | None = None
    chassis_name: str | None = None
    part: str | None = None
    serial: str | None = None
    name: str | None = None
    vm: str | None = None
    host: str | None = None
    code: str | None = None
    text: str | None = None
    sequence: str | None = None
    """The vendor's running number; 0 and -1 mean none."""


class State(_Part):
    """The varbind whose value chooses the type, for traps that raise and clear under one OID."""

    varbind: str
    values: dict[int | str, str]
    absent: str | None = None
    """The type of a trap that leaves this varbind out."""


class Words(_Part):
    """What a trap means, for people."""

    en: str = Field(min_length=1, max_length=200)
    ja: str = Field(min_length=1, max_length=200)


class Entry(_Part):
    """One trap."""

    name: str
    vendor_severity: str
    type: str | None = None
    state: State | None = None
    """Instead of `type`; a value that is not listed gives no event."""
    about: str | None = None
    text: Words | None = None
    """Said with the event where the trap brings no text of its own."""
    same: tuple[str, ...] = Field(default=(), max_length=16)
    """Varbinds that two of it must have in common to be one; empty: all, but for clocks. For traps that carry a time or
    a counter of their own."""
    cleared_by: str | None = Field(default=None, pattern=OID_PATTERN)
    note: str | None = None


class Specific(_Part):
    """One PET specific number."""

    type: str
    vendor_severity: str
    name: str


class PetVendor(_Part):
    """A manufacturer's own reading of specific numbers."""

    name: str
    specifics: dict[int, Specific] = Field(default_factory=dict)


class Levels(_Part):
    """Types for the three levels of a sensor; None: no such type."""

    ok: str | None
    warning: str | None
    critical: str | None


class Presence(_Part):
    """Types for there and not there."""

    present: str
    absent: str


class Redundancy(_Part):
    """Types for full and any less."""

    full: str
    lost: str


class Sensor(_Part):
    """The rules for one IPMI sensor type."""

    part: str
    levels: Levels | None = None
    presence: Presence | None = None
    redundancy: Redundancy | None = None
    offsets: dict[int, tuple[str | None, str | None]] = Field(default_factory=dict)


class PetTable(_Part):
    """How Platform Event Traps are read."""

    enterprise: str = Field(pattern=OID_PATTERN)
    specifics: dict[int, Specific]
    vendors: dict[int, PetVendor]
    sensors: dict[int, Sensor]


class TrapMap(_Part):
    """One file: a vendor's traps."""

    vendor: str
    title: str
    varbinds: dict[str, str] = Field(default_factory=dict)
    """Column OIDs by name."""
    about: dict[str, About] = Field(default_factory=dict)
    traps: dict[str, Entry] = Field(default_factory=dict)
    pet: PetTable | None = None
