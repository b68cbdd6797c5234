"""`x.test.yaml`: what happens in a small estate, and which decisions and runs must come of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue, model_validator

from engine import documents
from engine.documents import Document
from engine.model.durations import Duration, seconds
from engine.model.event import Severity
from engine.model.pattern import Part
from engine.model.run import Outcome


class Vm(Part):
    """A VM of the scenario's estate."""

    name: str
    on: Literal["shared", "local"] = "shared"
    """Where its files are: on a datastore that all hosts see, or on its host's own disk."""
    power: Literal["on", "off"] = "on"
    cpu_mhz: int = Field(default=1000, ge=0)
    memory_mb: int = Field(default=4096, gt=0)
    ha: bool = False
    """Whether vSphere HA protects it."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value


class Host(Part):
    """A host of the scenario's estate: the blade in the slot of its place in the list."""

    group: str | None = None
    """Another group than the estate's."""
    vms: tuple[Vm, ...] = ()
    maintenance: bool = False
    connected: bool = True
    ha: bool = False
    cpu_mhz: int = Field(default=20000, gt=0)
    cpu_used_mhz: int = Field(default=2500, ge=0)
    memory_mb: int = Field(default=65536, gt=0)


class Place(Part):
    """The scenario's estate: hosts of one group on one chassis, one shared datastore `san1`."""

    group: str = "esx"
    category: str = "tutorial"
    hosts: dict[str, Host] = Field(min_length=1, max_length=200)


TUTORIAL = Place.model_validate({"hosts": {"esx1": {"vms": ["VM-01", "VM-02"]}, "esx2": {"vms": ["VM-03"]}}})
"""The estate of a scenario that states none."""
LIMIT_INPUTS = 100_000


class Input(Part):
    """One event, or the same event at a steady pace. Short form: `2s host:esx1 host.unreachable planned=true`.

    `0s-70s/5s host:esx1 host.load cpu_percent=92` repeats it from 0s to 70s every 5s.
    """

    at: Duration
    to: Duration | None = None
    every: Duration | None = None
    type: str
    about: str
    severity: Severity = Severity.WARNING
    data: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_line(cls, value: object) -> object:
        return _line(value) if isinstance(value, str) else value

    def times(self) -> tuple[float, ...]:
        """Seconds at which it comes. Raises `ValueError` for more than 100,000."""
        if self.to is None or self.every is None:
            return (self.at,)
        count = int((self.to - self.at) // self.every) + 1 if self.every > 0 else LIMIT_INPUTS + 1
        if count > LIMIT_INPUTS:
            msg = f"{self.type} about {self.about} comes more than {LIMIT_INPUTS} times"
            raise ValueError(msg)
        return tuple(self.at + number * self.every for number in range(max(0, count)))


def _line(text: str) -> dict[str, object]:
    words = text.split()
    if len(words) < 3:
        msg = f"{text!r} is no input; write for example `2s host:esx1 host.unreachable planned=true`"
        raise ValueError(msg)
    when, about, kind, *fields = words
    span, _, every = when.partition("/")
    begin, _, end = span.partition("-")
    found: dict[str, object] = {"at": begin, "about": about, "type": kind, "data": dict(map(_pair, fields))}
    if end or every:
        for word in (end or "to", every or "every"):
            seconds(word)
        found |= {"to": end, "every": every}
    data = found["data"]
    if isinstance(data, dict) and "severity" in data:
        found["severity"] = data.pop("severity")
    return found


def _pair(text: str) -> tuple[str, JsonValue]:
    name, equals, value = text.partition("=")
    if not equals:
        msg = f"{text!r} is no field; write name=value"
        raise ValueError(msg)
    if value in ("true", "false"):
        return name, value == "true"
    for number in (int, float):
        try:
            return name, number(value)
        except ValueError:
            continue
    return name, value


class Expected(Part):
    """One decision that must come, and what its run does."""

    at: Duration
    decision: Literal["act", "hold", "ignore"]
    about: str | None = None
    why: str | None = None
    """Code of the deciding reason."""
    does: tuple[str, ...] | None = None
    """Verbs of the commands, in order."""
    steps: dict[str, Outcome] | None = None
    """How each step of the run ended."""
    outcome: Outcome | None = None


class Scenario(Part):
    """What happens, and what must come of it; `expect: []` says that nothing may."""

    name: str
    estate: Place | None = None
    """Instead of the file's own."""
    inputs: tuple[Input, ...] = Field(default=(), max_length=1000)
    sees: dict[Literal["vcenter", "bmc", "probe"], Literal["down", "up"]] = Field(default_factory=dict)
    """What a look at a matched host shows just before a decision."""
    blind: str | None = None
    """Why Toban does not trust its own sight."""
    stop: str | None = None
    """Why the stop switch is set."""
    fails: dict[str, str] = Field(default_factory=dict)
    """Step id -> why its commands fail."""
    runs_take: Duration = 0.0
    until: Duration
    expect: tuple[Expected, ...]


class Scenarios(Part):
    """One file."""

    apiVersion: Literal["toban/v1"]  # noqa: N815  the file's own word
    kind: Literal["Scenarios"]
    policy: str
    estate: Place = TUTORIAL
    scenarios: tuple[Scenario, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    """A file of scenarios, and where each stands in it."""

    path: Path
    content: Scenarios
    lines: Mapping[int, int]


def read(path: Path) -> ScenarioFile:
    """Raises `Unreadable` with file, line and column."""
    document: Document = documents.read(path)
    content = documents.validate(document, Scenarios)
    lines = {index: document.position(("scenarios", index))[0] for index in range(len(content.scenarios))}
    return ScenarioFile(path, content, lines)
