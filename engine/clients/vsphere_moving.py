"""What decides whether a VM can move, beside the two hosts' own records, and vCenter's own check of it. Blocking."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from pyVmomi import vim, vmodl

from engine.clients.vsphere import Session
from engine.clients.vsphere_reading import HostFacts, VmFacts

query = vmodl.query.PropertyCollector
Lan = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Around:
    """What lies around a move. None: vCenter does not say, which is no objection."""

    source_center: tuple[str, str] | None
    """The datacenter of the source host: reference and name."""
    target_center: tuple[str, str] | None
    source_lan: Lan | None
    """The network of the host's vMotion address."""
    target_lan: Lan | None
    names: Mapping[str, str]
    """Of the datastores and networks that the VM uses and the target lacks, by reference."""


@dataclass(frozen=True, slots=True)
class Store:
    """A datastore that disks are to move to."""

    ref: str
    name: str
    accessible: bool
    mode: str
    """`normal`, or a maintenance mode."""
    free: int | None
    """Bytes; None: not told."""


@dataclass(frozen=True, slots=True)
class Disks:
    """Where a VM's disks lie, and how much they take."""

    stores: frozenset[str]
    """References of the datastores of its virtual disks."""
    committed: int | None
    """Bytes that the whole VM takes; None: not told."""


@dataclass(frozen=True, slots=True)
class Journey:
    """A move as vCenter is asked about it."""

    vm_ref: str
    host_ref: str
    pool_ref: str | None
    datastore_ref: str | None = None
    """Where its disks go; None: they stay."""
    power: str | None = None
    """The power state that it will be moved in, where that is another one than now: poweredOff or suspended."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that vCenter has against a move."""

    fault: str
    """The fault's type name, such as VMotionNotLicensed."""
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What vCenter's check of a move came to."""

    errors: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()


def around(session: Session, vm: VmFacts, target: HostFacts) -> Around:
    """What lies around the move of a VM from its host to this one."""
    source_ref = vm.host.ref if vm.host is not None else target.ref
    centers, lans = _datacenters(session, (source_ref, target.ref)), _lans(session, (source_ref, target.ref))
    return Around(
        centers.get(source_ref),
        centers.get(target.ref),
        lans.get(source_ref),
        lans.get(target.ref),
        _names(session, vm, target),
    )


def store(session: Session, host: HostFacts, name: str) -> Store | None:
    """The datastore of this name that a host mounts, or None; names are unique within a datacenter only."""
    if not host.datastores:
        return None
    paths = ("name", "summary.accessible", "summary.maintenanceMode", "summary.freeSpace")
    targets = [session.managed(vim.Datastore, ref) for ref in sorted(host.datastores)]
    for row in session.read_these(vim.Datastore, targets, paths):
        if row.get("name") == name:
            mode, free = row.get("summary.maintenanceMode"), row.get("summary.freeSpace")
            accessible = row.get("summary.accessible") is True
            return Store(row.ref, name, accessible, str(mode or "normal"), int(free) if free is not None else None)
    return None


def disks(session: Session, vm_ref: str) -> Disks:
    """Where the VM's virtual disks lie; raises vmodl ManagedObjectNotFound if the VM is gone."""
    paths = ("config.hardware.device", "summary.storage.committed")
    row = session.read_one(session.managed(vim.VirtualMachine, vm_ref), paths)
    devices = [one for one in row.get(paths[0]) or () if isinstance(one, vim.vm.device.VirtualDisk)]
    found = [getattr(one.backing, "datastore", None) for one in devices]
    committed = row.get(paths[1])
    stores = frozenset(_ref(one) for one in found if one is not None)
    return Disks(stores, int(committed) if committed is not None else None)


def _datacenters(session: Session, refs: Iterable[str]) -> dict[str, tuple[str, str]]:
    """The datacenter of each host, found by walking up from it in one call."""
    step = query.SelectionSpec(name="up")
    up = query.TraversalSpec(name="up", type=vim.ManagedEntity, path="parent", skip=False, selectSet=[step])
    starts = [query.ObjectSpec(obj=session.managed(vim.HostSystem, ref), skip=False, selectSet=[up]) for ref in refs]
    props = [query.PropertySpec(type=vim.ManagedEntity, pathSet=["name", "parent"])]
    rows = {row.ref: row for row in session.pages(query.FilterSpec(objectSet=starts, propSet=props))}
    found: dict[str, tuple[str, str]] = {}
    for ref in refs:
        here, seen = rows.get(ref), set[str]()
        while here is not None and here.kind != "Datacenter" and here.ref not in seen:
            seen.add(here.ref)
            parent = here.get("parent")
            here = rows.get(_ref(parent)) if parent is not None else None
        if here is not None and here.kind == "Datacenter":
            found[ref] = (here.ref, str(here.get("name") or here.ref))
    return found


def _lans(session: Session, refs: Iterable[str]) -> dict[str, Lan]:
    """The network of each host's vMotion address, where it has one that can be read."""
    path = "config.vmotion.ipConfig"
    found: dict[str, Lan] = {}
    for row in session.read_these(vim.HostSystem, [session.managed(vim.HostSystem, ref) for ref in set(refs)], [path]):
        told = row.get(path)
        if told is None or not told.ipAddress or not told.subnetMask:
            continue
        try:
            found[row.ref] = ip_network(f"{told.ipAddress}/{told.subnetMask}", strict=False)
        except ValueError:  # what is no address says nothing
            continue
    return found


def _names(session: Session, vm: VmFacts, target: HostFacts) -> dict[str, str]:
    """Names of what the VM uses and the target lacks."""
    stores = vm.datastores - target.datastores
    networks = (vm.networks or frozenset()) - (target.networks or frozenset())
    found: dict[str, str] = {}
    for kind, refs in ((vim.Datastore, stores), (vim.Network, networks)):
        if refs:
            rows = session.read_these(kind, [session.managed(kind, ref) for ref in sorted(refs)], ["name"])
            found |= {row.ref: str(row.get("name") or row.ref) for row in rows}
    return found


def check(session: Session, journey: Journey) -> str:
    """Have vCenter check a move without making it; the reference of the task whose result is the verdict.

    CheckMigrate_Task where the VM will be at rest and its disks stay, CheckRelocate_Task otherwise. Raises vmodl
    NotSupported or MethodNotFound where this vCenter has no such check.
    """
    checker = session.content.vmProvisioningChecker
    if checker is None:
        raise vmodl.fault.NotSupported(msg="this vCenter has no provisioning checker")
    vm, host = session.managed(vim.VirtualMachine, journey.vm_ref), session.managed(vim.HostSystem, journey.host_ref)
    pool = session.managed(vim.ResourcePool, journey.pool_ref) if journey.pool_ref is not None else None
    if journey.power is not None and journey.datastore_ref is None:
        return _ref(checker.CheckMigrate_Task(vm, host, pool, journey.power, None))
    return _ref(checker.CheckRelocate_Task(vm, relocation(session, journey), None))


def relocation(session: Session, journey: Journey) -> Any:
    """The specification of a relocation."""
    spec = vim.vm.RelocateSpec(host=session.managed(vim.HostSystem, journey.host_ref))
    if journey.pool_ref is not None:
        spec.pool = session.managed(vim.ResourcePool, journey.pool_ref)
    if journey.datastore_ref is not None:
        spec.datastore = session.managed(vim.Datastore, journey.datastore_ref)
    return spec


def verdict(session: Session, task_ref: str) -> Verdict:
    """The result of a check that has ended well."""
    results = session.read_one(session.managed(vim.Task, task_ref), ["info.result"]).get("info.result") or ()
    errors = [_finding(error) for result in results for error in result.error or ()]
    warnings = [_finding(warning) for result in results for warning in result.warning or ()]
    return Verdict(tuple(errors), tuple(warnings))


def _finding(told: Any) -> Finding:
    name = type(told).__name__.rpartition(".")[2]
    lines = str(getattr(told, "msg", "") or "").splitlines()
    return Finding(name, lines[0] if lines and lines[0] else name)


def _ref(target: Any) -> str:
    return str(target._moId)  # noqa: SLF001  pyVmomi's name for the reference
