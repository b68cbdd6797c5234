"""Policy: one ECA rule as its author wrote it: when, witnesses, unless, do. Durations are seconds."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(value: object) -> object:
    """`45s`, `1m30s`, `500ms` as seconds; numbers are refused because their unit is unsaid."""
    if not isinstance(value, str):
        msg = "write a duration with its unit, such as 45s, 5m or 1h30m"
        raise ValueError(msg)  # noqa: TRY004  pydantic reports ValueError as a finding
    rest, total, seen = value.strip(), 0.0, False
    while rest:
        digits = len(rest) - len(rest.lstrip("0123456789."))
        number, rest = rest[:digits], rest[digits:]
        letters = len(rest) - len(rest.lstrip("smhd"))
        unit, rest = rest[:letters], rest[letters:]
        if unit not in _UNITS or not number or number.count(".") > 1 or number == ".":
            msg = f"{value!r} is not a duration; write for example 45s, 5m or 1h30m"
            raise ValueError(msg)
        total, seen = total + float(number) * _UNITS[unit], True
    if not seen or total > 31 * 86400:
        msg = f"{value!r} is not a duration between 0s and 31d"
        raise ValueError(msg)
    return total


Duration = Annotated[float, BeforeValidator(_seconds), Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Mode(StrEnum):
    """How far the policy may go on its own."""

    OBSERVE = "observe"
    RECOMMEND = "recommend"
    APPROVE = "approve"
    AUTOMATIC = "automatic"


class Late(StrEnum):
    """What a timer does that ends while nobody was on duty."""

    FIRE = "fire"
    SKIP = "skip"
    RECHECK = "recheck"


class Text(_Part):
    """A text for operators in both languages."""

    en: str = Field(min_length=1)
    ja: str = Field(min_length=1)


class Scope(_Part):
    """Which objects; an absent line means all."""

    category: str | None = None
    group: str | None = None
    model: str | None = None
    host: str | None = None


class EventPattern(_Part):
    """One event; with `for` it must hold that long without its recovery or `until`."""

    event: str
    condition: str | None = Field(default=None, alias="if")
    hold: Duration | None = Field(default=None, alias="for")
    until: str | None = None
    by: str = "subject"
    """What one state is kept per: `subject`, `host`, `machine`, `vm`, `chassis`, `group`."""


class MetricPattern(_Part):
    """A number that stays above or below its boundary for a while, until it is back past `clear`."""

    metric: str
    """`<event type>.<field>`, e.g. `host.load.cpu_percent`."""
    above: float | None = None
    below: float | None = None
    hold: Duration = Field(alias="for")
    clear: float | None = None
    by: str = "subject"

    @model_validator(mode="after")
    def _one_boundary(self) -> "MetricPattern":
        if (self.above is None) == (self.below is None):
            msg = "give exactly one of above and below"
            raise ValueError(msg)
        boundary = self.above if self.above is not None else self.below
        clear = self.clear if self.clear is not None else boundary
        if boundary is None or clear is None or (self.above is not None and clear > boundary):
            msg = "clear must not lie above the boundary"
            raise ValueError(msg)
        if self.below is not None and clear < boundary:
            msg = "clear must not lie below the boundary"
            raise ValueError(msg)
        return self


Pattern = EventPattern | MetricPattern


class Witnesses(_Part):
    """How many observation classes must agree before an ungraceful act (safety rule S1)."""

    need: int = Field(ge=1, le=5)
    of: tuple[Literal["vcenter", "chassis", "probe", "bmc"], ...] = Field(min_length=1)
    within: Duration


class After(StrEnum):
    """Which end of an earlier step lets this one run."""

    SUCCESS = "success"
    FAILED = "failed"
    COMPLETED = "completed"


class Step(_Part):
    """One action. Exactly one verb is given; `after` names the end of the step above, or of a named one."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=32)
    verb: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    after: After | dict[str, After] | None = None
    timeout: Duration | None = None

    @model_validator(mode="before")
    @classmethod
    def _verb_from_key(cls, value: object) -> object:
        if not isinstance(value, dict) or "verb" in value:
            return value
        known = {"id", "after", "timeout"}
        verbs = [key for key in value if key not in known]
        if len(verbs) != 1:
            msg = f"a step has exactly one action beside id, after and timeout; found {verbs or 'none'}"
            raise ValueError(msg)
        rest = {key: value[key] for key in value if key in known}
        return {**rest, "verb": verbs[0], "parameters": value[verbs[0]]}


class Budget(_Part):
    """How often and how widely a policy may act; of this and the site's guard the stricter wins."""

    rate: str = Field(pattern=r"^[1-9][0-9]* per [0-9]+(ms|s|m|h|d)$")
    per: Literal["policy", "group", "chassis", "cluster"] = "policy"
    concurrent: int = Field(default=1, ge=1)

    @property
    def limit(self) -> tuple[int, float]:
        """(how many, within how many seconds)."""
        count, _, span = self.rate.partition(" per ")
        return int(count), float(str(_seconds(span)))


class Spec(_Part):
    """The rule itself."""

    mode: Mode = Mode.OBSERVE
    scope: Scope = Scope()
    when: Pattern
    witnesses: Witnesses | None = None
    unless: tuple[Literal["maintenance", "planned"], ...] = ()
    condition: str | None = Field(default=None, alias="if")
    do: tuple[Step, ...] = Field(min_length=1, max_length=50)
    budget: Budget | None = None
    cooldown: Duration = 0.0
    late: Late = Late.RECHECK


class Metadata(_Part):
    """What it is called."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=63)
    title: Text


class Policy(_Part):
    """One policy file."""

    apiVersion: Literal["toban/v1"]  # noqa: N815  the file's own word
    kind: Literal["Policy"]
    metadata: Metadata
    spec: Spec

    @property
    def name(self) -> str:
        """The policy's name, unique on a site."""
        return self.metadata.name
