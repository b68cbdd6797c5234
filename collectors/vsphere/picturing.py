"""Rows of vCenter properties -> live hosts, VMs and datastores, as event data; pure.

An object with a property that could not be read is left as it was last told: unread is not unset (safety rule S11).
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from pydantic import ValidationError

from engine.clients.vsphere_inventory import Change
from engine.model.estate import Connection, LiveDatastore, LiveHost, LiveVm, Power

MB = 1024 * 1024
Rows: TypeAlias = dict[str, dict[str, Any]]
"""Values by reference."""
Live: TypeAlias = LiveHost | LiveVm | LiveDatastore

CONNECTIONS = {
    "connected": Connection.CONNECTED,
    "disconnected": Connection.DISCONNECTED,
    "notResponding": Connection.NOT_RESPONDING,
}
POWERS = {"poweredOn": Power.ON, "poweredOff": Power.OFF, "suspended": Power.SUSPENDED}


class Inventory:
    """Everything vCenter told so far, by kind and reference; changed only by `apply`."""

    def __init__(self, vcenter: str) -> None:
        """Empty."""
        self._vcenter = vcenter
        self._kinds: dict[str, Rows] = {"HostSystem": {}, "VirtualMachine": {}, "Datastore": {}, "ComputeResource": {}}

    def apply(self, changes: Iterable[Change]) -> None:
        """Take in changes."""
        for change in changes:
            rows = self._kinds[change.kind]
            if change.left:
                rows.pop(change.ref, None)
            else:
                rows[change.ref] = {**rows.get(change.ref, {}), **change.values}

    def replace(self, changes: Iterable[Change]) -> None:
        """A full read: whatever is not in it is gone."""
        for rows in self._kinds.values():
            rows.clear()
        self.apply(changes)

    def capacity(self, ref: str) -> tuple[str, str, int, int] | None:
        """(kind, name, MHz, MB) of a host or VM, for its load; None for an object that is not known well enough."""
        for kind, rows in (("host", self._kinds["HostSystem"]), ("vm", self._kinds["VirtualMachine"])):
            if ref in rows:
                return _capacity(kind, rows[ref], self._kinds["HostSystem"])
        return None

    def measurable(self, kind: str) -> dict[str, str]:
        """Names by reference of what can tell statistics now: hosts that are connected, VMs that are on and visible."""
        rows = self._kinds["HostSystem" if kind == "host" else "VirtualMachine"]
        return {
            ref: str(row["name"])
            for ref, row in rows.items()
            if "name" in row
            and row.get("runtime.connectionState") == "connected"
            and (kind == "host" or row.get("runtime.powerState") == "poweredOn")
        }

    def live(self) -> dict[str, Live]:
        """Every object that is known well enough, by reference."""
        found: dict[str, Live] = {}
        for ref, row in self._kinds["HostSystem"].items():
            _put(found, ref, self._host, row)
        for ref, row in self._kinds["VirtualMachine"].items():
            _put(found, ref, self._vm, row)
        for ref, row in self._kinds["Datastore"].items():
            _put(found, ref, self._store, row)
        return found

    def _host(self, ref: str, row: Mapping[str, Any]) -> LiveHost:
        parent = self._kinds["ComputeResource"].get(row.get("parent") or "", {})
        return LiveHost(
            name=row["name"],
            ref=ref,
            vcenter=self._vcenter,
            uuid=str(row["hardware.systemInfo.uuid"]).lower(),
            connection=CONNECTIONS.get(row["runtime.connectionState"], Connection.UNKNOWN),
            power=POWERS.get(row.get("runtime.powerState") or "", Power.UNKNOWN),
            maintenance=bool(row["runtime.inMaintenanceMode"]),
            cluster=parent.get("name"),
            cluster_ref=row.get("parent"),
            pool_ref=parent.get("resourcePool"),
            ha=bool(parent.get("configurationEx")),
            cpu_mhz=int(row["summary.hardware.cpuMhz"]) * int(row["summary.hardware.numCpuCores"]),
            memory_mb=int(row["summary.hardware.memorySize"]) // MB,
            datastores=self._names("Datastore", row.get("datastore")),
        )

    def _vm(self, ref: str, row: Mapping[str, Any]) -> LiveVm:
        host = self._kinds["HostSystem"].get(row.get("runtime.host") or "", {})
        return LiveVm(
            name=row["name"],
            ref=ref,
            vcenter=self._vcenter,
            instance_uuid=row["config.instanceUuid"],
            host=host.get("name"),
            power=POWERS.get(row["runtime.powerState"], Power.UNKNOWN),
            connection=CONNECTIONS.get(row["runtime.connectionState"], Connection.UNKNOWN),
            template=bool(row.get("config.template")),
            path=row["config.files.vmPathName"],
            datastores=self._names("Datastore", row.get("datastore")),
            folder_ref=row.get("parent"),
            pool_ref=row.get("resourcePool"),
            cpus=int(row["config.hardware.numCPU"]),
            memory_mb=int(row["config.hardware.memoryMB"]),
            ha_protected=row.get("runtime.dasVmProtection"),
            change_version=str(row.get("config.changeVersion") or ""),
        )

    def _store(self, ref: str, row: Mapping[str, Any]) -> LiveDatastore:
        hosts = self._names("HostSystem", row.get("host"))
        capacity, free = int(row["summary.capacity"]), int(row["summary.freeSpace"])
        return LiveDatastore(
            name=row["name"],
            ref=ref,
            vcenter=self._vcenter,
            url=str(row.get("summary.url") or ""),
            accessible=bool(row["summary.accessible"]),
            shared=len(hosts) > 1,
            capacity_mb=capacity // MB,
            free_mb=free // MB,
            hosts=hosts,
            used_percent=round(100.0 * (capacity - free) / capacity, 1) if capacity else 0.0,
        )

    def _names(self, kind: str, refs: Iterable[str] | None) -> tuple[str, ...]:
        rows = self._kinds[kind]
        return tuple(sorted(str(rows[ref]["name"]) for ref in refs or () if "name" in rows.get(ref, {})))


def _put(found: dict[str, Live], ref: str, make: Any, row: Mapping[str, Any]) -> None:
    try:
        found[ref] = make(ref, row)
    except (KeyError, TypeError, ValueError, ValidationError):  # known too little: what was told before stands
        return


def _capacity(kind: str, row: Mapping[str, Any], hosts: Rows) -> tuple[str, str, int, int] | None:
    try:
        if kind == "host":
            mhz = int(row["summary.hardware.cpuMhz"]) * int(row["summary.hardware.numCpuCores"])
            return kind, str(row["name"]), mhz, int(row["summary.hardware.memorySize"]) // MB
        mhz = int(row["config.hardware.numCPU"]) * int(hosts[row["runtime.host"]]["summary.hardware.cpuMhz"])
        return kind, str(row["name"]), mhz, int(row["config.hardware.memoryMB"])
    except (KeyError, TypeError, ValueError):
        return None
