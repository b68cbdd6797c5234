"""Questions to the picture: which VMs ran there, which values a policy's condition may read; pure."""

from engine.estate import linking
from engine.model.estate import Connection, Estate, LiveVm, Power


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


def is_healthy(estate: Estate, host: str) -> bool:
    """Connected, powered on, not in maintenance, not removed; unknown is not healthy."""
    live = estate.hosts.get(host)
    return (
        live is not None
        and not live.removed
        and live.connection is Connection.CONNECTED
        and live.power is Power.ON
        and not live.maintenance
    )


def values_for(estate: Estate, key: str) -> dict[str, str | int | float | bool]:
    """What a policy's `if` can read about the matched object's host: `host.running_vms`, `host.maintenance`, ..."""
    name = linking.host_of(estate, key)
    live = estate.hosts.get(name) if name else None
    if name is None:
        return {}
    values: dict[str, str | int | float | bool] = {
        "host.name": name,
        "host.group": linking.standings(estate.site)[name].group,
        "host.running_vms": len(ran_on(estate, name)),
        "host.vms": len(vms_on(estate, name)),
    }
    if live is not None:
        values["host.maintenance"] = live.maintenance
        values["host.connected"] = live.connection is Connection.CONNECTED
        values["host.ha"] = live.ha
    return values
