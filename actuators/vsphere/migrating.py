"""vm.migrate: a running VM changes hosts without stopping; every refusal that can be read is told beforehand."""

from pydantic import JsonValue

from actuators import parameters
from actuators.vsphere.world import Looking, refused, unknown
from engine.clients import vsphere_orders, vsphere_reading
from engine.clients.vsphere import Session
from engine.clients.vsphere_reading import HostFacts, VmFacts
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Permanent

Found = tuple[VmFacts | None, HostFacts | None]


def refusals(vm: VmFacts, source: HostFacts, target: HostFacts) -> list[str]:
    """Why a hot migration would fail (SigmaSystemCenter reference, conditions of VM mobility, as far as readable)."""
    checks = [
        (vm.power != "poweredOn", f"{vm.name} is {vm.power}; only a running VM is migrated hot"),
        (vm.question is not None, f"{vm.name} waits for an answer"),
        (not source.connected, f"the source {source.name} is {source.connection}"),
        (not target.connected, f"the target {target.name} is {target.connection}"),
        (target.maintenance, f"the target {target.name} is in maintenance mode, or vCenter does not say"),
        (source.vmotion is False, f"VMotion is off at {source.name}"),
        (target.vmotion is False, f"VMotion is off at {target.name}"),
        (not vm.datastores, f"the datastores of {vm.name} cannot be read"),
        (not vm.datastores <= target.datastores, f"{target.name} does not mount every datastore of {vm.name}"),
        (_unlike(vm, target), f"a network of {vm.name} is missing at {target.name}"),
    ]
    return [sentence for holds, sentence in checks if holds]


def _unlike(vm: VmFacts, target: HostFacts) -> bool:
    return vm.networks is not None and target.networks is not None and not vm.networks <= target.networks


def judge(vm: VmFacts | None, target: HostFacts | None, name: str, wanted: tuple[str, str]) -> Sighting:
    """What the records allow; `wanted` is (source, target). Pure."""
    source_name, target_name = wanted
    if vm is None or vm.host is None:
        return unknown(f"{name} has no readable record")
    if vm.host.name == target_name:
        return _arrived(vm, target_name)
    if vm.host.name != source_name:
        return refused(f"{name} is at {vm.host.name} by now, not at {source_name}; the plan is out of date")
    gone = [f"the target {target_name} is not in the inventory"]
    reasons = gone if target is None else refusals(vm, vm.host, target)
    if reasons:
        return refused("; ".join(reasons))
    facts: dict[str, JsonValue] = {"host": source_name, "boot_time": vm.boot_time}
    return Sighting(State.READY, f"{name} runs at {source_name} and fits at {target_name}", facts)


def _arrived(vm: VmFacts, target: str) -> Sighting:
    if not vm.runs:
        return unknown(f"{vm.name} is at {target}, but {vm.power} and {vm.connection}")
    return Sighting(State.REACHED, f"{vm.name} runs at {target}", {"host": target, "boot_time": vm.boot_time})


class Migrate(Looking):
    """RelocateVM_Task with host and pool only: the disks stay."""

    async def _find(self, command: Command) -> Found:
        uuid, target = parameters.text(command, "instance_uuid"), parameters.text(command, "target_uuid")

        def read(session: Session) -> Found:
            return vsphere_reading.vm_by_uuid(session, uuid), vsphere_reading.host_by_uuid(session, target)

        return await self._world.ask(command, read)

    async def _see(self, command: Command) -> Sighting:
        vm, target = await self._find(command)
        wanted = (parameters.text(command, "source"), parameters.text(command, "target"))
        return judge(vm, target, parameters.text(command, "name"), wanted)

    async def act(self, command: Command, called: Called) -> None:
        """Raises Permanent if vCenter refuses, or if the VM was restarted on its way."""
        vm, target = await self._find(command)
        if vm is None or target is None:
            msg = f"{parameters.text(command, 'name')} or its target left the inventory"
            raise Permanent(msg)
        reference = await self._world.order(
            command, called, lambda s: vsphere_orders.relocate(s, vm.ref, target.ref, target.pool_ref)
        )
        await self._world.finish(command, reference)
        after, _ = await self._find(command)
        if after is not None and after.boot_time != vm.boot_time:
            msg = f"{vm.name} was restarted on its way (it started at {after.boot_time}, before at {vm.boot_time})"
            raise Permanent(msg)
