"""vm.register: a VM whose record went with its dead host is registered at a live one, from its own files."""

from actuators import parameters
from actuators.vsphere.tasks import TaskFailed
from actuators.vsphere.world import Looking, refused, unknown
from engine.clients import vsphere_orders, vsphere_reading
from engine.clients.vsphere import Session
from engine.clients.vsphere_reading import HostFacts, VmFacts
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Permanent

Found = tuple[VmFacts | None, HostFacts | None]


def judge(vm: VmFacts | None, target: HostFacts | None, name: str, wanted: str) -> Sighting:
    """What the record of a VM and its target allow; pure."""
    if vm is not None:
        return _recorded(vm, name, wanted)
    if target is None:
        return refused(f"the target {wanted} is not in the inventory")
    if not target.connected:
        return refused(f"the target {wanted} is {target.connection}")
    if not target.in_service:
        return refused(f"the target {wanted} is in maintenance mode, or vCenter does not say that it is not")
    return Sighting(State.READY, f"{name} is not in the inventory", {"target": target.ref})


def _recorded(vm: VmFacts, name: str, wanted: str) -> Sighting:
    here = vm.host.name if vm.host is not None else "no host"
    if vm.host is not None and here == wanted:
        return Sighting(State.REACHED, f"{name} is registered at {wanted}", {"vm": vm.ref})
    if vm.host is not None and vm.host.connected and vm.runs:
        return Sighting(State.REACHED, f"{name} runs at {here} already; it is left there", {"vm": vm.ref, "host": here})
    return unknown(f"{name} is still recorded at {here}, which is not where it should be; a person must look")


class Register(Looking):
    """RegisterVM_Task."""

    async def _find(self, command: Command) -> Found:
        path, uuid = parameters.text(command, "path"), parameters.text(command, "instance_uuid")
        host_uuid = parameters.text(command, "host_uuid")

        def read(session: Session) -> Found:
            vm = vsphere_reading.vm_by_uuid(session, uuid) or vsphere_reading.vm_by_path(session, path)
            return vm, vsphere_reading.host_by_uuid(session, host_uuid)

        return await self._world.ask(command, read)

    async def _see(self, command: Command) -> Sighting:
        vm, target = await self._find(command)
        return judge(vm, target, parameters.text(command, "name"), parameters.text(command, "host"))

    async def act(self, command: Command, called: Called) -> None:
        """Raises Permanent for a template, for a missing pool, and for what vCenter refuses."""
        if command.parameters.get("template"):
            msg = f"{parameters.text(command, 'name')} is a template; register it by hand"
            raise Permanent(msg)
        host_uuid = parameters.text(command, "host_uuid")
        target = await self._world.ask(command, lambda session: vsphere_reading.host_by_uuid(session, host_uuid))
        pool = parameters.optional(command, "pool_ref") or (target.pool_ref if target is not None else None)
        if target is None or pool is None:
            msg = f"no resource pool is known for {parameters.text(command, 'host')}; nothing is registered"
            raise Permanent(msg)
        vm, folder = (
            (parameters.text(command, "path"), parameters.text(command, "name")),
            parameters.optional(command, "folder_ref"),
        )

        def send(session: Session) -> str:
            where = folder or vsphere_orders.vm_folder(session)
            return vsphere_orders.register(session, vm, where, pool, target.ref)

        reference = await self._world.order(command, called, send)
        try:
            await self._world.finish(command, reference)
        except TaskFailed as error:
            if error.fault != "AlreadyExists":  # it is registered: the next look says where
                raise
