"""Moves of VMs between hosts and datastores, and the provisioning checker that is asked about them beforehand."""

from collections.abc import Callable
from typing import Any

from pyVmomi import VmomiSupport, vim, vmodl

from toban.simulator.vcenter import mobility, records
from toban.simulator.vcenter.belief import On
from toban.simulator.vcenter.center import Center
from toban.simulator.vcenter.inventory import GB, listed
from toban.simulator.vcenter.mobility import Order
from toban.simulator.vcenter.sessions import Session

COPY_SPEED = 20.0
"""GB a second at which disks are copied."""


def relocate(center: Center, session: Session, vm: Any, spec: Any, _: Any = None) -> Any:
    """RelocateVM_Task: another host, another datastore, or both."""
    return _move(center, session, "RelocateVM_Task", _of_spec(center, vm, spec))


def migrate(center: Center, session: Session, vm: Any, *rest: Any) -> Any:
    """MigrateVM_Task(pool, host, priority, state)."""
    center.registry.find(vm)
    return _move(center, session, "MigrateVM_Task", _order(center, vm, rest[1], rest[0]))


def check_relocate(center: Center, session: Session, _: Any, vm: Any, spec: Any, __: Any = None) -> Any:
    """CheckRelocate_Task(vm, spec, testType): all tests are made."""
    return _check(center, session, "CheckRelocate_Task", _of_spec(center, vm, spec))


def check_migrate(center: Center, session: Session, _: Any, vm: Any, *rest: Any) -> Any:
    """CheckMigrate_Task(vm, host, pool, state, testType): in the state that is named, or as the VM is."""
    host, pool, state = (*rest, None, None, None)[:3]
    return _check(center, session, "CheckMigrate_Task", _order(center, vm, host, pool, power=state))


def _of_spec(center: Center, vm: Any, spec: Any) -> Order:
    host = spec.host if spec.host is not None else center.inventory.get(center.registry.find(vm), "runtime.host")
    return _order(center, vm, host, spec.pool, store=spec.datastore)


def _order(center: Center, vm: Any, target: Any, pool: Any, *, store: Any = None, power: Any = None) -> Order:
    center.registry.find(vm)
    if target is None or (pool is not None and pool != center.inventory.pool):
        raise vmodl.fault.InvalidArgument(
            msg="host and pool must belong to one compute resource", invalidProperty="spec.pool"
        )
    for one in (target, store):
        if one is not None:
            center.registry.find(one)
    return Order(vm, target, store, power)


def _check(center: Center, session: Session, method: str, order: Order) -> Any:
    def work() -> Any:
        found = vim.vm.check.Result(vm=order.vm, host=order.target, error=mobility.against(center, order))
        return VmomiSupport.GetVmodlType("vim.vm.check.Result[]")([found])

    return center.start(method, order.vm, center.seconds.check, work, session.user or "")


def _move(center: Center, session: Session, method: str, order: Order) -> Any:
    inventory, vm = center.inventory, order.vm
    center.require_reach(inventory.get(vm, "runtime.host"))
    hot = inventory.get(vm, "runtime.powerState") == On
    seconds = center.seconds.relocate if hot else center.seconds.register_vm
    if order.store is not None and inventory.get(order.store, "name") != inventory.files(vm).datastore:
        seconds += inventory.files(vm).disk_gb / COPY_SPEED
    task = center.start(method, vm, seconds, lambda: _arrive(center, order), session.user or "")
    kind = vim.event.VmBeingHotMigratedEvent if hot else vim.event.VmBeingRelocatedEvent
    center.announce(task, center.events.about_vm(kind, vm, destHost=center.events.host(order.target)))
    return task


def _arrive(center: Center, order: Order) -> None:
    faults = mobility.against(center, order)
    if faults:
        raise faults[0]
    inventory, vm, target = center.inventory, order.vm, order.target
    source, files = inventory.get(vm, "runtime.host"), inventory.files(vm)
    here, there = inventory.truth_of(source), inventory.truth_of(target)
    hot = files.name in here.running
    if order.store is not None:
        _rehouse(center, order)
    if hot and here is not there:
        center.truth.move(files.name, here.name, there.name)
    inventory.set(vm, "runtime.host", target)
    inventory.touch(source, "vm")
    inventory.touch(target, "vm")
    kind = vim.event.VmMigratedEvent if hot else vim.event.VmRelocatedEvent
    center.events.post(center.events.about_vm(kind, vm, sourceHost=center.events.host(source)))


def _rehouse(center: Center, order: Order) -> None:
    """The VM's files lie on the other datastore; its record says so, and how much room is left on both."""
    inventory, vm = center.inventory, order.vm
    files, name = inventory.files(vm), inventory.get(order.store, "name")
    if files.datastore == name:
        return
    for store, gained in ((inventory.stores[files.datastore], files.disk_gb), (order.store, -files.disk_gb)):
        inventory.set(store, "summary.freeSpace", inventory.get(store, "summary.freeSpace") + gained * GB)
    center.truth.rehouse(files.name, name)
    inventory.set(vm, "config.files.vmPathName", files.path)
    inventory.set(vm, "summary.config.vmPathName", files.path)
    inventory.set(vm, "config.hardware.device", [records.disk(inventory, files)])
    inventory.set(vm, "datastore", listed([order.store]))


METHODS: dict[str, Callable[..., Any]] = {
    "RelocateVM_Task": relocate,
    "MigrateVM_Task": migrate,
    "CheckRelocate_Task": check_relocate,
    "CheckMigrate_Task": check_migrate,
}
