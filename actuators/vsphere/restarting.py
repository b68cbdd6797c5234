"""vm.restart: reset a running VM, start one that is off or suspended; never a second reset for want of an answer."""

from actuators import parameters
from actuators.vsphere.starting import PowerOn
from actuators.vsphere.tasks import Fate, TaskFailed
from actuators.vsphere.trails import About, Trail
from actuators.vsphere.world import refused, unknown
from engine.clients import vsphere_orders
from engine.clients.vsphere_reading import HostFacts, VmFacts
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Refused, TobanError

STARTS = ("reset", "powerOn")
"""Tasks that leave the VM freshly started."""
UNSEEN = ("disconnected", "orphaned", "inaccessible", "invalid")
POWERS = ("poweredOn", "poweredOff", "suspended")


def judge(vm: VmFacts | None, name: str, host: str, host_uuid: str) -> Sighting:
    """What the record allows before anything was sent; pure."""
    if vm is None:
        return unknown(f"{name} is not in the inventory; it cannot be restarted")
    if vm.host is None:
        return unknown(f"{name} has no host in vCenter; it cannot be restarted")
    if vm.connection in UNSEEN:
        return refused(f"{name} is {vm.connection} at {vm.host.name}; what vCenter cannot see is not restarted")
    if vm.host.uuid != host_uuid.lower():
        return refused(f"{name} is at {vm.host.name} by now, not at {host}; the plan is out of date")
    if vm.host.connection in ("disconnected", "notResponding"):
        return refused(f"{name} is at {host}, which is {vm.host.connection}")
    if vm.connection != "connected" or not vm.host.connected or vm.power not in POWERS:
        return unknown(f"{name} is {vm.power} and {vm.connection} at {host}, which is {vm.host.connection}")
    return _may_start(vm, vm.host)


def _may_start(vm: VmFacts, host: HostFacts) -> Sighting:
    if vm.power != "poweredOn" and not host.in_service:
        return refused(f"{host.name} is in maintenance mode, or vCenter does not say that it is not")
    if vm.power == "poweredOn" and vm.question is not None:
        return refused(f"{vm.name} waits for an answer: {vm.question.message}")
    facts = {"vm": vm.ref, "host": host.name, "power": vm.power, "boot_time": vm.boot_time}
    return Sighting(State.READY, f"{vm.name} is {vm.power} at {host.name}", dict(facts))


def resumed(vm: VmFacts, fate: Fate | None, reference: str) -> Sighting | None:
    """What an order that may have been sent came to; None: nothing, so the record alone counts. Pure."""
    if fate is None and Trail.parse(reference) is not None:
        return None
    if fate is None:  # vCenter took it and forgot: it was restarted itself, or that was long ago
        running = f"vCenter no longer knows the task {reference}; whether {vm.name} was restarted cannot be told"
        return unknown(running) if vm.power == "poweredOn" else None
    if fate.under_way:
        return Sighting(State.BUSY, f"the task {fate.task} is under way", {"task": fate.task})
    if fate.state != "success":
        return None
    if not vm.runs or vm.host is None:
        return unknown(f"{vm.name} was restarted and is {vm.power} and {vm.connection} again; a person must look")
    facts = {"host": vm.host.name, "boot_time": vm.boot_time, "task": fate.task}
    return Sighting(State.REACHED, f"{vm.name} was restarted and runs at {vm.host.name}", dict(facts))


class Restart(PowerOn):
    """ResetVM_Task, or PowerOnVM_Task; a running VM alone does not show that it was reset, its task does."""

    async def look(self, command: Command, reference: str | None = None) -> Sighting:
        """REACHED only by a start that this command, or somebody with the same aim meanwhile, brought to its end."""
        try:
            vm = await self._world.vm(command)
            if reference is not None and vm is not None:
                found = resumed(vm, await self._world.fate(command, reference), reference)
                if found is not None:
                    return found
            return self._judge(command, vm)
        except TobanError as error:
            return unknown(str(error))

    def _judge(self, command: Command, vm: VmFacts | None) -> Sighting:
        host, uuid = parameters.text(command, "host"), parameters.text(command, "host_uuid")
        return judge(vm, parameters.text(command, "name"), host, uuid)

    async def act(self, command: Command, called: Called) -> None:
        """One start of the kind that fits now; raises Refused if the record no longer allows it."""
        vm = await self._world.vm(command)
        now = self._judge(command, vm)
        if vm is None or now.state is not State.READY:
            raise Refused(now.detail)
        if vm.power != "poweredOn":
            await super().act(command, called)
            return
        about = About("VirtualMachine", vm.ref, STARTS)
        reference = await self._world.order(command, called, lambda s: vsphere_orders.reset(s, vm.ref), about)
        try:
            await self._world.finish(command, reference)
        except TaskFailed as error:
            if error.fault != "InvalidPowerState":  # it is off by now: the next look says so
                raise
