"""host.disconnect and host.remove: a fenced host leaves the inventory so that its VMs can be registered elsewhere."""

from collections.abc import Callable

from actuators import parameters
from actuators.vsphere.world import Looking, World, refused
from engine.clients import vsphere_orders, vsphere_reading
from engine.clients.vsphere import Session
from engine.clients.vsphere_reading import HostFacts
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Permanent

Order = Callable[[Session, str], str]

GONE = "no host with this UUID is in the inventory"


async def _host(world: World, command: Command) -> HostFacts | None:
    uuid = parameters.text(command, "uuid")
    return await world.ask(command, lambda session: vsphere_reading.host_by_uuid(session, uuid))


def may_be_cut(host: HostFacts, name: str) -> str | None:
    """Why this host must not be taken out, or None. A host that answers vCenter is not dead, whatever was decided."""
    if host.name != name:
        return (
            f"the host with this UUID is named {host.name} in vCenter, not {name}; identity in doubt (safety rule S6)"
        )
    if host.connection not in ("notResponding", "disconnected"):
        return f"{name} is {host.connection} in vCenter; a host that answers is not taken out of the inventory"
    return None


class Cutting(Looking):
    """Takes a dead host out of reach by one order: disconnecting it, or removing it from the inventory."""

    def __init__(self, world: World, order: Order, *, reached: str | None = None) -> None:
        """`order` sends the call; `reached` is the connection state that needs no call any more."""
        super().__init__(world)
        self._order, self._reached = order, reached

    async def _see(self, command: Command) -> Sighting:
        host, name = await _host(self._world, command), parameters.text(command, "name")
        if host is None:
            return Sighting(State.REACHED, GONE)
        reason = may_be_cut(host, name)
        if reason is not None:
            return refused(reason)
        state = State.REACHED if host.connection == self._reached else State.READY
        return Sighting(state, f"{name} is {host.connection}", {"host": host.ref})

    async def act(self, command: Command, called: Called) -> None:
        """Sends the order for exactly this host; raises Permanent if the host answers again."""
        host = await _host(self._world, command)
        if host is None:
            return
        reason = may_be_cut(host, parameters.text(command, "name"))
        if reason is not None:
            raise Permanent(reason)
        reference = await self._world.order(command, called, lambda session: self._order(session, host.ref))
        await self._world.finish(command, reference)


def disconnecting(world: World) -> Cutting:
    """host.disconnect: stop listening to a dead host (DisconnectHost_Task)."""
    return Cutting(world, vsphere_orders.disconnect, reached="disconnected")


def removing(world: World) -> Cutting:
    """host.remove: a dead host leaves the inventory, and its VMs' records with it; files stay (Destroy_Task)."""
    return Cutting(world, vsphere_orders.remove)
