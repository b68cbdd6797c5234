"""vm.await_tools: read only; a VM that others rest on shows that its guest is there, or its time is over.

How long it has been waited for is told by vCenter: its time now against the VM's start. So a crash loses nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from actuators import parameters
from actuators.vsphere.world import Looking, refused, unknown
from engine.clients import vsphere_guests
from engine.clients.vsphere import Session
from engine.clients.vsphere_guests import Guest
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Permanent, Refused

RUNNING = "guestToolsRunning"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a guest is waited for, in seconds, and what follows."""

    within: float
    required: bool
    """What comes after it is not started without it."""


def judge(guest: Guest | None, now: datetime, name: str, patience: Patience) -> Sighting:
    """What the record allows; pure."""
    if guest is None:
        return unknown(f"{name} has no readable record")
    if guest.power != "poweredOn":
        return refused(f"{name} is {guest.power}; its guest tools cannot run")
    if guest.tools == RUNNING:
        return Sighting(State.REACHED, f"the guest tools of {name} run", {"tools": guest.tools})
    waited = (now - guest.started).total_seconds() if guest.started is not None else 0.0
    if waited < patience.within:
        return Sighting(State.BUSY, f"{name} is {guest.tools}; started {waited:.0f} s ago")
    late = f"the guest tools of {name} do not run {patience.within:.0f} s after its start ({guest.tools})"
    if patience.required:
        return refused(f"{late}; what rests on it is not started")
    return Sighting(State.REACHED, f"{late}; the others are started without it", {"tools": guest.tools})


class AwaitTools(Looking):
    """Waits for `guest.toolsRunningStatus`."""

    async def _see(self, command: Command) -> Sighting:
        uuid, within = parameters.text(command, "instance_uuid"), command.parameters.get("within")
        if not isinstance(within, int | float) or isinstance(within, bool):
            msg = f"command {command.id} says no time; nothing is waited for"
            raise Permanent(msg)

        def read(session: Session) -> tuple[Guest | None, datetime]:
            return vsphere_guests.guest(session, uuid), session.now()

        guest, now = await self._world.ask(command, read)
        patience = Patience(float(within), command.parameters.get("required") is True)
        return judge(guest, now, parameters.text(command, "name"), patience)

    async def act(self, command: Command, called: Called) -> None:  # noqa: ARG002  the port's shape
        """Never: there is nothing to do."""
        msg = f"{command.verb} only looks"
        raise Refused(msg)


class Gate:
    """start.gate: stands between two lines of a start order; the run opens it, by what it needs and stands behind."""

    async def look(self, command: Command, reference: str | None = None) -> Sighting:  # noqa: ARG002  the port's shape
        """REACHED: whoever is asked has been waited for."""
        return Sighting(State.REACHED, f"line {command.parameters.get('line')} of the start order is over")

    async def act(self, command: Command, called: Called) -> None:  # noqa: ARG002  the port's shape
        """Never."""
        msg = f"{command.verb} only looks"
        raise Refused(msg)

    async def follow(self, command: Command, reference: str) -> None:  # noqa: ARG002  the port's shape
        """Never."""
        msg = f"{command.verb} starts nothing that could be followed"
        raise Refused(msg)
