"""What every vCenter effector starts from: its command's vCenter, and a task of an earlier life that still runs."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from actuators import parameters
from actuators.vsphere.sessions import VCenters
from actuators.vsphere.tasks import Fate, Meanwhile, TaskWatch
from actuators.vsphere.trails import About, Trail
from engine.clients import vsphere_reading
from engine.clients.vsphere import Session
from engine.clients.vsphere_reading import HostFacts, VmFacts
from engine.clock import Clock
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import TobanError

T = TypeVar("T")


def refused(sentence: str) -> Sighting:
    """A precondition does not hold."""
    return Sighting(State.REFUSED, sentence)


def unknown(sentence: str) -> Sighting:
    """In doubt: nothing is done."""
    return Sighting(State.UNKNOWN, sentence)


def misnamed(host: HostFacts, name: str) -> str:
    """The host with this UUID goes by another name than the estate's."""
    return f"the host with this UUID is named {host.name} in vCenter, not {name}; identity in doubt (safety rule S6)"


@dataclass(frozen=True, slots=True)
class World:
    """Shared by the effectors of one process."""

    vcenters: VCenters
    tasks: TaskWatch
    clock: Clock

    async def ask(self, command: Command, work: Callable[[Session], T]) -> T:
        """Read at the command's vCenter."""
        return await self.vcenters.ask(parameters.text(command, "vcenter"), work)

    async def vm(self, command: Command) -> VmFacts | None:
        """The command's VM by its instance UUID."""
        uuid = parameters.text(command, "instance_uuid")
        return await self.ask(command, lambda session: vsphere_reading.vm_by_uuid(session, uuid))

    async def host(self, command: Command) -> HostFacts | None:
        """The command's host by its system UUID."""
        uuid = parameters.text(command, "uuid")
        return await self.ask(command, lambda session: vsphere_reading.host_by_uuid(session, uuid))

    async def fate(self, command: Command, reference: str) -> Fate | None:
        """What became of an order of an earlier call; None: vCenter knows of no such task."""
        return await self.tasks.fate(parameters.text(command, "vcenter"), reference)

    async def busy(self, command: Command, reference: str | None) -> Sighting | None:
        """BUSY while a task of an earlier call runs."""
        fate = await self.fate(command, reference) if reference is not None else None
        if fate is None or not fate.under_way:
            return None
        return Sighting(State.BUSY, f"the task {fate.task} is under way", {"task": fate.task})

    async def order(
        self, command: Command, called: Called, work: Callable[[Session], str], about: About | None = None
    ) -> str:
        """Send one order and keep its task's reference; the reference.

        With `about` a trail is kept before the order goes out, by which its task is found if we die before we know it.
        """
        if about is not None:
            now = await self.ask(command, lambda session: session.now())
            await called(Trail.before(now, about).reference)
        reference = await self.vcenters.order(parameters.text(command, "vcenter"), work)
        await called(reference)
        return reference

    async def finish(self, command: Command, reference: str, meanwhile: Meanwhile | None = None) -> None:
        """Follow a task to its end."""
        vcenter = parameters.text(command, "vcenter")
        if meanwhile is None:
            await self.tasks.finish(command, vcenter, reference)
        else:
            await self.tasks.finish(command, vcenter, reference, meanwhile)


class Looking(ABC):
    """An effector whose look may fail to read the world: that is UNKNOWN, in words."""

    def __init__(self, world: World) -> None:
        """The world is handed in."""
        self._world = world

    async def look(self, command: Command, reference: str | None = None) -> Sighting:
        """Never raises for what the world answers."""
        try:
            return await self._world.busy(command, reference) or await self._see(command)
        except TobanError as error:
            return unknown(str(error))

    @abstractmethod
    async def _see(self, command: Command) -> Sighting:
        """What the world says about this command; may raise TobanError."""

    async def follow(self, command: Command, reference: str) -> None:
        """Wait for a task that an earlier life started."""
        await self._world.finish(command, reference)
