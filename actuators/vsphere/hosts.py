"""host.disconnect and host.remove: a fenced host leaves the inventory so that its VMs can be registered elsewhere."""

from collections.abc import Callable

from actuators import parameters
from actuators.vsphere.trails import About
from actuators.vsphere.world import Looking, World, misnamed, refused
from engine.clients import vsphere_orders, vsphere_reading
from engine.clients.vsphere import Session
from engine.clients.vsphere_reading import HostFacts
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Permanent

Order = Callable[[Session, str], str]

SHOWN = 5
"""VMs that a refusal names."""
GONE = "no host with this UUID is in the inventory"


def may_be_cut(host: HostFacts, name: str, *, retired: bool = False) -> str | None:
    """Why this host must not be taken out, or None. A host that answers vCenter is not dead, whatever was decided.

    One that was `retired`, emptied and shut down in good order, may still show as connected for a while: its
    maintenance mode says that nothing runs there.
    """
    if host.name != name:
        return misnamed(host, name)
    if retired and host.maintenance is True:
        return None
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
        host, name = await self._world.host(command), parameters.text(command, "name")
        if host is None:
            return Sighting(State.REACHED, GONE)
        reason = may_be_cut(host, name, retired=_retired(command)) or await self._carried(command, host)
        if reason is not None:
            return refused(reason)
        state = State.REACHED if host.connection == self._reached else State.READY
        return Sighting(state, f"{name} is {host.connection}", {"host": host.ref})

    async def _carried(self, command: Command, host: HostFacts) -> str | None:
        """Why a host that was to be empty is not: its VMs' records would leave together with it."""
        if not _retired(command):
            return None
        vms = await self._world.ask(command, lambda session: vsphere_reading.vms_at(session, host.ref))
        return f"{', '.join(sorted(vms)[:SHOWN])} are still recorded at {host.name}; it stays" if vms else None

    async def act(self, command: Command, called: Called) -> None:
        """Sends the order for exactly this host; raises Permanent if the host answers again."""
        host = await self._world.host(command)
        if host is None:
            return
        name = parameters.text(command, "name")
        reason = may_be_cut(host, name, retired=_retired(command)) or await self._carried(command, host)
        if reason is not None:
            raise Permanent(reason)
        about = About("HostSystem", host.ref, ("disconnect", "destroy"))
        reference = await self._world.order(command, called, lambda session: self._order(session, host.ref), about)
        await self._world.finish(command, reference)


def _retired(command: Command) -> bool:
    return command.parameters.get("retired") is True


def disconnecting(world: World) -> Cutting:
    """host.disconnect: stop listening to a dead host (DisconnectHost_Task)."""
    return Cutting(world, vsphere_orders.disconnect, reached="disconnected")


def removing(world: World) -> Cutting:
    """host.remove: a dead host leaves the inventory, and its VMs' records with it; files stay (Destroy_Task)."""
    return Cutting(world, vsphere_orders.remove)
