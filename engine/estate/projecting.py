"""Estate + inventory event -> Estate: the live picture as a pure projection of what collectors published."""

from typing import TypeVar

from pydantic import JsonValue, ValidationError

from engine.estate import assigning, linking, reading
from engine.estate.reading import READY, STATUSES
from engine.model import ids
from engine.model.estate import Connection, Estate, LiveDatastore, LiveHost, LiveVm, Power
from engine.model.event import Event

Live = TypeVar("Live", LiveHost, LiveVm, LiveDatastore)


def apply(estate: Estate, event: Event) -> Estate:
    """The picture after this event; an event that is not inventory, or does not parse, changes nothing."""
    if event.type == "inventory.host":
        return _host(estate, _parse(LiveHost, event))
    if event.type == "inventory.vm":
        return _vm(estate, _parse(LiveVm, event))
    if event.type == "inventory.datastore":
        return _datastore(estate, _parse(LiveDatastore, event))
    if event.type == "inventory.status":
        return _status(estate, event)
    if event.type == "inventory.assignment":
        return _assignment(estate, event)
    if event.type == "host.load":
        return _host_load(estate, event)
    if event.type == "vm.load":
        return _vm_load(estate, event)
    return estate


def _parse(model: type[Live], event: Event) -> Live | None:
    data = {key: value for key, value in event.data.items() if key in model.model_fields}
    try:
        return model.model_validate(data)
    except ValidationError:
        return None


def _host(estate: Estate, host: LiveHost | None) -> Estate:
    name = linking.definition_of(estate, host.vcenter, host.name) if host else None
    if host is None or name is None:
        return estate
    before = estate.hosts.get(name)
    ran = {key: vms for key, vms in estate.ran.items() if key != name or host.connection is not Connection.CONNECTED}
    was_up = before is None or before.connection is Connection.CONNECTED
    if host.connection is not Connection.CONNECTED and was_up and name not in ran:
        ran[name] = tuple(vm.instance_uuid for vm in reading.running_vms(estate, name))
    if before is not None and host.cpu_used_mhz == 0:  # inventory says nothing about load
        host = host.model_copy(update={"cpu_used_mhz": before.cpu_used_mhz, "memory_used_mb": before.memory_used_mb})
    return estate.model_copy(update={"hosts": {**estate.hosts, name: host}, "ran": ran})


def _vm(estate: Estate, vm: LiveVm | None) -> Estate:
    if vm is None:
        return estate
    before = estate.vms.get(vm.instance_uuid)
    if before is not None and vm.cpu_used_mhz == 0:
        vm = vm.model_copy(update={"cpu_used_mhz": before.cpu_used_mhz})
    if not vm.removed:
        kept = {**estate.vms, vm.instance_uuid: vm}
    else:
        kept = {key: other for key, other in estate.vms.items() if key != vm.instance_uuid}
    ran = _ran_too(estate, vm, known=before is not None)
    return estate.model_copy(update={"vms": kept, "named": _named(estate, before, vm), "ran": ran})


def _named(estate: Estate, before: LiveVm | None, vm: LiveVm) -> dict[str, tuple[str, ...]]:
    if before is not None and before.name == vm.name and not vm.removed:
        return estate.named
    found = dict(estate.named)
    for name in {vm.name, before.name if before is not None else vm.name}:
        kept = [uuid for uuid in found.get(name, ()) if uuid != vm.instance_uuid]
        found[name] = (*kept, vm.instance_uuid) if name == vm.name and not vm.removed else tuple(kept)
        if not found[name]:
            del found[name]
    return found


def _ran_too(estate: Estate, vm: LiveVm, *, known: bool) -> dict[str, tuple[str, ...]]:
    """A VM first heard of on a host that is lost already (the picture is being rebuilt): it ran there if it is on."""
    host = linking.definition_of(estate, vm.vcenter, vm.host)
    if known or vm.removed or vm.power is not Power.ON or host is None or host not in estate.ran:
        return estate.ran
    return {**estate.ran, host: (*estate.ran[host], vm.instance_uuid)}


def _datastore(estate: Estate, store: LiveDatastore | None) -> Estate:
    if store is None:
        return estate
    return estate.model_copy(update={"datastores": {**estate.datastores, store.name: store}})


def _status(estate: Estate, event: Event) -> Estate:
    """A word that is none of ours changes nothing: what was marked stays marked."""
    word = event.data.get("status")
    if not isinstance(word, str) or word not in STATUSES:
        return estate
    others = {name: status for name, status in estate.statuses.items() if name != event.subject}
    return estate.model_copy(update={"statuses": others if word == READY else {**others, event.subject: word}})


def _assignment(estate: Estate, event: Event) -> Estate:
    """From now on this machine serves the host; one that is not declared changes nothing."""
    machine = event.data.get("machine")
    if not isinstance(machine, str):
        return estate
    return estate.model_copy(update={"site": assigning.assigned(estate.site, ids.name_of(event.subject), machine)})


def _vm_load(estate: Estate, event: Event) -> Estate:
    used = _number(event.data.get("cpu_mhz"))
    name, vcenter = ids.name_of(event.subject), event.source.partition("/")[2]
    found = [vm for vm in linking.named(estate, name) if vm.vcenter == vcenter]
    if used is None or len(found) != 1:
        return estate
    changed = found[0].model_copy(update={"cpu_used_mhz": used})
    return estate.model_copy(update={"vms": {**estate.vms, changed.instance_uuid: changed}})


def _host_load(estate: Estate, event: Event) -> Estate:
    name = linking.host_of(estate, event.subject)
    host = estate.hosts.get(name) if name else None
    used, memory = _number(event.data.get("cpu_mhz")), _number(event.data.get("memory_mb"))
    if name is None or host is None or used is None or memory is None:
        return estate
    changed = host.model_copy(update={"cpu_used_mhz": used, "memory_used_mb": memory})
    return estate.model_copy(update={"hosts": {**estate.hosts, name: changed}})


def _number(value: JsonValue) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
