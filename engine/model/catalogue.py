"""The catalogue: every event type with its words, severity, recovery pair, witness class and fields. Data, not code."""

from enum import StrEnum
from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict, Field
from ruamel.yaml import YAML

from engine.model.event import Severity
from engine.model.ids import Kind


class FieldType(StrEnum):
    """Type of a field in `data`."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


class Tells(StrEnum):
    """What an event says about its host's life, as a witness."""

    DOWN = "down"
    UP = "up"


class EventType(BaseModel):
    """One entry of the catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    en: str
    ja: str
    kind: Kind
    severity: Severity = Severity.INFO
    recovery: str | None = None
    """The type that closes this condition; None: a fact that does not stay open."""
    witness: str | None = None
    """Observation class (safety rule S1): vcenter, chassis, probe, bmc."""
    tells: Tells | None = None
    fields: dict[str, FieldType] = Field(default_factory=dict)


class Catalogue(BaseModel):
    """All event types by name."""

    model_config = ConfigDict(frozen=True)

    types: dict[str, EventType]

    def get(self, name: str) -> EventType | None:
        """The entry, or None for an unknown type."""
        return self.types.get(name)

    def recoveries_of(self, name: str) -> frozenset[str]:
        """Types that close a condition of this type."""
        entry = self.types.get(name)
        return frozenset([entry.recovery]) if entry and entry.recovery else frozenset()


@cache
def shipped() -> Catalogue:
    """The catalogue that ships with Toban (`engine/model/catalogue.yaml`)."""
    text = resources.files("engine.model").joinpath("catalogue.yaml").read_text(encoding="utf-8")
    entries = YAML(typ="safe", pure=True).load(text)
    types = {name: EventType(type=name, **fields) for name, fields in entries.items()}
    for entry in types.values():
        if entry.recovery is not None and entry.recovery not in types:
            msg = f"catalogue: {entry.type} names the unknown recovery {entry.recovery}"
            raise ValueError(msg)
    return Catalogue(types=types)
