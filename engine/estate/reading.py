"""Questions to the picture: which VMs ran there, which values a policy's condition may read; pure."""

from typing import TypeAlias

from engine.estate import linking
from engine.model import ids
from engine.model.estate import Connection, Estate, LiveVm, Power
from engine.model.ids import Kind

READY = "ready"
STATUSES = ("faulted", "degraded", READY)
"""Hardware statuses, the worst first."""
Scalar: TypeAlias = str | int | float | bool


def inventory_name(estate: Estate, host: str) -> str:
    """The host definition's name in vCenter."""
    return linking.standings(estate.site)[host].inventory_name


def vms_on(estate: Estate, host: str) -> tuple[LiveVm, ...]:
    """VMs whose record sits on this host, by name; templates are not VMs."""
    return tuple(vm for vm in records_on(estate, host) if not vm.template)


def records_on(estate: Estate, host: str) -> tuple[LiveVm, ...]:
    """Every record on this host, templates too: what would leave the inventory together with the host."""
    place = linking.standings(estate.site).get(host)
    if place is None:
        return ()
    found = estate.records(place.host.vcenter, place.inventory_name)
    return tuple(sorted(found, key=lambda vm: vm.name))


def ran_on(estate: Estate, host: str) -> tuple[LiveVm, ...]:
    """VMs that ran on this host when it was last connected, as their records stand now."""
    before = estate.ran.get(host)
    if before is None:
        return running_vms(estate, host)
    return tuple(estate.vms[uuid] for uuid in before if uuid in estate.vms)


def left_alone(estate: Estate, host: str) -> tuple[LiveVm, ...]:
    """VMs of a dead host that are not ours to restart: they are elsewhere by now, or vSphere HA protects them (S7)."""
    live, place = estate.hosts.get(host), linking.standings(estate.site)[host]
    ha = live is not None and live.ha
    return tuple(
        vm
        for vm in ran_on(estate, host)
        if vm.host != place.inventory_name or (ha and vm.ha_protected is True and vm.power is Power.ON)
    )


def running_vms(estate: Estate, host: str) -> tuple[LiveVm, ...]:
    """VMs last known to run on this host."""
    return tuple(vm for vm in vms_on(estate, host) if vm.power is Power.ON)


def status_of(estate: Estate, host: str) -> str:
    """The hardware status of a host: the worse of its own mark and its machine's."""
    place = linking.standings(estate.site).get(host)
    marks = {estate.statuses.get(one) for one in ((place.id, place.machine) if place is not None else ())}
    return next((word for word in STATUSES if word in marks), READY)


def is_healthy(estate: Estate, host: str) -> bool:
    """Connected, on, not in maintenance, not removed, not marked faulted or degraded; unknown is not healthy."""
    live = estate.hosts.get(host)
    return (
        live is not None
        and not live.removed
        and live.connection is Connection.CONNECTED
        and live.power is Power.ON
        and not live.maintenance
        and status_of(estate, host) == READY
    )


def members(estate: Estate, group: str) -> tuple[str, ...]:
    """Host definitions of a group, by name."""
    return tuple(sorted(name for name, place in linking.standings(estate.site).items() if place.group == group))


def vm_named(estate: Estate, name: str) -> LiveVm | None:
    """The VM of this name; None if there is none, or more than one: names are not unique across vCenters (S6, S11)."""
    found = [vm for vm in linking.named(estate, name) if not vm.template]
    return found[0] if len(found) == 1 else None


def values_for(estate: Estate, key: str) -> dict[str, Scalar]:
    """What a policy's `if` can read about the matched object: its host, its group and, for a VM, itself.

    What the estate does not say is left out: a condition that needs it cannot be read, and the decision is held.
    """
    return {**_of_host(estate, key), **_of_group(estate, key), **_of_vm(estate, key)}


def _of_host(estate: Estate, key: str) -> dict[str, Scalar]:
    name = linking.host_of(estate, key)
    if name is None:
        return {}
    place, live = linking.standings(estate.site)[name], estate.hosts.get(name)
    values: dict[str, Scalar] = {
        "host.name": name,
        "host.group": place.group,
        "host.category": place.category,
        "host.model": place.host.model,
        "host.running_vms": len(ran_on(estate, name)),
        "host.vms": len(vms_on(estate, name)),
        "host.status": status_of(estate, name),
    }
    if place.chassis is not None:
        values["host.chassis"] = place.chassis.name
    if live is not None:
        values["host.maintenance"] = live.maintenance
        values["host.connected"] = live.connection is Connection.CONNECTED
        values["host.ha"] = live.ha
        values["host.cpu_percent"] = _percent(live.cpu_used_mhz, live.cpu_mhz)
        values["host.memory_percent"] = _percent(live.memory_used_mb, live.memory_mb)
    return values


def _of_group(estate: Estate, key: str) -> dict[str, Scalar]:
    group = linking.related(estate, key, Kind.GROUP)
    if group is None:
        return {}
    hosts = members(estate, ids.name_of(group))
    healthy = sum(is_healthy(estate, one) for one in hosts)
    return {"group.name": ids.name_of(group), "group.hosts": len(hosts), "group.healthy_hosts": healthy}


def _of_vm(estate: Estate, key: str) -> dict[str, Scalar]:
    vm = vm_named(estate, ids.name_of(key)) if ids.kind_of(key) is Kind.VM else None
    if vm is None:
        return {}
    host = linking.definition_of(estate, vm.vcenter, vm.host)
    values: dict[str, Scalar] = {
        "vm.name": vm.name,
        "vm.power": vm.power.value,
        "vm.ha_protected": vm.ha_protected is True,
        "vm.memory_mb": vm.memory_mb,
    }
    return {**values, "vm.host": host} if host is not None else values


def _percent(used: int, capacity: int) -> float:
    return round(100.0 * used / capacity, 1) if capacity else 0.0
