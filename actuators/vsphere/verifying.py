"""vm.verify and vm.await_ha: read only; the VM runs, connected, on another host than the dead one."""

from actuators import parameters
from actuators.vsphere.world import Looking, unknown
from engine.clients.vsphere_reading import VmFacts
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Refused


def is_elsewhere(vm: VmFacts | None, not_on: str) -> bool:
    """On, visible, and not on that host."""
    return vm is not None and vm.runs and vm.host is not None and vm.host.connected and vm.host.name != not_on


def _told(vm: VmFacts | None, name: str) -> str:
    if vm is None:
        return f"{name} is not in the inventory"
    where = vm.host.name if vm.host is not None else "no host"
    return f"{name} is {vm.power} and {vm.connection} at {where}"


class Verify(Looking):
    """Somebody else has brought the VM back."""

    async def _see(self, command: Command) -> Sighting:
        vm, name = await self._world.vm(command), parameters.text(command, "name")
        if vm is not None and vm.host is not None and is_elsewhere(vm, parameters.text(command, "not_on")):
            return Sighting(State.REACHED, f"{name} runs at {vm.host.name}; it was not touched", {"host": vm.host.name})
        return self._not_yet(_told(vm, name))

    def _not_yet(self, told: str) -> Sighting:
        return unknown(f"{told}; it should run elsewhere by now")

    async def act(self, command: Command, called: Called) -> None:  # noqa: ARG002  the port's shape
        """Never: there is nothing to do."""
        msg = f"{command.verb} only looks"
        raise Refused(msg)


class AwaitHa(Verify):
    """vSphere HA owns the VM: it is waited for until the command's deadline (safety rule S7)."""

    def _not_yet(self, told: str) -> Sighting:
        return Sighting(State.BUSY, f"{told}; waiting for vSphere HA")
