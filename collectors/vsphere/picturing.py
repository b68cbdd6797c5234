"""Rows of vCenter properties -> live hosts, VMs and datastores, as event data; pure.

An object with a property that could not be read is left as it was last told: unread is not unset (safety rule S11).
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from pydantic import ValidationError

from engine.clients.vsphere_inventory import Change
from engine.model.estate import Connection, LiveDatastore, LiveHost, LiveVm, Power
from engine.model.event import Event

MB = 1024 * 1024
Rows: TypeAlias = dict[str, dict[str, Any]]
"""Values by reference."""
Live: TypeAlias = LiveHost | LiveVm | LiveDatastore

MODELS: Mapping[str, type[LiveHost | LiveVm | LiveDatastore]] = {
    "inventory.host": LiveHost,
    "inventory.vm": LiveVm,
    "inventory.datastore": LiveDatastore,
}
CONNECTIONS = {
    "connected": Connection.CONNECTED,
    "disconnected": Connection.DISCONNECTED,
    "notResponding": Connection.NOT_RESPONDING,
}
POWERS = {"poweredOn": Power.ON, "poweredOff": Power.OFF, "suspended": Power.SUSPENDED}


class Inventory:
    """Everything vCenter told so far, by kind and reference."""

    def __init__(self, vcenter: str) -> None:
        """Empty."""
        self._vcenter = vcenter
        self._last: dict[str, Live] = {}
        """By reference, as it was when it was last known well enough."""
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

    def recall(self, told: Iterable[Event]) -> None:
        """What an earlier life told: it stands for what vCenter shows, but does not let be read now."""
        for event in told:
            model = MODELS.get(event.type)
            data = {name: value for name, value in event.data.items() if model and name in model.model_fields}
            try:
                known = model.model_validate(data) if model is not None else None
            except ValidationError:
                continue  # an earlier version knew less of it
            if known is not None:
                self._last.setdefault(known.ref, known)

    @property
    def is_empty(self) -> bool:
        """Nothing was told, or nothing is left."""
        return not any(self._kinds.values())

    def live(self) -> dict[str, Live]:
        """Every object that is there and is, or once was, known well enough, by reference."""
        found: dict[str, Live] = {}
        makers = (("HostSystem", self._host), ("VirtualMachine", self._vm), ("Datastore", self._store))
        for kind, make in makers:
            for ref, row in self._kinds[kind].items():
                try:
                    found[ref] = make(ref, row)
                except (KeyError, TypeError, ValueError):
                    if (last := self._last.get(ref)) is not None:
                        found[ref] = _as_far_as_read(last, row)
        self._last = found
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


def _as_far_as_read(last: Live, row: Mapping[str, Any]) -> Live:
    """What was known, with the states that still can be read: a VM whose files are out of reach has no `config`."""
    if isinstance(last, LiveDatastore):
        return last
    states: dict[str, Any] = {}
    if row.get("runtime.connectionState") is not None:
        states["connection"] = CONNECTIONS.get(row["runtime.connectionState"], Connection.UNKNOWN)
    if row.get("runtime.powerState") is not None:
        states["power"] = POWERS.get(row["runtime.powerState"], Power.UNKNOWN)
    return last.model_copy(update=states)


def _capacity(kind: str, row: Mapping[str, Any], hosts: Rows) -> tuple[str, str, int, int] | None:
    try:
        if kind == "host":
            mhz = int(row["summary.hardware.cpuMhz"]) * int(row["summary.hardware.numCpuCores"])
            return kind, str(row["name"]), mhz, int(row["summary.hardware.memorySize"]) // MB
        mhz = int(row["config.hardware.numCPU"]) * int(hosts[row["runtime.host"]]["summary.hardware.cpuMhz"])
        return kind, str(row["name"]), mhz, int(row["config.hardware.memoryMB"])
    except (KeyError, TypeError, ValueError):
        return None
