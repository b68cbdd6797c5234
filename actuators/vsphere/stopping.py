"""vm.suspend and vm.shutdown: a running VM is put to rest where it is, so that it can be moved without vMotion."""

from dataclasses import dataclass

from actuators import parameters
from actuators.vsphere.tasks import TaskFailed
from actuators.vsphere.trails import About
from actuators.vsphere.world import Looking, World, refused, unknown
from engine.clients import vsphere_orders
from engine.clients.vsphere_reading import VmFacts
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Permanent

POLL = 1.0
GUEST_TIME = 120.0
"""Seconds that a guest is given to shut down."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The power state that is wanted, and at which host the VM is to be."""

    name: str
    host: str
    host_uuid: str
    power: str
    """`suspended` or `poweredOff`."""


def judge(vm: VmFacts | None, rest: Rest) -> Sighting:
    """What the record allows; pure."""
    if vm is None or vm.host is None:
        return unknown(f"{rest.name} has no readable record")
    if vm.power == rest.power:
        return Sighting(State.REACHED, f"{rest.name} is {vm.power} at {vm.host.name}", {"host": vm.host.name})
    if vm.host.uuid != rest.host_uuid.lower():
        return refused(f"{rest.name} is at {vm.host.name} by now, not at {rest.host}; the plan is out of date")
    if not vm.host.connected or vm.connection != "connected":
        return refused(f"{rest.name} is {vm.connection} at {rest.host}, which is {vm.host.connection}")
    if vm.power != "poweredOn":
        return refused(f"{rest.name} is {vm.power}; only a running VM is put to rest")
    if vm.question is not None:
        return refused(f"{rest.name} waits for an answer: {vm.question.message}")
    facts = {"vm": vm.ref, "host": vm.host.name, "power": vm.power}
    return Sighting(State.READY, f"{rest.name} runs at {vm.host.name}", dict(facts))


class _Resting(Looking):
    """Looks alike for both."""

    power: str

    async def _see(self, command: Command) -> Sighting:
        name, host, uuid = (parameters.text(command, part) for part in ("name", "host", "host_uuid"))
        return judge(await self._world.vm(command), Rest(name, host, uuid, self.power))

    async def _running(self, command: Command) -> VmFacts:
        vm = await self._world.vm(command)
        if vm is None:
            msg = f"{parameters.text(command, 'name')} is not in the inventory any more"
            raise Permanent(msg)
        return vm


class Suspend(_Resting):
    """SuspendVM_Task."""

    power = "suspended"

    async def act(self, command: Command, called: Called) -> None:
        """Raises Permanent for what vCenter refuses."""
        vm = await self._running(command)
        about = About("VirtualMachine", vm.ref, ("suspend",))
        task = await self._world.order(command, called, lambda s: vsphere_orders.suspend(s, vm.ref), about)
        await self._world.finish(command, task)


class Shutdown(_Resting):
    """ShutdownGuest, which only asks; a guest that does not obey in time is switched off if `force` says so."""

    power = "poweredOff"

    def __init__(self, world: World, guest_time: float = GUEST_TIME) -> None:
        """`guest_time`: seconds that the guest is given."""
        super().__init__(world)
        self._guest_time = guest_time

    async def act(self, command: Command, called: Called) -> None:
        """Raises Permanent for a guest without tools, or one that does not obey, where it may not be switched off."""
        vm, force = await self._running(command), command.parameters.get("force") is True
        vcenter = parameters.text(command, "vcenter")
        await called(f"guest shutdown of {command.id}")
        try:
            await self._world.vcenters.order(vcenter, lambda s: vsphere_orders.shut_guest_down(s, vm.ref))
            if await self._off(command):
                return
            reason = f"the guest of {vm.name} did not shut down within {self._guest_time:.0f} s"
        except Permanent as error:
            reason = str(error)
        if not force:
            raise Permanent(reason)
        about = About("VirtualMachine", vm.ref, ("powerOff",))
        task = await self._world.order(command, called, lambda s: vsphere_orders.power_off(s, vm.ref), about)
        try:
            await self._world.finish(command, task)
        except TaskFailed as error:
            if error.fault != "InvalidPowerState":  # it is off: the next look says so
                raise

    async def _off(self, command: Command) -> bool:
        until = self._world.clock.monotonic() + self._guest_time
        while self._world.clock.monotonic() < until:
            vm = await self._world.vm(command)
            if vm is not None and vm.power == self.power:
                return True
            await self._world.clock.sleep(POLL)
        return False
