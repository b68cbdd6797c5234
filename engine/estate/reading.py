"""Questions to the picture: which VMs ran there, which values a policy's condition may read; pure."""

from engine.estate import linking
from engine.model.estate import Connection, Estate, LiveVm, Power


def inventory_name(estate: Estate, host: str) -> str:
    """The host definition's name in vCenter."""
    return linking.standings(estate.site)[host].inventory_name


def vms_on(estate: Estate, host: str) -> tuple[LiveVm, ...]:
    """VMs whose record sits on this host, by name; templates are not VMs."""
    place = linking.standings(estate.site).get(host)
    if place is None:
        return ()
    found = [vm for vm in estate.vms.values() if vm.host == place.inventory_name and vm.vcenter == place.host.vcenter]
    return tuple(sorted((vm for vm in found if not vm.template), key=lambda vm: vm.name))


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
        "host.running_vms": len(running_vms(estate, name)),
        "host.vms": len(vms_on(estate, name)),
    }
    if live is not None:
        values["host.maintenance"] = live.maintenance
        values["host.connected"] = live.connection is Connection.CONNECTED
        values["host.ha"] = live.ha
    return values
