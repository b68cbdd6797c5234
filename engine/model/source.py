"""How one source of events stands: when it was heard, what was lost of it, and whether it may be relied on."""

from collections.abc import Mapping

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class Source(BaseModel):
    """One source at one moment; numbers count since the start of the process that hears it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """`traps`, `vcenter:NAME`, `schedule`, `clock`, `webhook:CLIENT`, `probe`, `bmc`, `redfish:CHASSIS/SLOT`."""
    age: float | None = None
    """Seconds since it was last heard; None: not yet."""
    blind: str | None = None
    """Why it is no witness now (safety rule S3), or None."""
    note: str | None = None
    """What a person should know of it although it is a witness: the last thing that it could not make good."""
    since: AwareDatetime | None = None
    """Since when it is blind."""
    beat: float | None = None
    """Seconds since the part that hears it last proved that it can hear; None: only what it hears proves that."""
    gaps: int = 0
    """Numbers that a counting sender used and nobody heard."""
    drops: Mapping[str, int] = Field(default_factory=dict)
    """What arrived and became no event, by reason; duplicates are no loss."""
