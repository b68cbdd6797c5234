"""host.shutdown: an orderly shutdown through vCenter, proven off by the blade's own BMC (safety rules S4, S6)."""

from actuators import parameters
from actuators.redfish.blades import Blade, Blades
from actuators.vsphere.maintenance import absent, carrying, deaf
from actuators.vsphere.tasks import TaskFailed
from actuators.vsphere.trails import About, Trail
from actuators.vsphere.world import Looking, World, refused, unknown
from engine.clients import vsphere_orders, vsphere_reading
from engine.clients.vsphere_reading import HostFacts
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import InDoubt, Refused, TobanError

CUT_OFF = frozenset({"HostCommunication", "HostNotReachable", "HostNotConnected"})
"""How a task may end whose host is gone before it could answer."""


def judge(host: HostFacts | None, name: str) -> Sighting:
    """Whether the records let this host be shut down; pure."""
    if host is None:
        return absent(name)
    reason = deaf(host, name)
    if reason is None and not host.maintenance:
        reason = refused(f"{name} is not in maintenance mode; only an emptied host is shut down")
    return reason or Sighting(State.READY, f"{name} is connected and in maintenance mode", {"host": host.ref})


class Shutdown(Looking):
    """ShutdownHost_Task without force."""

    def __init__(self, world: World, blades: Blades) -> None:
        """Both wires are handed in."""
        super().__init__(world)
        self._blades = blades

    async def look(self, command: Command, reference: str | None = None) -> Sighting:
        """REACHED only after two reads of Off; once the order was taken, BUSY until then."""
        try:
            off = await self._off(command)
            if off is not None:
                return off
            going = await self._going(command, reference) if reference is not None else None
            return going or await self._see(command)
        except TobanError as error:
            return unknown(f"not proven off: {error}")

    async def _off(self, command: Command) -> Sighting | None:
        """What the BMC alone settles: another blade, or off; None: it has power, or is on its way."""
        blade = Blade.of(command, uuid="machine_uuid")
        seen = await self._blades.read(blade)
        wrong = blade.mismatch(seen)
        if wrong is not None:
            return refused(wrong)
        return await self._blades.twice_off(blade) if seen.on is False else None

    async def _going(self, command: Command, reference: str) -> Sighting | None:
        """BUSY while an order that was taken takes effect; None: none was, or it failed."""
        fate = await self._world.fate(command, reference)
        if fate is None:
            return self._down(command, reference) if Trail.parse(reference) is None else None
        taken = fate.under_way or fate.state == "success" or fate.fault in CUT_OFF
        return self._down(command, fate.task) if taken else None

    def _down(self, command: Command, task: str) -> Sighting:
        return Sighting(State.BUSY, f"{parameters.text(command, 'name')} is going down", {"task": task})

    async def _see(self, command: Command) -> Sighting:
        found = judge(await self._world.host(command), parameters.text(command, "name"))
        if found.state is not State.READY:
            return found
        ref = str(found.facts["host"])
        vms = await self._world.ask(command, lambda session: vsphere_reading.vms_at(session, ref))
        return carrying(vms) or found

    async def act(self, command: Command, called: Called) -> None:
        """One order after one more look; returns when the BMC says Off or the patience is over."""
        now = await self._off(command) or await self._see(command)
        if now.state is State.REACHED:
            return
        if now.state is not State.READY:
            raise Refused(now.detail)
        ref = str(now.facts["host"])
        about = About("HostSystem", ref, ("shutdown",))
        task = await self._world.order(command, called, lambda session: vsphere_orders.shut_down(session, ref), about)
        await self.follow(command, task)

    async def follow(self, command: Command, reference: str) -> None:
        """The task only says that the shutdown began: watch the power. Raises InDoubt if the host cut its answer."""
        fate = await self._world.fate(command, reference)
        try:
            if fate is not None:
                await self._world.finish(command, fate.task)
        except TaskFailed as error:
            if error.fault not in CUT_OFF:
                raise
            msg = f"{parameters.text(command, 'name')} stopped answering while it was told to shut down ({error})"
            raise InDoubt(msg) from error
        await self._blades.until(Blade.of(command, uuid="machine_uuid"), on=False)
