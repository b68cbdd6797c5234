"""Rehearsal: looks at the real world and says what would be done; sends nothing, ever."""

from typing import Protocol

from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Refused

INDEPENDENT = frozenset(
    {
        "machine.power_off",
        "machine.power_on",
        "machine.assign",
        "machine.identify",
        "object.mark",
        "vm.migrate",
        "vm.relocate",
        "vm.shutdown",
        "vm.suspend",
        "vm.restart",
        "vm.verify",
        "vm.await_ha",
    }
)
"""Verbs whose precheck does not rest on an earlier act that a rehearsal leaves out."""


class Eyes(Protocol):
    """The looking half of an effector."""

    async def look(self, command: Command, reference: str | None = None) -> Sighting:
        """Read only."""
        ...


class Rehearsal:
    """Wraps an effector: its looks are real, its acts are words."""

    def __init__(self, real: Eyes) -> None:
        """Only the look of the real effector is ever called."""
        self._real = real

    async def look(self, command: Command, reference: str | None = None) -> Sighting:
        """REACHED with what would be done; a refusal that would hold for real is passed on."""
        seen = await self._real.look(command, reference)
        if command.verb in INDEPENDENT and seen.state in (State.REFUSED, State.UNKNOWN):
            return seen
        if seen.state is State.REACHED:
            return Sighting(State.REACHED, f"rehearsal: nothing to do, {seen.detail}", seen.facts)
        would = f"rehearsal: would do {command.verb} on {command.target}"
        return Sighting(State.REACHED, f"{would} (now: {seen.detail})", {"rehearsal": True, **seen.facts})

    async def act(self, command: Command, called: Called) -> None:  # noqa: ARG002  the port's shape
        """Raises Refused: a rehearsal acts on nothing."""
        msg = f"rehearsal: {command.verb} on {command.target} is not carried out"
        raise Refused(msg)

    async def follow(self, command: Command, reference: str) -> None:  # noqa: ARG002  the port's shape
        """Raises Refused."""
        msg = f"rehearsal: {command.verb} on {command.target} is not followed"
        raise Refused(msg)
