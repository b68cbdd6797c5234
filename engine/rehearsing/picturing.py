"""A scenario's estate as the live picture that the engine works on; pure."""

from engine.model.estate import (
    Bmc,
    Category,
    Chassis,
    Connection,
    Estate,
    Group,
    HostDefinition,
    LiveDatastore,
    LiveHost,
    LiveVm,
    Model,
    Power,
    Site,
    Slot,
    Vcenter,
)
from engine.rehearsing.scenarios import Host, Place, Vm

SHARED = "san1"


def picture(place: Place) -> Estate:
    """The estate at the beginning: every host reachable unless it says otherwise."""
    named = list(place.hosts.items())
    hosts = {name: _host(number, name, host) for number, (name, host) in enumerate(named, start=1)}
    vms = [_vm(name, vm) for name, host in named for vm in host.vms]
    return Estate(
        site=site(place),
        hosts=hosts,
        vms={vm.instance_uuid: vm for vm in vms},
        datastores={store.name: store for store in _stores(tuple(hosts))},
    )


def site(place: Place) -> Site:
    """What would be declared in estate.yaml."""
    slots = tuple(
        Slot(slot=number, serial=f"BLD{number}", uuid=_uuid(number), bmc=Bmc(url=f"https://192.0.2.{number}"))
        for number in range(1, min(len(place.hosts), 64) + 1)
    )
    members: dict[str, list[HostDefinition]] = {}
    for number, (name, host) in enumerate(place.hosts.items(), start=1):
        definition = HostDefinition(name=name, model="blade", machine=f"chassis1/{number}", vcenter="vc1")
        members.setdefault(host.group or place.group, []).append(definition)
    groups = tuple(Group(name=name, hosts=tuple(hosts)) for name, hosts in members.items())
    return Site(
        vcenters=(Vcenter(name="vc1", url="https://vc1.example/sdk"),),
        chassis=(Chassis(name="chassis1", vendor="hpe-c7000", serial="CZ1", address="192.0.2.254", slots=slots),),
        models=(Model(name="blade", category=place.category, cpu_mhz=20000, memory_mb=65536),),
        categories=(Category(name=place.category, groups=groups),),
    )


def _host(number: int, name: str, host: Host) -> LiveHost:
    return LiveHost(
        name=name,
        ref=f"host-{number}",
        vcenter="vc1",
        uuid=_uuid(number),
        connection=Connection.CONNECTED if host.connected else Connection.NOT_RESPONDING,
        power=Power.ON,
        maintenance=host.maintenance,
        cluster="cluster",
        pool_ref="resgroup-1",
        ha=host.ha,
        cpu_mhz=host.cpu_mhz,
        memory_mb=host.memory_mb,
        cpu_used_mhz=host.cpu_used_mhz,
        datastores=(SHARED, f"local-{name}"),
    )


def _vm(host: str, vm: Vm) -> LiveVm:
    store = SHARED if vm.on == "shared" else f"local-{host}"
    return LiveVm(
        name=vm.name,
        ref=f"ref-{vm.name}",
        vcenter="vc1",
        instance_uuid=f"uuid-{vm.name}",
        host=host,
        power=Power.ON if vm.power == "on" else Power.OFF,
        connection=Connection.CONNECTED,
        path=f"[{store}] {vm.name}/{vm.name}.vmx",
        datastores=(store,),
        cpus=2,
        memory_mb=vm.memory_mb,
        cpu_used_mhz=vm.cpu_mhz if vm.power == "on" else 0,
        ha_protected=vm.ha,
    )


def _stores(hosts: tuple[str, ...]) -> list[LiveDatastore]:
    seen_by = {SHARED: hosts, **{f"local-{name}": (name,) for name in hosts}}
    return [
        LiveDatastore(
            name=name,
            ref=name,
            vcenter="vc1",
            url=f"ds:///{name}",
            accessible=True,
            shared=name == SHARED,
            capacity_mb=1_000_000,
            free_mb=500_000,
            hosts=seers,
        )
        for name, seers in seen_by.items()
    ]


def _uuid(number: int) -> str:
    return f"30000000-0000-4000-8000-{number:012d}"
