"""Live inventory of a vCenter: one property filter over everything that counts, as plain values. Blocking."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyVmomi import VmomiSupport, vim, vmodl

from engine.clients import vsphere, vsphere_faults
from engine.clients.vsphere import Session

query = vmodl.query.PropertyCollector

PATHS: Mapping[Any, tuple[str, ...]] = {
    vim.HostSystem: (
        "name",
        "parent",
        "runtime.connectionState",
        "runtime.powerState",
        "runtime.inMaintenanceMode",
        "hardware.systemInfo.uuid",
        "summary.hardware.cpuMhz",
        "summary.hardware.numCpuCores",
        "summary.hardware.memorySize",
        "datastore",
    ),
    vim.VirtualMachine: (
        "name",
        "parent",
        "resourcePool",
        "datastore",
        "runtime.powerState",
        "runtime.connectionState",
        "runtime.host",
        "runtime.dasVmProtection",
        "config.instanceUuid",
        "config.template",
        "config.changeVersion",
        "config.files.vmPathName",
        "config.hardware.numCPU",
        "config.hardware.memoryMB",
    ),
    vim.Datastore: ("name", "summary.url", "summary.accessible", "summary.capacity", "summary.freeSpace", "host"),
    vim.ComputeResource: ("name", "resourcePool", "configurationEx"),
}
STATS = "summary.quickStats."


@dataclass(frozen=True, slots=True)
class Change:
    """One object entered, changed or left. `values` holds only what was told; None: the property is unset."""

    kind: str
    """HostSystem, VirtualMachine, Datastore, ComputeResource (clusters too)."""
    ref: str
    left: bool
    values: Mapping[str, Any]


def plain(value: Any) -> Any:
    """A property as strings, numbers, booleans and tuples; objects become their references."""
    if isinstance(value, VmomiSupport.ManagedObject):
        return str(value._moId)  # noqa: SLF001  pyVmomi's name for the reference
    if isinstance(value, list):
        return tuple(plain(item) for item in value)
    if isinstance(value, VmomiSupport.DataObject):
        return _part(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, bool | int | float) or value is None else str(value)


def _part(value: Any) -> Any:
    if isinstance(value, vim.vm.RuntimeInfo.DasProtectionState):
        return bool(value.dasProtected)
    if isinstance(value, vim.Datastore.HostMount):
        return plain(value.key)
    das = getattr(value, "dasConfig", None)  # configurationEx of a cluster
    return bool(das.enabled) if das is not None else False


def kind_of(target: Any) -> str:
    """The kind of an object by the table above."""
    return next(vsphere.kind_name(kind("")) for kind in PATHS if isinstance(target, kind))


class InventoryWatch:
    """One property collector of its own with one filter; for one thread."""

    def __init__(self, session: Session, longest_wait: float) -> None:
        """Opens view and filter; the stub's time-out lies 30 s above the longest wait."""
        self._session, self._longest = session, longest_wait
        stub = session.sibling(timeout=longest_wait + 30.0)
        root = session.content.rootFolder
        self._view: Any = session.content.viewManager.CreateContainerView(root, list(PATHS), True)
        made = session.content.propertyCollector.CreatePropertyCollector()
        self._collector: Any = session.managed(query, made._moId, stub)  # noqa: SLF001
        self._collector.CreateFilter(vsphere.view_filter(self._view, PATHS), False)
        self._version = ""

    def everything(self) -> list[Change]:
        """A full read: forget what was told and be told everything."""
        self._version = ""
        return self._until_whole(wait=10)

    def more(self) -> list[Change]:
        """What changed, or [] when nothing did for the longest wait."""
        return self._until_whole(wait=int(self._longest))

    def _until_whole(self, wait: int) -> list[Change]:
        changes: list[Change] = []
        options = query.WaitOptions(maxWaitSeconds=wait, maxObjectUpdates=500)
        while True:
            updates = vsphere_faults.parsed(lambda: self._collector.WaitForUpdatesEx(self._version, options))
            if updates is None:
                return changes
            self._version = updates.version
            changes += [_change(one) for part in updates.filterSet for one in part.objectSet]
            if not updates.truncated:
                return changes

    def cancel(self) -> None:
        """Wake a `more` that waits in another thread: it ends with RequestCanceled."""
        self._session.managed(query, self._collector._moId).CancelWaitForUpdates()  # noqa: SLF001

    def close(self) -> None:
        """Give collector and view back; a session that is gone has taken them along."""
        for part in (self._collector.DestroyPropertyCollector, self._view.DestroyView):
            try:
                part()
            except vsphere_faults.ANY:
                return


def _change(update: Any) -> Change:
    vsphere.missing_of(update.missingSet)
    left = update.kind == query.ObjectUpdate.Kind.leave
    values = {str(change.name): plain(change.val) for change in update.changeSet}
    return Change(kind_of(update.obj), str(update.obj._moId), left, values)  # noqa: SLF001


def loads(session: Session) -> dict[str, tuple[int, int]]:
    """(CPU in MHz, memory in MB) of every host that is connected and VM that is on and visible, by reference."""
    found: dict[str, tuple[int, int]] = {}
    cpu, host_memory, vm_memory = f"{STATS}overallCpuUsage", f"{STATS}overallMemoryUsage", f"{STATS}hostMemoryUsage"
    for row in session.read(vim.HostSystem, ("runtime.connectionState", cpu, host_memory)):
        if row.get("runtime.connectionState") == "connected":
            _add(found, row.ref, row.get(cpu), row.get(host_memory))
    states = ("runtime.connectionState", "runtime.powerState")
    for row in session.read(vim.VirtualMachine, (*states, cpu, vm_memory)):
        if row.get(states[0]) == "connected" and row.get(states[1]) == "poweredOn":
            _add(found, row.ref, row.get(cpu), row.get(vm_memory))
    return found


def _add(found: dict[str, tuple[int, int]], ref: str, cpu: Any, memory: Any) -> None:
    if isinstance(cpu, int) and isinstance(memory, int):
        found[ref] = (int(cpu), int(memory))
