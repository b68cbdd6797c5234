"""`x.test.yaml`: what happens in a small estate, and which decisions and runs must come of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator, Field, JsonValue, model_validator

from engine import documents
from engine.documents import Document
from engine.model.durations import Duration, seconds
from engine.model.event import Severity
from engine.model.pattern import Part
from engine.model.policy import Mode
from engine.model.run import Outcome
from engine.rehearsing.places import TUTORIAL, Place

LIMIT_INPUTS = 100_000


class Bounds(Part):
    """The site's guard, where a scenario needs another than the safe default; shares are of 1."""

    fences: int | None = Field(default=None, ge=1)
    """Ungraceful acts of all policies within `fences_within`."""
    fences_within: Duration | None = None
    """The time that they are counted in."""
    cluster_share: float | None = Field(default=None, gt=0, le=1)
    """Share of a group's hosts within `cluster_within`."""
    cluster_within: Duration | None = None
    """The time that they are counted in."""
    mass_hosts: int | None = Field(default=None, ge=1)
    """So many hosts down within `mass_within` are a mass failure."""
    mass_share: float | None = Field(default=None, gt=0, le=1)
    """So large a share of a group, chassis or vCenter is one too."""
    mass_within: Duration | None = None
    """The time that they are counted in."""
    refence_after: Duration | None = None
    """Rest of a host after an ungraceful act."""
    flaps: int | None = Field(default=None, ge=2)
    """So often up or down, and a host goes into quarantine."""
    flaps_within: Duration | None = None
    """The time that this is counted in."""
    human: Duration | None = None
    """How long a person's act holds ours."""


class Input(Part):
    """One event, or the same event at a steady pace. Short form: `2s host:esx1 host.unreachable planned=true`.

    `0s-70s/5s host:esx1 host.load cpu_percent=92` repeats it from 0s to 70s every 5s.
    """

    at: Duration
    """When it comes, or comes first."""
    to: Duration | None = None
    """Until when it is repeated."""
    every: Duration | None = None
    """The pace of the repetition."""
    type: str
    """A type of the catalogue."""
    about: str
    """The object, such as `host:esx1`."""
    severity: Severity = Severity.WARNING
    """How bad its source says it is."""
    data: dict[str, JsonValue] = Field(default_factory=dict)
    """Its fields."""

    @model_validator(mode="before")
    @classmethod
    def _from_line(cls, value: object) -> object:
        return _line(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _countable(self) -> "Input":
        self.times()  # what it refuses is found at its line
        return self

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


class Answering(Part):
    """What a person says about the matches that wait for it then."""

    at: Duration
    """When it is said."""
    answer: Literal["yes", "no"]
    """What is said."""
    by: str = "a person"
    """Who says it."""
    why: str = ""
    """The reason that is recorded."""
    about: str | None = None
    """One object only."""


class Away(Part):
    """Toban is stopped for a while, and reads afterwards what happened."""

    since: Duration = Field(alias="from")
    """Nobody is on duty from then on."""
    to: Duration
    """Somebody is on duty again."""

    @model_validator(mode="after")
    def _forward(self) -> "Away":
        if self.to <= self.since:
            msg = "`to` lies behind `from`"
            raise ValueError(msg)
        return self


def _utc(value: object) -> object:
    """A time without a zone is UTC."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        msg = f"{value!r} is no time; write for example 2026-03-29T01:30:00+01:00"
        raise ValueError(msg) from error
    return found.replace(tzinfo=UTC) if isinstance(found, datetime) and found.tzinfo is None else found


class Expected(Part):
    """One decision that must come, and what its run does."""

    at: Duration
    """When it is decided."""
    decision: Literal["act", "hold", "ignore"]
    """What is decided."""
    about: str | None = None
    """The object; absent: whichever."""
    why: str | None = None
    """Code of the deciding reason."""
    does: tuple[str, ...] | None = None
    """The commands in order, each as its verb or as `vm.migrate vm:VM-01`."""
    steps: dict[str, Outcome] | None = None
    """How each step of the run ended."""
    outcome: Outcome | None = None
    """How the run ended."""


class Scenario(Part):
    """What happens, and what must come of it; `expect: []` says that nothing may."""

    name: str
    """What it shows, as a sentence."""
    estate: Place | None = None
    """Instead of the file's own."""
    mode: Mode | None = None
    """Instead of the file's own."""
    guard: Bounds | None = None
    """Instead of the file's own."""
    inputs: tuple[Input, ...] = Field(default=(), max_length=1000)
    """What happens, in the order of time."""
    sees: dict[Literal["vcenter", "bmc", "probe"], Literal["down", "up"]] = Field(default_factory=dict)
    """What a look at a matched host shows just before a decision."""
    blind: str | None = None
    """Why Toban does not trust its own sight."""
    stop: str | None = None
    """Why the stop switch is set."""
    starts: Annotated[AwareDatetime, BeforeValidator(_utc)] = datetime(2026, 1, 1, tzinfo=UTC)
    """What the clocks show at 0s, for windows; without a zone it is UTC."""
    approvals: tuple[Answering, ...] = Field(default=(), max_length=1000)
    """What people answer."""
    disarmed: str | None = None
    """Why the policy was taken out of service."""
    beside: tuple[str, ...] = Field(default=(), max_length=16)
    """Other policies of the folder that are followed too; only this one's decisions are compared."""
    fails: dict[str, str] = Field(default_factory=dict)
    """Step id, or step id and the number of one of its commands (`move.1`) -> why it fails."""
    away: Away | None = None
    """When nobody is on duty."""
    runs_take: Duration = 0.0
    """How long each run lasts."""
    until: Duration
    """When it ends."""
    expect: tuple[Expected, ...]
    """Every decision that is news, in order; nothing else may come."""


class Scenarios(Part):
    """One file."""

    apiVersion: Literal["toban/v1"]  # noqa: N815  the file's own word
    """The version of the language."""
    kind: Literal["Scenarios"]
    """What the file is."""
    policy: str
    """The name of the policy beside it."""
    estate: Place = TUTORIAL
    """What there is; absent: esx1 with VM-01 and VM-02, esx2 with VM-03."""
    mode: Mode | None = None
    """Play the policy as if it were written with this mode, so that one that observes can be tested fully."""
    guard: Bounds = Bounds()
    """The site's guard; absent: the safe defaults."""
    scenarios: tuple[Scenario, ...] = Field(min_length=1)
    """One after the other, each from the beginning."""

    @model_validator(mode="after")
    def _handed_down(self) -> "Scenarios":
        """What the file says for all its scenarios is written into each."""
        settled = tuple(
            one.model_copy(
                update={
                    "estate": one.estate or self.estate,
                    "mode": one.mode or self.mode,
                    "guard": one.guard or self.guard,
                }
            )
            for one in self.scenarios
        )
        return self.model_copy(update={"scenarios": settled})


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
