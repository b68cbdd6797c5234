"""Orders about records of VMs: register, unregister, and the one order that is always refused."""

from collections.abc import Callable
from typing import Any

from pyVmomi import vim, vmodl

from toban.simulator.vcenter import machines, records
from toban.simulator.vcenter.belief import Off, On
from toban.simulator.vcenter.center import Center
from toban.simulator.vcenter.sessions import Session


def unregister(center: Center, session: Session, vm: Any) -> None:
    """UnregisterVM: the record goes, the files stay."""
    machines.require_state(center, center.registry.find(vm), Off, On)
    host = center.inventory.get(vm, "runtime.host")
    center.require_reach(host)
    center.events.post(center.events.about_vm(vim.event.VmRemovedEvent, vm), user=session.user or "")
    center.registry.remove(vm)
    center.inventory.touch(host, "vm")


def destroy(center: Center, _: Session, vm: Any) -> Any:
    """Destroy_Task on a VM deletes disks: nobody here may, and the attempt is noted."""
    center.truth.ledger.violation("destroy-refused", entity=vm._moId)  # noqa: SLF001
    raise vim.fault.NoPermission(
        msg="nobody may destroy this", object=vm, privilegeId="VirtualMachine.Inventory.Delete"
    )


def register(center: Center, session: Session, folder: Any, *order: Any) -> Any:
    """RegisterVM_Task(path, name, asTemplate, pool, host) on a folder."""
    path, name, as_template, pool, host = order
    center.registry.find(folder)
    if as_template:
        raise vmodl.fault.NotSupported(msg="templates are not simulated")
    if pool is None or (pool != center.inventory.pool):
        raise vmodl.fault.InvalidArgument(msg="a pool of the target's cluster is needed", invalidProperty="pool")

    def work() -> Any:
        return _registered(center, path, name, host)

    entity = center.registry.find(folder)
    return center.start("RegisterVM_Task", entity, center.seconds.register_vm, work, session.user or "")


def _registered(center: Center, path: str, name: str | None, host: Any) -> Any:
    inventory, truth = center.inventory, center.truth
    target = host if host is not None else next(iter(inventory.hosts.values()))
    known = inventory.vm_at(path)
    if known is not None:
        raise vim.fault.AlreadyExists(msg="this path is registered already", name=inventory.get(known, "name"))
    store = path.partition("[")[2].partition("]")[0]
    if store not in truth.stores:
        raise vim.fault.InvalidDatastore(msg=f"no datastore {store}", name=store)
    files = next((vm for vm in truth.vms.values() if vm.path == path), None)
    if files is None:
        raise vim.fault.NotFound(msg=f"no file {path}")
    center.registry.find(target)
    if inventory.get(target, "runtime.connectionState") != vim.HostSystem.ConnectionState.connected:
        raise vim.fault.InvalidState(msg="the host is out of reach")
    machines.require_service(center, target)
    if inventory.truth_of(target).name not in truth.stores[store].hosts:
        raise vim.fault.InvalidDatastore(msg=f"the host does not mount {store}", name=store)
    shown = name or files.name
    if inventory.vm_named(shown) is not None:
        raise vim.fault.DuplicateName(msg=f"{shown} exists", name=shown, object=inventory.vm_named(shown))
    vm = records.add_vm(inventory, files, target, on=False, name=shown)
    truth.ledger.write("vm.registered", vm=files.name, host=inventory.truth_of(target).name)
    center.events.post(center.events.about_vm(vim.event.VmRegisteredEvent, vm))
    return vm


METHODS: dict[str, Callable[..., Any]] = {
    "UnregisterVM": unregister,
    "RegisterVM_Task": register,
}
