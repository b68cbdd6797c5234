"""A scenario's estate as the live picture that the engine works on; pure."""

from engine.model.estate import (
    Category,
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
    Vcenter,
)
from engine.model.hardware import Bmc, Chassis, Hypervisor, Slot
from engine.rehearsing.places import Host, Place, Vm

SHARED = "san1"
THUMBPRINT = ":".join(["AB"] * 20)


def picture(place: Place) -> Estate:
    """The estate at the beginning: every host reachable unless it says otherwise."""
    named = list(place.hosts.items())
    hosts = {name: _host(number, name, place) for number, (name, _) in enumerate(named, start=1)}
    vms = [_vm(name, vm) for name, host in named for vm in host.vms]
    return Estate(
        site=site(place),
        hosts=hosts,
        vms={vm.instance_uuid: vm for vm in vms},
        datastores={store.name: store for store in _stores(place)},
        statuses={f"host:{name}": host.status for name, host in named if host.status != "ready"},
    )


def site(place: Place) -> Site:
    """What would be declared in estate.yaml."""
    slots: dict[str, list[Slot]] = {}
    machines = [_slot(number, host, place, slots) for number, host in enumerate(_blades(place), start=1)]
    members: dict[str, list[HostDefinition]] = {}
    for (name, host), machine in zip(place.hosts.items(), machines, strict=False):
        definition = HostDefinition(name=name, model="blade", machine=machine, vcenter="vc1", labels=host.labels)
        members.setdefault(host.group or place.group, []).append(definition)
    groups = tuple(Group(name=name, hosts=tuple(hosts)) for name, hosts in members.items())
    return Site(
        vcenters=(Vcenter(name="vc1", url="https://vc1.example/sdk"),),
        chassis=tuple(
            Chassis(name=name, vendor="hpe-c7000", serial=name.upper(), address=f"192.0.2.{n}", slots=tuple(found))
            for n, (name, found) in enumerate(slots.items(), start=1)
        ),
        models=(Model(name="blade", category=place.category, cpu_mhz=20000, memory_mb=65536),),
        categories=(Category(name=place.category, groups=groups),),
    )


def _blades(place: Place) -> list[Host]:
    """One for each host, then the spares."""
    return [*place.hosts.values(), *[Host()] * place.spares]


def _slot(number: int, host: Host, place: Place, slots: dict[str, list[Slot]]) -> str:
    """The next free slot of the blade's chassis, as `chassis1/3`."""
    chassis = host.chassis or f"chassis{1 + (number - 1) // place.per_chassis}"
    found = slots.setdefault(chassis, [])
    bmc = Bmc(url=f"https://198.51.100.{number}")
    spare = Hypervisor(name=f"spare{number}", thumbprint=THUMBPRINT) if number > len(place.hosts) else None
    blade = Slot(
        slot=len(found) + 1, serial=f"BLD{number}", uuid=_uuid(number), bmc=bmc, model="blade", hypervisor=spare
    )
    found.append(blade)
    return f"{chassis}/{len(found)}"


def _host(number: int, name: str, place: Place) -> LiveHost:
    host = place.hosts[name]
    is_seen = host.connected and host.power == "on"
    mounted = [store for store, seers in place.datastores.items() if name in seers]
    return LiveHost(
        name=name,
        ref=f"host-{number}",
        vcenter="vc1",
        uuid=_uuid(number),
        connection=Connection.CONNECTED if is_seen else Connection.NOT_RESPONDING,
        power=Power(host.power),
        maintenance=host.maintenance,
        cluster=host.group or place.group,
        cluster_ref="domain-1",
        pool_ref="resgroup-1",
        ha=host.ha,
        cpu_mhz=host.cpu_mhz,
        memory_mb=host.memory_mb,
        cpu_used_mhz=host.cpu_used_mhz,
        memory_used_mb=sum(vm.memory_mb for vm in host.vms if vm.power == "on"),
        datastores=(SHARED, f"local-{name}", *mounted),
    )


def _vm(host: str, vm: Vm) -> LiveVm:
    store = {"shared": SHARED, "local": f"local-{host}"}.get(vm.on, vm.on)
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


def _stores(place: Place) -> list[LiveDatastore]:
    local = {f"local-{name}": (name,) for name in place.hosts}
    seen_by: dict[str, tuple[str, ...]] = {SHARED: tuple(place.hosts), **local, **place.datastores}
    return [
        LiveDatastore(
            name=name,
            ref=name,
            vcenter="vc1",
            url=f"ds:///{name}",
            accessible=True,
            shared=len(seers) > 1,
            capacity_mb=1_000_000,
            free_mb=500_000,
            hosts=seers,
            used_percent=50.0,
        )
        for name, seers in seen_by.items()
    ]


def _uuid(number: int) -> str:
    return f"30000000-0000-4000-8000-{number:012d}"
