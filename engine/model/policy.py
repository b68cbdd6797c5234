"""Policy: one ECA rule as its author wrote it: when, witnesses, unless, do. Durations are seconds."""

from enum import StrEnum
from typing import Literal

from pydantic import Field, JsonValue, model_validator

from engine.model import durations
from engine.model.durations import Duration
from engine.model.pattern import Part, Pattern


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


class Text(Part):
    """A text for operators in both languages."""

    en: str = Field(min_length=1)
    ja: str = Field(min_length=1)


class Scope(Part):
    """Which objects; an absent line means all."""

    category: str | None = None
    group: str | None = None
    model: str | None = None
    host: str | None = None


class Witnesses(Part):
    """How many observation classes must agree before an ungraceful act (safety rule S1)."""

    need: int = Field(ge=1, le=5)
    of: tuple[Literal["vcenter", "chassis", "probe", "bmc"], ...] = Field(min_length=1)
    within: Duration


class After(StrEnum):
    """Which end of an earlier step lets this one run."""

    SUCCESS = "success"
    FAILED = "failed"
    COMPLETED = "completed"


class Step(Part):
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


class Budget(Part):
    """How often and how widely a policy may act; of this and the site's guard the stricter wins."""

    rate: str = Field(pattern=r"^[1-9][0-9]* per [0-9]+(ms|s|m|h|d)$")
    per: Literal["policy", "group", "chassis", "cluster"] = "policy"
    concurrent: int = Field(default=1, ge=1)

    @property
    def limit(self) -> tuple[int, float]:
        """(how many, within how many seconds)."""
        count, _, span = self.rate.partition(" per ")
        return int(count), durations.seconds(span)


class Spec(Part):
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


class Metadata(Part):
    """What it is called."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=63)
    title: Text


class Policy(Part):
    """One policy file."""

    apiVersion: Literal["toban/v1"]  # noqa: N815  the file's own word
    kind: Literal["Policy"]
    metadata: Metadata
    spec: Spec

    @property
    def name(self) -> str:
        """The policy's name, unique on a site."""
        return self.metadata.name
