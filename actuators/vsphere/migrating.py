"""vm.migrate: a VM changes hosts, running without a stop, or off; every refusal that can be read is told beforehand."""

from dataclasses import dataclass

from pydantic import JsonValue

from actuators import parameters
from actuators.vsphere import mobility
from actuators.vsphere.compatibility import Compatibility
from actuators.vsphere.mobility import Passage
from actuators.vsphere.trails import About
from actuators.vsphere.world import Looking, World, refused, unknown
from engine.clients import vsphere_moving, vsphere_orders, vsphere_reading
from engine.clients.vsphere import Session
from engine.clients.vsphere_moving import Around, Journey
from engine.clients.vsphere_reading import HostFacts, VmFacts
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Permanent

POWERS = ("poweredOn", "poweredOff", "suspended")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The move that was planned."""

    name: str
    source: str
    target: str
    cold: bool = False
    """The VM need not run: it was off when this was planned. If it runs by now it moves hot: the end is the same."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the records say."""

    vm: VmFacts | None
    target: HostFacts | None
    around: Around | None = None

    def passage(self, wanted: Wanted) -> Passage | None:
        """The move itself; None where one of its ends is not known."""
        if self.vm is None or self.vm.host is None or self.target is None:
            return None
        return Passage(self.vm, self.vm.host, self.target, must_run=not wanted.cold, around=self.around)


def judge(found: Found, wanted: Wanted) -> Sighting:
    """What the records allow; pure."""
    vm = found.vm
    if vm is None or vm.host is None:
        return unknown(f"{wanted.name} has no readable record")
    if vm.host.name == wanted.target:
        return _arrived(vm, vm.host, cold=wanted.cold)
    if vm.host.name != wanted.source:
        return refused(f"{wanted.name} is at {vm.host.name} by now, not at {wanted.source}; the plan is out of date")
    if vm.power not in POWERS:
        return unknown(f"{wanted.name} is {vm.power} at {wanted.source}")
    passage = found.passage(wanted)
    gone = [f"the target {wanted.target} is not in the inventory of this vCenter"]
    reasons = gone if passage is None else mobility.refusals(passage)
    if reasons:
        return refused("; ".join(reasons))
    facts: dict[str, JsonValue] = {"host": wanted.source, "power": vm.power, "boot_time": vm.boot_time}
    return Sighting(State.READY, f"{wanted.name} {_is(vm)} at {wanted.source} and fits at {wanted.target}", facts)


def _is(vm: VmFacts) -> str:
    return "runs" if vm.power == "poweredOn" else f"is {vm.power}"


def _arrived(vm: VmFacts, target: HostFacts, *, cold: bool) -> Sighting:
    settled = vm.power in POWERS and vm.connection == "connected" and target.connected
    if not (settled if cold else vm.runs):
        return unknown(f"{vm.name} is at {target.name}, but {vm.power} and {vm.connection}")
    facts: dict[str, JsonValue] = {"host": target.name, "power": vm.power, "boot_time": vm.boot_time}
    return Sighting(State.REACHED, f"{vm.name} {_is(vm)} at {target.name}", facts)


class Migrate(Looking):
    """RelocateVM_Task with host and pool only: the disks stay."""

    def __init__(self, world: World, compatibility: Compatibility) -> None:
        """The world is handed in, and who asks vCenter about a move beforehand."""
        super().__init__(world)
        self._compatibility = compatibility

    async def _find(self, command: Command) -> Found:
        uuid, target_uuid = parameters.text(command, "instance_uuid"), parameters.text(command, "target_uuid")

        def read(session: Session) -> Found:
            vm = vsphere_reading.vm_by_uuid(session, uuid)
            target = vsphere_reading.host_by_uuid(session, target_uuid)
            if vm is None or vm.host is None or target is None or vm.host.ref == target.ref:
                return Found(vm, target)
            return Found(vm, target, vsphere_moving.around(session, vm, target))

        return await self._world.ask(command, read)

    async def _see(self, command: Command) -> Sighting:
        found, wanted = await self._find(command), _wanted(command)
        seen, passage = judge(found, wanted), found.passage(wanted)
        if seen.state is not State.READY or passage is None:
            return seen
        journey = Journey(passage.vm.ref, passage.target.ref, passage.target.pool_ref)
        said = await self._compatibility.judge(command, journey, passage)
        if said.reasons:
            return refused("; ".join(said.reasons))
        return Sighting(State.READY, f"{seen.detail}; {said.note}" if said.note else seen.detail, seen.facts)

    async def act(self, command: Command, called: Called) -> None:
        """Raises Permanent if vCenter refuses, or if the VM was restarted on its way."""
        found = await self._find(command)
        vm, target = found.vm, found.target
        if vm is None or target is None:
            msg = f"{parameters.text(command, 'name')} or its target left the inventory"
            raise Permanent(msg)
        about = About("VirtualMachine", vm.ref, ("relocate", "migrate"))
        journey = Journey(vm.ref, target.ref, target.pool_ref)
        reference = await self._world.order(command, called, lambda s: vsphere_orders.relocate(s, journey), about)
        await self._world.finish(command, reference)
        after = (await self._find(command)).vm
        if vm.power == "poweredOn" and after is not None and after.boot_time != vm.boot_time:
            msg = f"{vm.name} was restarted on its way (it started at {after.boot_time}, before at {vm.boot_time})"
            raise Permanent(msg)


def _wanted(command: Command) -> Wanted:
    name, source, end = (parameters.text(command, part) for part in ("name", "source", "target"))
    return Wanted(name, source, end, cold=command.parameters.get("cold") is True)
