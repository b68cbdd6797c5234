"""Everything that a decision may rest on, handed in frozen; and what one check says about it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from engine.estate.places import Places
from engine.guard.approval import Answer
from engine.guard.control import Breaker
from engine.guard.control import Order as Word
from engine.guard.deeds import Deeds
from engine.guard.limits import Limits
from engine.guard.people import HumanAct
from engine.guard.precedence import Claim
from engine.model.decision import Observation, Reason
from engine.model.match import Match
from engine.model.order import Order
from engine.model.policy import Policy


@dataclass(frozen=True, slots=True)
class Situation:
    """How things stand for one match, read just now."""

    now: datetime
    places: Places
    observations: tuple[Observation, ...] = ()
    """About the matched host; expired ones left out."""
    mass: str | None = None
    """The sentence that names a mass failure (safety rule S10), or None."""
    deeds: Deeds = field(default_factory=Deeds)
    stopped: str | None = "the stop switch was not read"
    """Why everything stands still, or None."""
    disarmed: Word | None = None
    """Who took the policy out of service, or None."""
    breaker: Breaker | None = None
    """The policy's breaker; None: it never opened."""
    answer: Answer | None = None
    """What a person said about this match, or None."""
    waiting_since: datetime | None = None
    """When nothing but a person's word was first waited for, or None."""
    blind: str | None = None
    """Why we do not trust our own sight (S3), or None."""
    maintenance: str | None = None
    """Who says that the object is in maintenance, or None."""
    human: HumanAct | None = None
    """The last thing that a person did to the object, its host, or VMs on it."""
    on_target: HumanAct | None = None
    """The last thing that a person did to the object itself, a host by either of its names."""
    rival: Claim | None = None
    """The match of another policy that goes before this one, or None."""
    condition: bool | None = None
    """What the policy's `if` gave; None: it could not be evaluated."""
    overdue: float | None = None
    """Seconds between the moment of the match and when somebody on duty saw it; None: it is told by `now`."""
    noticed: datetime | None = None
    """When somebody on duty saw it first; None: now."""
    flapping: str | None = None
    """Why the host is in quarantine, or goes into it now, or None (safety rule S13)."""
    ordered: Order | None = None
    """The order of a person that this match is, or None."""
    limits: Limits = field(default_factory=Limits)
    need: int = 2
    """Witness classes an ungraceful act needs, whatever the policy says."""
    authenticated: bool = False
    """For an ungraceful act unproven traps count for nothing, whatever the policy says."""

    def sets_aside(self, guard: str) -> bool:
        """Whether a person ordered this with that guard set aside."""
        return self.ordered is not None and guard in self.ordered.overrides


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check has against an act."""

    kind: Literal["hold", "ignore"]
    reason: Reason
    page: bool = False


Check = Callable[[Match, Policy, Situation], Verdict | None]


def hold(code: str, en: str, ja: str, *, page: bool = False) -> Verdict:
    """Not now."""
    return Verdict("hold", Reason(code=code, en=en, ja=ja), page)


def ignore(code: str, en: str, ja: str) -> Verdict:
    """Not at all."""
    return Verdict("ignore", Reason(code=code, en=en, ja=ja))
