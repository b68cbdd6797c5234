"""Alarms of a vCenter by name and colour; pure but for the colours that it remembers.

Names are a site's own text: they can be renamed and translated, so a site may name its own (`collect.alarms`). Only a
turn to green is a recovery; gray is unknown (vCenter events, pitfall 10).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources

from pydantic import BaseModel, ConfigDict, TypeAdapter
from ruamel.yaml import YAML

from engine.model.event import Severity

CHANGED = "vcenter.alarm.changed"
SEVERITIES = {"red": Severity.CRITICAL, "yellow": Severity.WARNING}
RAISED = ("yellow", "red")
MOST = 10_000
"""Alarms on objects whose colour is remembered; the one that changed first makes room."""


class Alarm(BaseModel):
    """What an alarm means, by colour; a colour without a type stays `vcenter.alarm.changed`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entity: str
    """host, vm or ds: the kind of object that it must be about."""
    red: str | None = None
    yellow: str | None = None
    green: str | None = None
    """Told once no other alarm of this meaning is raised on the object."""

    def type_of(self, colour: str) -> str | None:
        """The event type of a colour."""
        return {"red": self.red, "yellow": self.yellow, "green": self.green}.get(colour)


Alarms = Mapping[str, Alarm]


def shipped() -> dict[str, Alarm]:
    """VCenter's own alarms about hardware, by their English names."""
    text = resources.files("collectors.vsphere").joinpath("alarms.yaml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, Alarm]).validate_python(YAML(typ="safe", pure=True).load(text))


@dataclass(slots=True)
class Colours:
    """The last colour of each alarm on each object."""

    alarms: Alarms
    """By name; capitals do not count."""
    known: dict[tuple[str, str], str] = field(default_factory=dict)
    """By object and alarm."""

    def __post_init__(self) -> None:
        """Names are compared without capitals."""
        self.alarms = {name.casefold(): alarm for name, alarm in self.alarms.items()}

    def meaning(self, about: str, part: str, name: str, colour: str) -> str:
        """The type for this turn; `part`: host, vm, ds or another kind of object."""
        name = name.casefold()
        self.known.pop((about, name), None)
        self.known[about, name] = colour
        if len(self.known) > MOST:
            del self.known[next(iter(self.known))]
        alarm = self.alarms.get(name)
        if alarm is None or alarm.entity != part:
            return CHANGED
        if colour == "green" and self._still_raised(about, alarm):
            return CHANGED
        return alarm.type_of(colour) or CHANGED

    def _still_raised(self, about: str, cleared: Alarm) -> bool:
        return any(
            subject == about and colour in RAISED and name in self.alarms and self.alarms[name].green == cleared.green
            for (subject, name), colour in self.known.items()
        )
