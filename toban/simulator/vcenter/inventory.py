"""The inventory as a vCenter shows it: one datacenter, one cluster, hosts, datastores, VMs."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from pyVmomi import VmomiSupport, vim

from toban.simulator.truth import Host, Store, Truth, Vm
from toban.simulator.vcenter.registry import Computed, Registry, reference

GB = 1024**3
GREEN = vim.ManagedEntity.Status.green


@dataclass(slots=True)
class Inventory:
    """The fixed objects, and hosts and datastores by name."""

    registry: Registry
    truth: Truth
    ha: bool
    root: Any
    datacenter: Any
    vm_folder: Any
    host_folder: Any
    store_folder: Any
    cluster: Any
    pool: Any
    hosts: dict[str, Any] = field(default_factory=dict)
    stores: dict[str, Any] = field(default_factory=dict)
    networks: dict[str, Any] = field(default_factory=dict)
    _placed: int = -1
    _on_host: dict[str, list[Any]] = field(default_factory=dict)
    _by_path: dict[str, Any] = field(default_factory=dict)
    _files: dict[str, Vm] = field(default_factory=dict)

    def _index(self) -> None:
        """By host and by path, made anew where something came, went or moved since."""
        if self._placed == self.registry.placing:
            return
        self._placed, self._on_host, self._by_path = self.registry.placing, {}, {}
        for vm in self.vms():
            properties = self.registry.properties(vm)
            self._on_host.setdefault(reference(properties["runtime"].host), []).append(vm)
            self._by_path.setdefault(properties["config"].files.vmPathName, vm)

    def vms_on(self, host: Any) -> list[Any]:
        """Records of VMs on a host."""
        self._index()
        return self._on_host.get(reference(host), [])

    def vm_at(self, path: str) -> Any:
        """The record of a .vmx path, or None."""
        self._index()
        return self._by_path.get(path)

    def files(self, record: Any) -> Vm:
        """The VM whose files a record is about."""
        path = self.registry.properties(record)["config"].files.vmPathName
        known = self._files.get(path)
        if known is None or known.path != path:
            self._files = {vm.path: vm for vm in self.truth.vms.values()}
        return self._files[path]

    def truth_of(self, record: Any) -> Host:
        """The host that a record is about."""
        return next(self.truth.hosts[name] for name, one in self.hosts.items() if one == record)

    def vms(self) -> list[Any]:
        """All records of VMs."""
        return list(self.registry.all(vim.VirtualMachine))

    def vm_named(self, name: str) -> Any:
        """The record of a name, or None."""
        return next((vm for vm in self.vms() if self.get(vm, "name") == name), None)

    def get(self, identity: Any, path: str) -> Any:
        """A property's value."""
        return self.registry.read(identity, path)

    def set(self, identity: Any, path: str, value: Any) -> None:
        """Change a property; what `summary` repeats changes with it."""
        self.registry.set(identity, path, value)
        if path.startswith("runtime.") and "summary" in self.registry.properties(identity):
            self.registry.touch(identity, f"summary.{path}")

    def touch(self, identity: Any, *names: str) -> None:
        """Say that computed lists changed."""
        for name in names:
            self.registry.touch(identity, name)


def frame(registry: Registry, truth: Truth, names: tuple[str, str], *, ha: bool) -> Inventory:
    """Root folder, datacenter and cluster by these names; no host yet."""
    root = vim.Folder("group-d1")
    datacenter = vim.Datacenter("datacenter-2")
    folders = {kind: vim.Folder(f"group-{kind}{n}") for n, kind in enumerate(("v", "h", "s", "n"), start=3)}
    cluster, pool = vim.ClusterComputeResource("domain-c7"), vim.ResourcePool("resgroup-8")
    one = [datacenter]
    registry.add(
        vim.Folder,
        "group-d1",
        name="Datacenters",
        childEntity=listed(one),
        childType=["Datacenter"],
        overallStatus=GREEN,
    )
    registry.add(
        vim.Datacenter,
        "datacenter-2",
        name=names[0],
        parent=root,
        vmFolder=folders["v"],
        hostFolder=folders["h"],
        datastoreFolder=folders["s"],
        networkFolder=folders["n"],
        datastore=_live(registry, vim.Datastore),
        overallStatus=GREEN,
    )
    for kind, (folder, children) in {
        "v": ("vm", vim.VirtualMachine),
        "h": ("host", vim.ComputeResource),
        "s": ("datastore", vim.Datastore),
        "n": ("network", vim.Network),
    }.items():
        registry.add(
            vim.Folder,
            reference(folders[kind]),
            name=folder,
            parent=datacenter,
            childEntity=_live(registry, children),
            overallStatus=GREEN,
        )
    drs = vim.cluster.DrsConfigInfo(enabled=False, defaultVmBehavior="manual", vmotionRate=3)
    das = vim.cluster.DasConfigInfo(enabled=ha, hostMonitoring="enabled" if ha else "disabled")
    registry.add(
        vim.ClusterComputeResource,
        "domain-c7",
        name=names[1],
        parent=folders["h"],
        host=_live(registry, vim.HostSystem),
        resourcePool=pool,
        datastore=_live(registry, vim.Datastore),
        configurationEx=vim.cluster.ConfigInfoEx(vmSwapPlacement="vmDirectory", dasConfig=das, drsConfig=drs),
        configuration=vim.cluster.ConfigInfo(dasConfig=das, drsConfig=drs),
        summary=_cluster_summary(truth),
        overallStatus=GREEN,
    )
    registry.add(
        vim.ResourcePool,
        "resgroup-8",
        name="Resources",
        parent=cluster,
        owner=cluster,
        vm=_live(registry, vim.VirtualMachine),
        overallStatus=GREEN,
    )
    return Inventory(registry, truth, ha, root, datacenter, folders["v"], folders["h"], folders["s"], cluster, pool)


def listed(objects: list[Any]) -> Any:
    """As the array type of managed objects."""
    return VmomiSupport.GetVmodlType("ManagedObject[]")(objects)


def _live(registry: Registry, kind: Any) -> Any:
    return Computed(lambda: listed(list(registry.all(kind))))


def _cluster_summary(truth: Truth) -> Any:
    hosts = list(truth.hosts.values())
    mhz, cores = sum(h.cores * h.mhz for h in hosts), sum(h.cores for h in hosts)
    memory = sum(h.memory_mb for h in hosts)
    return vim.ClusterComputeResource.Summary(
        totalCpu=mhz,
        totalMemory=memory * 1024**2,
        numCpuCores=cores,
        numCpuThreads=cores,
        effectiveCpu=mhz,
        effectiveMemory=memory,
        numHosts=len(hosts),
        numEffectiveHosts=len(hosts),
        overallStatus=GREEN,
        currentFailoverLevel=max(0, len(hosts) - 1),
        numVmotions=0,
    )


def add_store(made: Inventory, store: Store) -> Any:
    """A datastore, mounted by its hosts."""
    ref = made.registry.next_ref("datastore")
    url = f"ds:///vmfs/volumes/{uuid.uuid5(uuid.NAMESPACE_URL, store.name)}/"
    capacity = store.capacity_gb * GB
    mounted = list(store.hosts)
    return made.registry.add(
        vim.Datastore,
        ref,
        name=store.name,
        parent=made.store_folder,
        overallStatus=GREEN,
        summary=vim.Datastore.Summary(
            datastore=vim.Datastore(ref),
            name=store.name,
            url=url,
            capacity=capacity,
            freeSpace=capacity // 2,
            accessible=True,
            multipleHostAccess=len(mounted) > 1,
            type="VMFS",
            maintenanceMode="normal",
        ),
        host=Computed(lambda: [_mount(made.hosts[name]) for name in mounted if name in made.hosts]),
        vm=Computed(lambda: listed([vm for vm in made.vms() if vim.Datastore(ref) in made.get(vm, "datastore")])),
    )


def add_network(made: Inventory, name: str) -> Any:
    """A port group, one object for all hosts that have one of this name."""
    ref = made.registry.next_ref("network")
    found = made.registry.add(
        vim.Network,
        ref,
        name=name,
        parent=made.get(made.datacenter, "networkFolder"),
        overallStatus=GREEN,
        summary=vim.Network.Summary(network=vim.Network(ref), name=name, accessible=True, ipPoolName=""),
        host=Computed(lambda: listed([h for h in made.hosts.values() if name in made.truth_of(h).mobility.networks])),
    )
    made.networks[name] = found
    return found


def _mount(host: Any) -> Any:
    info = vim.host.MountInfo(accessMode="readWrite", mounted=True, accessible=True)
    return vim.Datastore.HostMount(key=host, mountInfo=info)
