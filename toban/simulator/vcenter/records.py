"""New records in the inventory: a host that was added, a VM that was registered."""

from ipaddress import ip_interface
from typing import Any

from pyVmomi import vim

from toban.simulator import agenda
from toban.simulator.truth import Host, Truth, Vm
from toban.simulator.vcenter import inventory
from toban.simulator.vcenter.inventory import GB, GREEN, Inventory, listed
from toban.simulator.vcenter.registry import Computed, Registry, reference


def build(registry: Registry, truth: Truth, names: tuple[str, str], *, ha: bool) -> Inventory:
    """Datacenter and cluster by these names, with every host, datastore and VM of the truth."""
    made = inventory.frame(registry, truth, names, ha=ha)
    for store in truth.stores.values():
        made.stores[store.name] = inventory.add_store(made, store)
    hosts, vms = truth.hosts.values(), truth.vms.values()
    for name in sorted({one for host in hosts for one in host.mobility.networks} | {vm.network for vm in vms}):
        inventory.add_network(made, name)
    for host in hosts:
        if host.joined:
            add_host(made, host)
    for vm in vms:
        here = next(iter(truth.runs_on(vm.name)), None) or truth.stores[vm.datastore].hosts[0]
        add_vm(made, vm, made.hosts[here], on=bool(truth.runs_on(vm.name)))
    return made


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
            name=host.name, port=443, vmotionEnabled=host.mobility.vmotion, faultToleranceEnabled=False
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
        hardware=vim.host.HardwareInfo(
            systemInfo=system, cpuInfo=cpu, cpuPkg=[_package(host)], memorySize=memory, smcPresent=False
        ),
        config=Computed(lambda: vim.host.ConfigInfo(host=identity, vmotion=_vmotion(host))),
        network=Computed(lambda: listed([made.networks[name] for name in host.mobility.networks])),
        datastore=Computed(
            lambda: listed([made.stores[s.name] for s in made.truth.stores.values() if host.name in s.hosts])
        ),
        vm=Computed(lambda: listed(made.vms_on(identity))),
    )
    return made.hosts[host.name]


def _vmotion(host: Host) -> Any:
    """The VMkernel port for vMotion, as far as it has an address."""
    if not host.mobility.vmotion or host.mobility.address is None:
        return None
    port = ip_interface(host.mobility.address)
    mask = str(port.network.netmask)
    return vim.host.VMotionInfo(ipConfig=vim.host.IpConfig(dhcp=False, ipAddress=str(port.ip), subnetMask=mask))


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
        version=f"vmx-{vm.hardware}",
        uuid=vm.uuid,
        instanceUuid=vm.instance_uuid,
        template=False,
        guestId="otherLinux64Guest",
        alternateGuestName="",
        files=vim.vm.FileInfo(vmPathName=vm.path),
        flags=vim.vm.FlagInfo(),
        defaultPowerOps=vim.vm.DefaultPowerOpInfo(),
        hardware=vim.vm.VirtualHardware(
            numCPU=vm.cpus, numCoresPerSocket=1, memoryMB=vm.memory_mb, device=[disk(made, vm)]
        ),
    )
    shown_config = vim.vm.Summary.ConfigSummary(
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
        reference(identity),
        name=shown,
        parent=made.vm_folder,
        resourcePool=made.pool,
        datastore=listed([made.stores[vm.datastore]]),
        network=Computed(lambda: listed([made.networks[vm.network]])),
        overallStatus=GREEN,
        runtime=runtime,
        config=config,
        summary=vim.vm.Summary(
            vm=identity,
            runtime=runtime,
            config=shown_config,
            quickStats=stats,
            overallStatus=GREEN,
            storage=vim.vm.Summary.StorageSummary(
                committed=vm.disk_gb * GB, uncommitted=0, unshared=vm.disk_gb * GB, timestamp=agenda.now()
            ),
        ),
        guest=vim.vm.GuestInfo(
            guestState="running" if on else "notRunning",
            toolsRunningStatus="guestToolsRunning" if on else "guestToolsNotRunning",
        ),
        guestHeartbeatStatus=GREEN if on else vim.ManagedEntity.Status.gray,
    )
    made.touch(host, "vm")
    return added


def disk(made: Inventory, vm: Vm) -> Any:
    """The VM's one disk, where its files lie."""
    name = f"[{vm.datastore}] {vm.name}/{vm.name}.vmdk"
    backing = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
        fileName=name, datastore=made.stores[vm.datastore], diskMode="persistent"
    )
    size = vm.disk_gb * GB
    return vim.vm.device.VirtualDisk(
        key=2000, controllerKey=1000, unitNumber=0, backing=backing, capacityInKB=size // 1024, capacityInBytes=size
    )
