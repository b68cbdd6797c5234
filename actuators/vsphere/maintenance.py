"""host.enter_maintenance, host.exit_maintenance and host.await_connected: a live host leaves service and returns."""

from collections.abc import Callable, Mapping

from actuators import parameters
from actuators.vsphere.trails import About
from actuators.vsphere.world import Looking, World, misnamed, refused, unknown
from engine.clients import vsphere_orders, vsphere_reading
from engine.clients.vsphere import Session
from engine.clients.vsphere_reading import HostFacts
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Refused

LONGEST = 300
"""Seconds vCenter itself may take: a host that waits in between for ever would serve nobody."""
SILENT = ("disconnected", "notResponding")
SHOWN = 5
"""VMs that a refusal names."""


def absent(name: str) -> Sighting:
    """VCenter has no host with its UUID."""
    return refused(f"no host with the UUID of {name} is in the inventory; it must be added by hand")


def deaf(host: HostFacts, name: str) -> Sighting | None:
    """Why this host is not the one that was meant, or takes no orders; None: it does. Pure."""
    if host.name != name:
        return refused(misnamed(host, name))
    if host.connection in SILENT:
        return refused(f"{host.name} is {host.connection}; it takes no orders")
    if not host.connected or host.maintenance is None:
        return unknown(f"{host.name} is {host.connection}, its maintenance mode {host.maintenance or 'not told'}")
    return None


def carrying(vms: Mapping[str, str]) -> Sighting | None:
    """Why these VMs (name -> power) keep their host in service, or None: we move them first, ourselves. Pure."""
    running = sorted(name for name, power in vms.items() if power == "poweredOn")
    unread = sorted(name for name, power in vms.items() if power not in ("poweredOn", "poweredOff", "suspended"))
    if running:
        return refused(f"{_few(running)} still run there; they must move first")
    return unknown(f"whether {_few(unread)} run there cannot be read") if unread else None


def _few(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"


class Mode(Looking):
    """Brings one host into maintenance mode, or out of it."""

    def __init__(self, world: World, task: str, order: Callable[[Session, str, int], str], *, entered: bool) -> None:
        """`order` sends the call with vCenter's own time-out; `task` is how its task is named."""
        super().__init__(world)
        self._task, self._order, self._entered = task, order, entered

    async def _see(self, command: Command) -> Sighting:
        host, name = await self._world.host(command), parameters.text(command, "name")
        if host is None:
            return absent(name)
        return deaf(host, name) or await self._judge(command, host)

    async def _judge(self, command: Command, host: HostFacts) -> Sighting:
        told = f"{host.name} is in {'maintenance mode' if host.maintenance else 'service'}"
        if host.maintenance is self._entered:
            return Sighting(State.REACHED, told, {"host": host.ref})
        ready = Sighting(State.READY, told, {"host": host.ref})
        if not self._entered:
            return ready
        vms = await self._world.ask(command, lambda session: vsphere_reading.vms_at(session, host.ref))
        return carrying(vms) or ready

    async def act(self, command: Command, called: Called) -> None:
        """One order, followed to its end; raises Refused if it no longer fits."""
        now = await self._see(command)
        if now.state is State.REACHED:
            return
        if now.state is not State.READY:
            raise Refused(now.detail)
        ref, limit = str(now.facts["host"]), max(1, int(min(command.deadline, LONGEST)))  # 0 would mean no limit
        about = About("HostSystem", ref, (self._task,))
        task = await self._world.order(command, called, lambda session: self._order(session, ref, limit), about)
        await self._world.finish(command, task)


def entering(world: World) -> Mode:
    """host.enter_maintenance (EnterMaintenanceMode_Task): no running VM may be left; those that are off stay."""
    return Mode(world, "enterMaintenanceMode", vsphere_orders.enter_maintenance, entered=True)


def exiting(world: World) -> Mode:
    """host.exit_maintenance (ExitMaintenanceMode_Task)."""
    return Mode(world, "exitMaintenanceMode", vsphere_orders.exit_maintenance, entered=False)


class AwaitConnected(Looking):
    """A host that was switched on is waited for until the command's deadline."""

    async def _see(self, command: Command) -> Sighting:
        host, name = await self._world.host(command), parameters.text(command, "name")
        if host is None:
            return absent(name)
        if host.name != name:
            return refused(misnamed(host, name))
        if host.connected:
            return Sighting(State.REACHED, f"{name} is connected", {"host": host.ref, "maintenance": host.maintenance})
        if host.connection in SILENT:
            return Sighting(State.BUSY, f"{name} is {host.connection}; waiting for it to answer vCenter")
        return unknown(f"{name} is {host.connection} in vCenter")

    async def act(self, command: Command, called: Called) -> None:  # noqa: ARG002  the port's shape
        """Never: there is nothing to do."""
        msg = f"{command.verb} only looks"
        raise Refused(msg)
