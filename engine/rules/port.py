"""The narrow port around the matcher's core (ADR 0002): facts in, fired rules out, one thread, no clock."""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

Scalar: TypeAlias = str | int | float | bool
Fact: TypeAlias = dict[str, Scalar]


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule whose facts are all there."""

    rule: str
    facts: dict[str, Fact]


class CoreFault(Exception):
    """The core refused or failed on a fact; it is counted and shown, other policies go on."""


class AlreadyObserved(CoreFault):
    """The core takes a fact for one that it holds: its ids are 32-bit hashes. Another id helps."""


class Core(Protocol):
    """One compiled ruleset and its facts, by `sid` (the group key)."""

    def assert_fact(self, fact: Fact) -> list[Fired]:
        """Add a fact; every rule that it completes. Raises `AlreadyObserved`, `CoreFault`."""
        ...

    def retract_fact(self, fact: Fact) -> None:
        """Take back a fact that was asserted. Raises `CoreFault`."""
        ...

    def forget(self, sid: str) -> None:
        """Free the state of a key that holds no live fact."""
        ...
