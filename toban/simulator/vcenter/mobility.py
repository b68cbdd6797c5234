"""What a vCenter has against a move: the same faults whether it is asked beforehand or told to move."""

from dataclasses import dataclass
from ipaddress import ip_interface
from typing import Any

from pyVmomi import vim, vmodl

from toban.simulator.truth import Host, Vm
from toban.simulator.vcenter.belief import On
from toban.simulator.vcenter.center import Center
from toban.simulator.vcenter.inventory import GB

Suspended = vim.VirtualMachine.PowerState.suspended


@dataclass(frozen=True, slots=True)
class Order:
    """A move as it was asked for."""

    vm: Any
    target: Any
    store: Any = None
    """The datastore where its disks go; None: they stay."""
    power: Any = None
    """The power state in which it is to move; None: the one that it has."""


def against(center: Center, order: Order) -> list[Any]:
    """Every fault that the move would meet, the first one first."""
    inventory = center.inventory
    source = inventory.get(order.vm, "runtime.host")
    try:
        for host in (source, order.target):
            center.require_reach(host)
    except vmodl.MethodFault as error:
        return [error]
    files, here, there = inventory.files(order.vm), inventory.truth_of(source), inventory.truth_of(order.target)
    faults: list[Any] = []
    if inventory.get(order.target, "runtime.inMaintenanceMode"):
        faults.append(vim.fault.InvalidHostState(msg=f"{there.name} is in maintenance mode.", host=order.target))
    if _datacenter(center, source) != _datacenter(center, order.target):
        faults.append(vim.fault.DatacenterMismatch(msg="The hosts are in different datacenters."))
    power = order.power or inventory.get(order.vm, "runtime.powerState")
    if here is not there:
        faults += _hot(order, here, there) if power == On else []
        faults += _hardware(order, files, there, awake=power in (On, Suspended))
        faults += _network(center, files, there)
    return faults + _storage(center, order, files, there)


def _hot(order: Order, here: Host, there: Host) -> list[Any]:
    faults: list[Any] = []
    for host, at_source in ((here, True), (there, False)):
        where = {"atSourceHost": at_source, "failedHost": host.name}
        if not host.mobility.licensed:
            msg = f"{host.name} is not licensed for vMotion."
            faults.append(vim.fault.VMotionNotLicensed(msg=msg, **where))
        if not host.mobility.vmotion:
            msg = f"No VMkernel port of {host.name} is configured for vMotion."
            faults.append(vim.fault.VMotionNotConfigured(msg=msg, **where))
    lans = [ip_interface(one).network for one in (here.mobility.address, there.mobility.address) if one is not None]
    if len(set(lans)) > 1:
        msg = f"The vMotion ports of {here.name} and {there.name} cannot reach each other."
        failed = {"atSourceHost": False, "failedHost": there.name, "failedHostEntity": order.target}
        faults.append(vim.fault.VMotionLinkDown(msg=msg, network=str(lans[1]), **failed))
    return faults


def _hardware(order: Order, files: Vm, there: Host, *, awake: bool) -> list[Any]:
    faults: list[Any] = []
    if files.hardware > there.mobility.newest_hardware:
        msg = f"{there.name} does not support hardware version vmx-{files.hardware}."
        fault = vim.fault.VirtualHardwareVersionNotSupported(msg=msg, hostName=there.name, host=order.target)
        faults.append(fault)
    if awake and files.cpu > there.mobility.cpu:
        msg = f"The CPU of {there.name} lacks features that {files.name} uses."
        faults.append(vim.fault.FeatureRequirementsNotMet(msg=msg, vm=order.vm, host=order.target))
    return faults


def _network(center: Center, files: Vm, there: Host) -> list[Any]:
    if files.network in there.mobility.networks:
        return []
    msg = f"Network adapter 1 uses {files.network}, which {there.name} lacks."
    card = {"device": "Network adapter 1", "backing": files.network, "connected": True}
    return [vim.fault.CannotAccessNetwork(msg=msg, network=center.inventory.networks[files.network], **card)]


def _storage(center: Center, order: Order, files: Vm, there: Host) -> list[Any]:
    truth, inventory = center.truth, center.inventory
    if order.store is None:
        if there.name in truth.stores[files.datastore].hosts:
            return []
        name = f"{there.name} does not mount {files.datastore}"
        return [vim.fault.InvalidDatastore(msg=name, name=files.datastore)]
    name = inventory.get(order.store, "name")
    if there.name not in truth.stores[name].hosts:
        return [vim.fault.InvalidDatastore(msg=f"{there.name} does not mount {name}", name=name)]
    free = inventory.get(order.store, "summary.freeSpace")
    if name != files.datastore and (name in truth.full or files.disk_gb * GB > free):
        return [vim.fault.NoDiskSpace(msg=f"{name} has no room for {files.name}", file=files.path, datastore=name)]
    return []


def _datacenter(center: Center, entity: Any) -> Any:
    while entity is not None and not isinstance(entity, vim.Datacenter):
        entity = center.inventory.get(entity, "parent")
    return entity
