"""Event: something that happened, as a CloudEvents 1.0 envelope in our words."""

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue


class Severity(StrEnum):
    """How bad; the catalogue's word counts, the vendor's stays in `data.vendor_severity`."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
    FATAL = "fatal"


class Event(BaseModel):
    """One occurrence about one object. The id is a content hash: the same occurrence read twice is the same event."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
    type: str = Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$", max_length=64)
    """From the catalogue, e.g. `host.unreachable`."""
    source: str = Field(min_length=1, max_length=256)
    """The collector instance, e.g. `snmp/127.0.0.1`, `vcenter/vc1`."""
    subject: str = Field(min_length=1, max_length=256)
    """Object id, e.g. `machine:chassis1/1`."""
    time: AwareDatetime
    """When it happened, as the sender says; never the engine's clock."""
    severity: Severity = Severity.INFO
    data: dict[str, JsonValue] = Field(default_factory=dict)
    """The normalised fields of the catalogue, plus the original under `raw`."""
    correlationid: str | None = None
    """One story: the id of the first event that led here."""
    causationid: str | None = None
    """Id of the event, decision or run that directly led to this one; None for a first cause."""
    synthetic: bool = False
    """Injected by a tester or a drill."""


class Arrival(BaseModel):
    """An event as the bus delivered it."""

    model_config = ConfigDict(frozen=True)

    event: Event
    sequence: int
    """Position in its stream: order is total within a stream."""
    stored_at: AwareDatetime
    """When the broker stored it: the engine's clock for this event (event.time may lie)."""
