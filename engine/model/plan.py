"""Plan: which VM goes where, and which VM cannot go, with the reason in words."""

from pydantic import BaseModel, ConfigDict

from engine.model.estate import LiveVm


class Move(BaseModel):
    """One VM to one host (host definition names)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vm: LiveVm
    source: str
    target: str


class Unplaced(BaseModel):
    """A VM that stays where it is, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vm: str
    en: str
    ja: str


class Plan(BaseModel):
    """Moves in the order in which they are to be done; nobody is silently left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    moves: tuple[Move, ...] = ()
    unplaced: tuple[Unplaced, ...] = ()
