"""The inventory as a vCenter shows it: one datacenter, one cluster, hosts, datastores, VMs."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from pyVmomi import VmomiSupport as vmomi
from pyVmomi import vim

from toban.simulator import agenda
from toban.simulator.truth import Host, Store, Truth, Vm
from toban.simulator.vcenter.registry import Computed, Registry

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

    def vm_at(self, path: str) -> Any:
        """The record of a .vmx path, or None."""
        return next((vm for vm in self.vms() if self.get(vm, "config.files.vmPathName") == path), None)

    def files(self, record: Any) -> Vm:
        """The VM whose files a record is about."""
        path = self.get(record, "config.files.vmPathName")
        return next(vm for vm in self.truth.vms.values() if vm.path == path)

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


def build(registry: Registry, truth: Truth, names: tuple[str, str], *, ha: bool) -> Inventory:
    """Datacenter and cluster by these names, with every host, datastore and VM of the truth."""
    made = _frame(registry, truth, names, ha=ha)
    for store in truth.stores.values():
        made.stores[store.name] = _store(made, store)
    for host in truth.hosts.values():
        add_host(made, host)
    for vm in truth.vms.values():
        here = next(iter(truth.runs_on(vm.name)), None) or _first(truth.stores[vm.datastore])
        add_vm(made, vm, made.hosts[here], on=bool(truth.runs_on(vm.name)))
    return made


def _first(store: Store) -> str:
    return store.hosts[0]


def _frame(registry: Registry, truth: Truth, names: tuple[str, str], *, ha: bool) -> Inventory:
    root = vim.Folder("group-d1")
    datacenter = vim.Datacenter("datacenter-2")
    folders = {kind: vim.Folder(f"group-{kind}{n}") for n, kind in enumerate(("v", "h", "s", "n"), start=3)}
    cluster, pool = vim.ClusterComputeResource("domain-c7"), vim.ResourcePool("resgroup-8")
    one = [datacenter]
    registry.add(
        vim.Folder,
        "group-d1",
        name="Datacenters",
        childEntity=_list(one),
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
            folders[kind]._moId,  # noqa: SLF001
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


def _list(objects: list[Any]) -> Any:
    return vmomi.ManagedObject.Array(objects)


def _live(registry: Registry, kind: Any) -> Any:
    return Computed(lambda: _list(list(registry.all(kind))))


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


def _store(made: Inventory, store: Store) -> Any:
    ref = made.registry.next_ref("datastore")
    url = f"ds:///vmfs/volumes/{uuid.uuid5(uuid.NAMESPACE_URL, store.name)}/"
    capacity = store.capacity_gb * GB
    mounted = [host for host in store.hosts]
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
        vm=Computed(lambda: _list([vm for vm in made.vms() if vim.Datastore(ref) in made.get(vm, "datastore")])),
    )


def _mount(host: Any) -> Any:
    info = vim.host.MountInfo(accessMode="readWrite", mounted=True, accessible=True)
    return vim.Datastore.HostMount(key=host, mountInfo=info)


def add_host(made: Inventory, host: Host) -> Any:
    """A connected host in the cluster."""
    ref = made.registry.next_ref("host")
    identity, slot = vim.HostSystem(ref), host.blade.slot
    memory = host.memory_mb * 1024**2
    runtime = vim.host.RuntimeInfo(
        connectionState="connected",
        powerState="poweredOn",
        inMaintenanceMode=False,
        standbyMode="none",
        bootTime=agenda.now(),
    )
    described = vim.host.Summary.HardwareSummary(
        vendor="HPE",
        model="ProLiant BL460c",
        uuid=slot.uuid,
        memorySize=memory,
        cpuModel="Xeon",
        cpuMhz=host.mhz,
        numCpuPkgs=1,
        numCpuCores=host.cores,
        numCpuThreads=host.cores,
        numNics=2,
        numHBAs=1,
    )
    system = vim.host.SystemInfo(vendor="HPE", model="ProLiant BL460c", uuid=slot.uuid, serialNumber=slot.serial)
    cpu = vim.host.CpuInfo(numCpuPackages=1, numCpuCores=host.cores, numCpuThreads=host.cores, hz=host.mhz * 10**6)
    summary = vim.host.Summary(
        host=identity,
        hardware=described,
        runtime=runtime,
        config=vim.host.Summary.ConfigSummary(
            name=host.name, port=443, vmotionEnabled=True, faultToleranceEnabled=False
        ),
        quickStats=vim.host.Summary.QuickStats(overallCpuUsage=0, overallMemoryUsage=0, uptime=1),
        overallStatus=GREEN,
        rebootRequired=False,
    )
    made.hosts[host.name] = made.registry.add(
        vim.HostSystem,
        ref,
        name=host.name,
        parent=made.cluster,
        overallStatus=GREEN,
        runtime=runtime,
        summary=summary,
        hardware=vim.host.HardwareInfo(systemInfo=system, cpuInfo=cpu, cpuPkg=[_package(host)], memorySize=memory, smcPresent=False),
        datastore=Computed(
            lambda: _list([made.stores[s.name] for s in made.truth.stores.values() if host.name in s.hosts])
        ),
        vm=Computed(lambda: _list([vm for vm in made.vms() if made.get(vm, "runtime.host") == identity])),
    )
    return made.hosts[host.name]


def _package(host: Host) -> Any:
    hz = host.mhz * 10**6
    threads = list(range(host.cores))
    return vim.host.CpuPackage(index=0, vendor="intel", hz=hz, busHz=10**8, description="Xeon", threadId=threads)


def add_vm(made: Inventory, vm: Vm, host: Any, *, on: bool, name: str | None = None) -> Any:
    """A record of a VM on a host."""
    shown = name or vm.name
    identity = vim.VirtualMachine(made.registry.next_ref("vm"))
    runtime = vim.vm.RuntimeInfo(
        host=host,
        connectionState="connected",
        powerState="poweredOn" if on else "poweredOff",
        bootTime=agenda.now() if on else None,
        faultToleranceState="notConfigured",
        toolsInstallerMounted=False,
        numMksConnections=0,
        recordReplayState="inactive",
        onlineStandby=False,
        consolidationNeeded=False,
        dasVmProtection=vim.vm.RuntimeInfo.DasProtectionState(dasProtected=True) if made.ha and on else None,
    )
    config = vim.vm.ConfigInfo(
        changeVersion=agenda.now().isoformat(),
        modified=agenda.now(),
        name=shown,
        guestFullName="Other Linux (64-bit)",
        version="vmx-19",
        uuid=vm.uuid,
        instanceUuid=vm.instance_uuid,
        template=False,
        guestId="otherLinux64Guest",
        alternateGuestName="",
        files=vim.vm.FileInfo(vmPathName=vm.path),
        flags=vim.vm.FlagInfo(),
        defaultPowerOps=vim.vm.DefaultPowerOpInfo(),
        hardware=vim.vm.VirtualHardware(numCPU=vm.cpus, numCoresPerSocket=1, memoryMB=vm.memory_mb, device=[]),
    )
    listed = vim.vm.Summary.ConfigSummary(
        name=shown,
        template=False,
        vmPathName=vm.path,
        numCpu=vm.cpus,
        memorySizeMB=vm.memory_mb,
        uuid=vm.uuid,
        instanceUuid=vm.instance_uuid,
    )
    stats = vim.vm.Summary.QuickStats(
        guestHeartbeatStatus=GREEN if on else "gray", overallCpuUsage=0, guestMemoryUsage=0
    )
    added = made.registry.add(
        vim.VirtualMachine,
        identity._moId,  # noqa: SLF001
        name=shown,
        parent=made.vm_folder,
        resourcePool=made.pool,
        datastore=_list([made.stores[vm.datastore]]),
        overallStatus=GREEN,
        runtime=runtime,
        config=config,
        summary=vim.vm.Summary(vm=identity, runtime=runtime, config=listed, quickStats=stats, overallStatus=GREEN),
        guest=vim.vm.GuestInfo(
            guestState="running" if on else "notRunning",
            toolsRunningStatus="guestToolsRunning" if on else "guestToolsNotRunning",
        ),
        guestHeartbeatStatus=GREEN if on else vim.ManagedEntity.Status.gray,
    )
    made.touch(host, "vm")
    return added
