"""Several ways to one end: which of them is tried, and which of them counts; pure.

A way is the commands on one object that hang together by their needs. The first command of a way that stands in for
others names, in `instead_of`, the commands of theirs that would have brought the end about.
"""

from collections.abc import Iterable, Mapping
from enum import Enum

from engine.model.command import Command
from engine.model.run import Phase

IN_VAIN = frozenset({Phase.FAILED, Phase.SKIPPED})
"""Ends after which it is certain that nothing came of a command."""


class Turn(Enum):
    """Whether it is a command's turn."""

    NOW = "now"
    WAITS = "waits"
    """The ways before it have not ended."""
    SPARED = "spared"
    """One of them came about, or may have: in doubt, nothing else is tried."""


def turn(command: Command, ends: Mapping[str, Phase]) -> Turn:
    """Whether this command, which may stand in for others, is tried; `ends`: how commands ended so far."""
    known = [ends.get(one) for one in command.instead_of]
    if any(end is not None and end not in IN_VAIN for end in known):
        return Turn.SPARED
    return Turn.WAITS if None in known else Turn.NOW


def counted(commands: Iterable[Command], phases: Mapping[str, Phase]) -> dict[str, Phase]:
    """The ends that decide how a step ended: of several ways only the one that was taken last."""
    order = list(commands)
    left_out: set[str] = set()
    for command in order:
        if command.instead_of:
            begun = phases.get(command.id, Phase.SKIPPED) is not Phase.SKIPPED
            for one in command.instead_of if begun else (command.id,):
                left_out |= _way(one, order)
    return {name: phase for name, phase in phases.items() if name not in left_out}


def _way(name: str, commands: list[Command]) -> set[str]:
    """The commands on one object that hang together with this one by their needs."""
    target = next((one.target for one in commands if one.id == name), None)
    mine = [one for one in commands if one.target == target]
    found = {name}
    while True:
        more = {one.id for one in mine if found & set(one.needs)}
        more |= {need for one in mine if one.id in found for need in one.needs if any(c.id == need for c in mine)}
        if more <= found:
            return found
        found |= more
