"""Decision = Act | Hold | Ignore, always with reasons."""

from typing import Annotated, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class _Word(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reason(_Word):
    """Why, as a code for machines and a sentence in both languages for people."""

    code: str
    en: str
    ja: str


class Observation(_Word):
    """One class of witness saw the object down or up."""

    witness: str
    """vcenter, chassis, probe or bmc."""
    subject: str
    """The host it is about."""
    down: bool
    at: AwareDatetime
    """When it was last known to hold, by our clock."""
    says: str
    """What was seen, in words: `blade.power.lost from chassis1/1`."""
    proven: bool = True
    """Nobody else can have said it: false for a trap in v1, v2c, or v3 below authPriv with SHA-256 (safety rule S1)."""
    turns: tuple[AwareDatetime, ...] = ()
    """When this class last changed its word about the host, the latest few, oldest first."""


class _Decided(_Word):
    match: str
    policy: str
    object: str
    at: AwareDatetime
    reasons: tuple[Reason, ...]
    causes: tuple[str, ...]
    """Ids of the events that led here."""
    observations: tuple[Observation, ...] = ()
    revision: int = 0
    """0 for the first decision about a match; a held match is looked at again."""
    synthetic: bool = False


class Act(_Decided):
    """Do what the policy says, now."""

    kind: Literal["act"] = "act"


class Hold(_Decided):
    """Do nothing for the moment: something is missing or in doubt."""

    kind: Literal["hold"] = "hold"
    page: bool = False
    """Whether a person must be told."""


class Ignore(_Decided):
    """Do nothing: it is meant to be so."""

    kind: Literal["ignore"] = "ignore"


Decision: TypeAlias = Annotated[Act | Hold | Ignore, Field(discriminator="kind")]


class DecisionRecord(BaseModel):
    """A decision as it is stored in DECISIONS."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decision: Decision


AGREED = frozenset({"held", "witnesses", "approved", "approval.deadline"})
"""Codes that speak for an act; every other one speaks against it."""


def would_act(decision: Decision) -> bool:
    """Whether it acted, or would have acted if its policy had been let."""
    codes = [reason.code for reason in decision.reasons]
    if isinstance(decision, Act):
        return True
    if codes[:1] in (["mode.observe"], ["mode.recommend"]):
        return set(codes[1:]) <= AGREED
    return codes == ["mode.approve"]
