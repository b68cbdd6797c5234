"""vm.migrate: a VM changes hosts, running without a stop, or off; every refusal that can be read is told beforehand."""

from dataclasses import dataclass

from pydantic import JsonValue

from actuators import parameters
from actuators.vsphere.trails import About
from actuators.vsphere.world import Looking, refused, unknown
from engine.clients import vsphere_orders, vsphere_reading
from engine.clients.vsphere import Session
from engine.clients.vsphere_reading import HostFacts, VmFacts
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Permanent

Found = tuple[VmFacts | None, HostFacts | None]
POWERS = ("poweredOn", "poweredOff", "suspended")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The move that was planned."""

    name: str
    source: str
    target: str
    cold: bool = False
    """The VM need not run: it was off when this was planned. If it runs by now it moves hot: the end is the same."""


def refusals(vm: VmFacts, source: HostFacts, target: HostFacts, *, cold: bool) -> list[str]:
    """Why a migration would fail (SigmaSystemCenter reference, conditions of VM mobility, as far as readable)."""
    hot = vm.power == "poweredOn"
    checks = [
        (not hot and not cold, f"{vm.name} is {vm.power}; only a running VM is migrated hot"),
        (vm.connection != "connected", f"{vm.name} is {vm.connection}"),
        (vm.question is not None, f"{vm.name} waits for an answer"),
        (not source.connected, f"the source {source.name} is {source.connection}"),
        (not target.connected, f"the target {target.name} is {target.connection}"),
        (not target.in_service, f"the target {target.name} is in maintenance mode, or vCenter does not say"),
        (hot and source.vmotion is False, f"VMotion is off at {source.name}"),
        (hot and target.vmotion is False, f"VMotion is off at {target.name}"),
        (not vm.datastores, f"the datastores of {vm.name} cannot be read"),
        (not vm.datastores <= target.datastores, f"{target.name} does not mount every datastore of {vm.name}"),
        (_unlike(vm, target), f"a network of {vm.name} is missing at {target.name}"),
    ]
    return [sentence for holds, sentence in checks if holds]


def _unlike(vm: VmFacts, target: HostFacts) -> bool:
    return vm.networks is not None and target.networks is not None and not vm.networks <= target.networks


def judge(vm: VmFacts | None, target: HostFacts | None, wanted: Wanted) -> Sighting:
    """What the records allow; pure."""
    if vm is None or vm.host is None:
        return unknown(f"{wanted.name} has no readable record")
    if vm.host.name == wanted.target:
        return _arrived(vm, vm.host, cold=wanted.cold)
    if vm.host.name != wanted.source:
        return refused(f"{wanted.name} is at {vm.host.name} by now, not at {wanted.source}; the plan is out of date")
    if vm.power not in POWERS:
        return unknown(f"{wanted.name} is {vm.power} at {wanted.source}")
    gone = [f"the target {wanted.target} is not in the inventory"]
    reasons = gone if target is None else refusals(vm, vm.host, target, cold=wanted.cold)
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

    async def _find(self, command: Command) -> Found:
        uuid, target = parameters.text(command, "instance_uuid"), parameters.text(command, "target_uuid")

        def read(session: Session) -> Found:
            return vsphere_reading.vm_by_uuid(session, uuid), vsphere_reading.host_by_uuid(session, target)

        return await self._world.ask(command, read)

    async def _see(self, command: Command) -> Sighting:
        vm, target = await self._find(command)
        name, source, end = (parameters.text(command, part) for part in ("name", "source", "target"))
        return judge(vm, target, Wanted(name, source, end, cold=command.parameters.get("cold") is True))

    async def act(self, command: Command, called: Called) -> None:
        """Raises Permanent if vCenter refuses, or if the VM was restarted on its way."""
        vm, target = await self._find(command)
        if vm is None or target is None:
            msg = f"{parameters.text(command, 'name')} or its target left the inventory"
            raise Permanent(msg)
        about = About("VirtualMachine", vm.ref, ("relocate", "migrate"))
        reference = await self._world.order(
            command, called, lambda s: vsphere_orders.relocate(s, vm.ref, target.ref, target.pool_ref), about
        )
        await self._world.finish(command, reference)
        after, _ = await self._find(command)
        if vm.power == "poweredOn" and after is not None and after.boot_time != vm.boot_time:
            msg = f"{vm.name} was restarted on its way (it started at {after.boot_time}, before at {vm.boot_time})"
            raise Permanent(msg)
