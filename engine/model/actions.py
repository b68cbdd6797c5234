"""Actions: what a step of a policy may do, as data: its words, its parameters, and what it means for safety."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from ruamel.yaml import YAML

REFERENCES: Mapping[str, str] = {
    "$host": "host",
    "$vm": "vm",
    "$machine": "machine",
    "$chassis": "chassis",
    "$group": "group",
}
"""Reference -> the kind of object that it stands for: the matched one, or the one that it hangs on."""


class _Word(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Parameter(_Word):
    """What may be written for one parameter."""

    name: str
    type: Literal["reference", "word", "number", "text"] = Field(alias="is")
    kinds: tuple[str, ...] = ()
    """For a reference: the kinds of object."""
    choices: tuple[str, ...] = ()
    low: int = 0
    high: int = 0
    needed: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """What may be written, where that is a list of words."""
        return tuple(name for name, kind in REFERENCES.items() if kind in self.kinds) or self.choices


class Action(_Word):
    """One verb."""

    verb: str
    en: str
    ja: str
    touches: Literal["host", "vm", "group", "none"]
    """What kind of object it changes, directly or through what runs on it."""
    ungraceful: bool = False
    """Takes power from something that may be alive: needs witnesses, obeys every limit (safety rules S1, S9)."""
    reversible: bool = False
    needs_fence: bool = False
    """Only right behind the success of an ungraceful act (safety rule S5)."""
    takes_capacity: bool = False
    """Leaves fewer hosts running: `minimum_running` bounds it."""
    counts_as_normal: bool = False
    """Its own failure steers what follows, but does not spoil the result of the run (domain.md 4.2)."""
    never_fails: bool = False
    """It only changes how the run is reckoned."""
    causes: tuple[str, ...] = ()
    """Event types that it brings about: how one policy can set off another, or what a person's own act looks like."""
    parameters: dict[str, Parameter]


@cache
def shipped() -> Mapping[str, Action]:
    """Every action by verb (`engine/model/actions.yaml`)."""
    text = resources.files("engine.model").joinpath("actions.yaml").read_text(encoding="utf-8")
    found: dict[str, Action] = {}
    for verb, entry in YAML(typ="safe", pure=True).load(text).items():
        named = {name: {"name": name, **one} for name, one in entry.pop("parameters").items()}
        found[verb] = Action.model_validate({"verb": verb, "parameters": named, **entry})
    return found
