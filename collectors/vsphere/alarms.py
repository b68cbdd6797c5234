"""Alarms of a vCenter by name and colour; pure but for the colours that it remembers.

Names are a site's own text: they can be renamed and translated, so a site may name its own (`collect.alarms`). Only a
turn to green is a recovery; gray is unknown (vCenter events, pitfall 10).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
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


@dataclass(frozen=True, slots=True)
class Turn:
    """The last that was told of one alarm on one object."""

    name: str
    about: str
    """Object id; several objects of a vCenter may have the same."""
    colour: str
    at: datetime
    """When it turned, by vCenter's clock."""
    entity: str = ""
    """`HostSystem:host-12`; empty where it is not known."""
    alarm: str = ""
    """Reference; empty where it is not known."""
    shown: str = ""
    """Id of the event that told it, where that was made from what vCenter shows."""


@dataclass(slots=True)
class Colours:
    """The last colour of each alarm on each object."""

    alarms: Alarms
    """By name; capitals do not count."""
    known: dict[tuple[str, str], Turn] = field(default_factory=dict)
    """By entity, where that is not known by object id, and alarm."""
    fresh: bool = False
    """Something changed since it was last written down."""

    def __post_init__(self) -> None:
        """Names are compared without capitals."""
        self.alarms = {name.casefold(): alarm for name, alarm in self.alarms.items()}

    def last(self, turn: Turn) -> Turn | None:
        """What was told last of the alarm and the object of this turn."""
        name = turn.name.casefold()
        return self.known.get((turn.entity, name)) or self.known.get((turn.about, name))

    def learn(self, turn: Turn) -> None:
        """Something that was told once; what is known of a later moment stands."""
        known = self.last(turn)
        if known is None or known.at <= turn.at:
            self._put(turn)

    def adopt(self, known: Turn, turn: Turn) -> None:
        """From now on it is known by the references of this turn."""
        if not known.entity:
            self._put(replace(known, entity=turn.entity, alarm=turn.alarm))

    def forget(self, key: tuple[str, str]) -> None:
        """The alarm or its object is gone."""
        self.fresh = self.known.pop(key, None) is not None or self.fresh

    def raised(self) -> dict[tuple[str, str], Turn]:
        """What was told to be yellow or red and not to be over."""
        return {key: turn for key, turn in self.known.items() if turn.colour in RAISED}

    def meaning(self, part: str, turn: Turn) -> str:
        """The type for this turn; `part`: host, vm, ds or another kind of object."""
        self._put(turn)
        alarm = self.alarms.get(turn.name.casefold())
        if alarm is None or alarm.entity != part:
            return CHANGED
        if turn.colour == "green" and self._still_raised(turn.about, alarm):
            return CHANGED
        return alarm.type_of(turn.colour) or CHANGED

    def _put(self, turn: Turn) -> None:
        name, self.fresh = turn.name.casefold(), True
        for key in ((turn.entity, name), (turn.about, name)):
            self.known.pop(key, None)
        self.known[turn.entity or turn.about, name] = turn
        if len(self.known) > MOST:
            del self.known[next(iter(self.known))]

    def _still_raised(self, about: str, cleared: Alarm) -> bool:
        return any(
            turn.about == about and name in self.alarms and self.alarms[name].green == cleared.green
            for (_, name), turn in self.raised().items()
        )
