"""Policy: one ECA rule as its author wrote it: when, witnesses, unless, do. Durations are seconds."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field, JsonValue, Tag, field_validator, model_validator

from engine.model import durations
from engine.model.durations import Duration, Span
from engine.model.pattern import Part, Pattern
from engine.model.scalars import Whole
from engine.model.window import Window


class Mode(StrEnum):
    """How far the policy may go on its own."""

    OBSERVE = "observe"
    """It records what would have matched and what would have been done; nothing is held, nobody is called."""
    RECOMMEND = "recommend"
    """Its decision is shown; nothing is done."""
    APPROVE = "approve"
    """It waits for a person's yes; `approval` says how long."""
    AUTOMATIC = "automatic"
    """It acts, as far as the guard lets it."""


class Late(StrEnum):
    """What a timer does that ends while nobody was on duty."""

    FIRE = "fire"
    """It is a match, as if somebody had been on duty."""
    SKIP = "skip"
    """It is left alone."""
    RECHECK = "recheck"
    """It is decided by a fresh look at the object."""


class Text(Part):
    """A text for operators in both languages."""

    en: str = Field(min_length=1)
    """In English."""
    ja: str = Field(min_length=1)
    """In Japanese."""


class Scope(Part):
    """Which objects; an absent line means all."""

    category: str | None = None
    """The category of the host's group."""
    group: str | None = None
    """The host's group."""
    model: str | None = None
    """The model that the host's group is made of."""
    host: str | None = None
    """One host by its name."""
    labels: dict[str, str] = Field(default_factory=dict, max_length=16)
    """Labels that the host's definition carries, all of them."""


class Human(Part):
    """A person did something to the object, or to what it hangs on, within this time (safety rule S17)."""

    human: Span
    """This long, from the last thing that the person did."""


def _suppression(value: object) -> str:
    """Which kind is meant; the mark tells the tag from a field where pydantic says the place of an error."""
    if isinstance(value, Mapping):
        return "~human" if "human" in value else "~window"
    kinds: dict[type, str] = {Human: "~human", Window: "~window"}
    return kinds.get(type(value), "~word")


Suppression: TypeAlias = Annotated[
    Annotated[Literal["maintenance", "planned"], Tag("~word")]
    | Annotated[Human, Tag("~human")]
    | Annotated[Window, Tag("~window")],
    Discriminator(_suppression),
]
"""Why a matched object is left alone."""


class Approval(Part):
    """How long a person is waited for in `approve`, and what happens then."""

    deadline: Span = 900.0
    """So long a person is waited for."""
    otherwise: Literal["ignore", "hold", "act"] = "ignore"
    """`ignore`: nothing is done any more; `hold`: it stays held until a person speaks; `act`: it is done."""


class Witnesses(Part):
    """How many observation classes must agree before an ungraceful act (safety rule S1)."""

    need: Whole = Field(ge=1, le=5)
    """How many different classes must have said that it is down."""
    of: tuple[Literal["vcenter", "chassis", "probe", "bmc"], ...] = Field(min_length=1)
    """The classes that count."""
    within: Duration
    """What was said longer ago does not count."""
    authenticated: bool = False
    """A trap counts only in SNMPv3, authPriv with SHA-256 or better: anybody can forge the others (safety rule S1)."""


class After(StrEnum):
    """Which end of an earlier step lets this one run."""

    SUCCESS = "success"
    """It ended well."""
    FAILED = "failed"
    """It did not end well: not all of it was done."""
    COMPLETED = "completed"
    """It ended, in whichever way."""


class Retry(Part):
    """How often a command of a step is tried, and the rest between two tries. In doubt it is looked at, not retried."""

    attempts: Whole = Field(ge=1, le=10)
    """Tries in all."""
    pause: Duration = 10.0
    """Rest between two tries."""


class Step(Part):
    """One action. Exactly one verb is given; `after` names the end of the step above, or of a named one."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=32)
    """Its name within the policy."""
    verb: str
    """The action; in a file it is the key, its parameters the value."""
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    """What the action is told."""
    after: After | dict[str, After] | None = None
    """The end of an earlier step that lets this one run; absent: the success of the step above."""
    timeout: Span | None = None
    """After this, the outcome of a command counts as unknown (safety rule S18); absent: as the site has it."""
    retry: Retry | None = None
    """How often its commands are tried; absent: as the site has it."""

    @model_validator(mode="before")
    @classmethod
    def _verb_from_key(cls, value: object) -> object:
        if not isinstance(value, dict) or "verb" in value:
            return value
        known = {"id", "after", "timeout", "retry"}
        verbs = [key for key in value if key not in known]
        if len(verbs) != 1:
            msg = f"a step has exactly one action beside id, after, timeout and retry; found {verbs or 'none'}"
            raise ValueError(msg)
        rest = {key: value[key] for key in value if key in known}
        return {**rest, "verb": verbs[0], "parameters": value[verbs[0]] or {}}


class Budget(Part):
    """How often and how widely a policy may act; of this and the site's guard the stricter wins."""

    rate: str = Field(pattern=r"^[1-9][0-9]* per [0-9]+(ms|s|m|h|d)$")
    """So many acts in a sliding time, such as `2 per 15m`."""
    per: Literal["policy", "group", "chassis", "cluster"] = "policy"
    """What is counted together."""
    concurrent: Whole = Field(default=1, ge=1)
    """Runs that may be going at once."""
    share: str | None = Field(default=None, pattern=r"^[1-9][0-9]?%$|^100%$")
    """At most this share of the hosts of the unit within the time of `rate`; at least one is always allowed."""
    breaker: Literal["none", "manual"] = "none"
    """`manual`: once the rate is used up, nothing more is done until a person re-arms it (`toban policy arm`)."""

    @field_validator("rate")
    @classmethod
    def _possible(cls, rate: str) -> str:
        if durations.seconds(rate.partition(" per ")[2]) <= 0:
            msg = f"{rate!r} names no time; write for example 2 per 15m"
            raise ValueError(msg)
        return rate

    @property
    def percent(self) -> int | None:
        """`share` as a number."""
        return int(self.share.rstrip("%")) if self.share is not None else None

    @property
    def limit(self) -> tuple[int, float]:
        """(how many, within how many seconds)."""
        count, _, span = self.rate.partition(" per ")
        return int(count), durations.seconds(span)


class Spec(Part):
    """The rule itself."""

    mode: Mode = Mode.OBSERVE
    """How far it may go on its own; a new policy observes."""
    approval: Approval = Approval()
    """With `mode: approve`: how long a person is waited for, and what happens then."""
    scope: Scope = Scope()
    """Which objects it is about; absent: all."""
    priority: Whole = Field(default=50, ge=0, le=100)
    """Of several policies that match one object, the higher number acts; equal ones in the order of time."""
    when: Pattern
    """What it waits for."""
    during: tuple[Window, ...] = Field(default=(), max_length=32)
    """Only then it decides at all; outside it leaves alone. Absent: always."""
    witnesses: Witnesses | None = None
    """Who must agree before an ungraceful act; a policy that takes power away must say so."""
    unless: tuple[Suppression, ...] = Field(default=(), max_length=32)
    """Where one of these holds, the object is left alone."""
    condition: str | None = Field(default=None, alias="if")
    """A condition over the matched object, its group and the opening event, read when it is decided."""
    do: tuple[Step, ...] = Field(min_length=1, max_length=1000)
    """What is done, from top to bottom."""
    budget: Budget | None = None
    """How often and how widely it may act; absent: only the site's guard bounds it."""
    minimum_running: Whole = Field(default=0, ge=0)
    """Healthy hosts that must be left in the group after an act that takes one away; 0: the group may go empty."""
    cooldown: Duration = 0.0
    """Rest of an object after an act on it."""
    late: Late = Late.RECHECK
    """What a timer does that ended while nobody was on duty."""

    @property
    def human(self) -> float:
        """Seconds for which a person's act counts, the longest of them; 0: it does not."""
        return max((one.human for one in self.unless if isinstance(one, Human)), default=0.0)


class Waiver(Part):
    """A finding that is meant to be so, and why."""

    code: str = Field(pattern=r"^P[0-9]{3}$")
    """The finding, such as `P050`."""
    reason: str = Field(min_length=10, max_length=500)
    """Why it is meant to be so, for those who read it later."""


class Metadata(Part):
    """What it is called."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=63)
    """Lower case letters, digits and `-`; unique on a site."""
    title: Text
    """What operators read."""
    source: str = Field(default="", max_length=2000)
    """Where the order of its actions comes from, for those who read it later."""
    waive: tuple[Waiver, ...] = Field(default=(), max_length=64)
    """Findings of `toban policy check` that are meant to be so."""


class Policy(Part):
    """One policy file."""

    apiVersion: Literal["toban/v1"]  # noqa: N815  the file's own word
    """The version of the language."""
    kind: Literal["Policy"]
    """What the file is."""
    metadata: Metadata
    """What it is called."""
    spec: Spec
    """The rule itself."""

    @property
    def name(self) -> str:
        """The policy's name, unique on a site."""
        return self.metadata.name
