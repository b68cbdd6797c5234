"""A small estate in values: the tutorial's two blades, three VMs and one shared datastore."""

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


def site(hosts: int = 2) -> Site:
    slots = tuple(
        Slot(
            slot=n,
            serial=f"BLD{n}",
            uuid=f"30000000-0000-4000-8000-00000000000{n}",
            bmc=Bmc(url=f"https://10.0.0.{n}"),
        )
        for n in range(1, hosts + 1)
    )
    definitions = tuple(
        HostDefinition(name=f"esx{n}", model="blade", machine=f"chassis1/{n}", vcenter="vc1")
        for n in range(1, hosts + 1)
    )
    return Site(
        vcenters=(Vcenter(name="vc1", url="https://vc1/sdk"),),
        chassis=(Chassis(name="chassis1", vendor="hpe-c7000", serial="CZ1", address="10.0.1.1", slots=slots),),
        models=(Model(name="blade", category="tutorial", cpu_mhz=20000, memory_mb=65536),),
        categories=(Category(name="tutorial", groups=(Group(name="esx", hosts=definitions),)),),
    )


def with_spare(declared: Site, *, vacant: str | None = None) -> Site:
    """The site with a free blade more, `chassis1/9`, whose hypervisor is called `spare`, and a host without a blade."""
    (chassis,), (category,) = declared.chassis, declared.categories
    (group,) = category.groups
    installed = Hypervisor(name="spare", thumbprint=":".join(["AB"] * 20))
    blade = Slot(
        slot=9, serial="BLD9", uuid="30000000-0000-4000-8000-000000000009", bmc=Bmc(url="https://10.0.0.9"),
        model="blade", hypervisor=installed,
    )  # fmt: skip
    more = (HostDefinition(name=vacant, model="blade", vcenter="vc1"),) if vacant is not None else ()
    wider = group.model_copy(update={"hosts": (*group.hosts, *more)})
    return Site(
        vcenters=declared.vcenters,
        chassis=(chassis.model_copy(update={"slots": (*chassis.slots, blade)}),),
        models=declared.models,
        categories=(category.model_copy(update={"groups": (wider,)}),),
    )


def host(n: int, **changes: object) -> LiveHost:
    live = LiveHost(
        name=f"esx{n}",
        ref=f"host-{n}",
        vcenter="vc1",
        uuid=f"30000000-0000-4000-8000-00000000000{n}",
        connection=Connection.CONNECTED,
        power=Power.ON,
        maintenance=False,
        cluster="esx",
        cluster_ref="domain-1",
        pool_ref="resgroup-1",
        cpu_mhz=20000,
        memory_mb=65536,
        cpu_used_mhz=2500,
        datastores=("san1", f"local-esx{n}"),
    )
    return live.model_copy(update=changes)


def vm(n: int, on: int, store: str = "san1", **changes: object) -> LiveVm:
    live = LiveVm(
        name=f"VM-0{n}",
        ref=f"vm-{n}",
        vcenter="vc1",
        instance_uuid=f"5000000{n}",
        host=f"esx{on}",
        power=Power.ON,
        connection=Connection.CONNECTED,
        path=f"[{store}] VM-0{n}/VM-0{n}.vmx",
        datastores=(store,),
        cpus=2,
        memory_mb=4096,
        cpu_used_mhz=1000,
    )
    return live.model_copy(update=changes)


def estate() -> Estate:
    stores = {
        name: LiveDatastore(
            name=name,
            ref=name,
            vcenter="vc1",
            url=name,
            accessible=True,
            shared=len(hosts) > 1,
            capacity_mb=1,
            free_mb=1,
            hosts=hosts,
        )
        for name, hosts in {"san1": ("esx1", "esx2"), "local-esx1": ("esx1",), "local-esx2": ("esx2",)}.items()
    }
    vms = (vm(1, 1), vm(2, 1), vm(3, 2))
    return Estate(
        site=site(),
        hosts={"esx1": host(1), "esx2": host(2)},
        vms={v.instance_uuid: v for v in vms},
        datastores=stores,
    )


def fleet(*loads: tuple[int, ...], **changes: object) -> Estate:
    """One host per entry, esx1 first; an entry lists the memory of its VMs in MB, VM-<host><number>."""
    names = tuple(f"esx{n}" for n in range(1, len(loads) + 1))
    store = LiveDatastore(
        name="san1", ref="san1", vcenter="vc1", url="san1", accessible=True, shared=True, capacity_mb=1, free_mb=1,
        hosts=names,
    )  # fmt: skip
    vms = [
        vm(1, h, name=f"VM-{h}{n}", instance_uuid=f"u{h}{n}", memory_mb=size, cpu_used_mhz=500)
        for h, sizes in enumerate(loads, start=1)
        for n, size in enumerate(sizes, start=1)
    ]
    hosts = {f"esx{n}": host(n, cpu_used_mhz=500 * len(sizes)) for n, sizes in enumerate(loads, start=1)}
    return Estate(
        site=site(len(loads)), hosts=hosts, vms={v.instance_uuid: v for v in vms}, datastores={"san1": store}
    ).model_copy(update=changes)
