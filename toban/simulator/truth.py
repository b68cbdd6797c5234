"""The truth: which blade has power, which VM runs where. vCenter, BMCs and the chassis only report about it."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from toban.simulator.agenda import Agenda
from toban.simulator.ledger import Ledger
from toban.simulator.spec import Simulation, Slot, Spec, SpecError


class Locked(Exception):
    """The disks are in use by a copy of the VM that runs on another host."""


@dataclass(slots=True)
class Blade:
    """One blade and its management controller."""

    machine: str
    chassis: str
    chassis_serial: str
    slot: Slot
    powered: bool = True
    booted: bool = True
    hung: bool = False
    isolated: bool = False
    bmc: str = "ok"
    """`ok`, `dead` (no answer), `lies-off` (says Off, cuts nothing), `stuck` (takes the order, does nothing)."""
    says: str = ""
    """A power word that the BMC gives whatever is true."""
    lacks: set[str] = field(default_factory=set)
    """Reset types that this BMC does not offer."""
    health: str = "OK"
    """What the BMC says about the hardware: OK, Warning, Critical."""
    sick: dict[str, str] = field(default_factory=dict)
    """Sensors by name that are not OK: Warning or Critical."""
    lamp: bool = False
    boots: bool = True
    """Without it the hypervisor never comes up again."""
    shuts: bool = True
    """Without it the hypervisor accepts a shutdown and hangs on the way."""

    @property
    def alive(self) -> bool:
        """The hypervisor runs."""
        return self.powered and self.booted and not self.hung


@dataclass(slots=True)
class Mobility:
    """What decides whether VMs can move to a host or away from it."""

    vmotion: bool = True
    licensed: bool = True
    address: str | None = None
    """Of the VMkernel port for vMotion, with the length of its network's prefix."""
    networks: tuple[str, ...] = ()
    newest_hardware: int = 21
    cpu: int = 1


@dataclass(slots=True)
class Host:
    """A hypervisor on its blade."""

    name: str
    blade: Blade
    cores: int
    mhz: int
    memory_mb: int
    thumbprint: str = ""
    joined: bool = True
    mobility: Mobility = field(default_factory=Mobility)
    running: set[str] = field(default_factory=set)
    """Names of VMs whose copy runs here, whatever vCenter believes."""

    @property
    def reachable(self) -> bool:
        """The heartbeat to vCenter gets through."""
        return self.blade.alive and not self.blade.isolated


@dataclass(slots=True)
class Vm:
    """A VM's files and its appetite."""

    name: str
    uuid: str
    instance_uuid: str
    datastore: str
    path: str
    cpus: int
    memory_mb: int
    demand_mhz: int
    disk_gb: int = 20
    tools_after: float | None = 0.0
    network: str = "VM Network"
    hardware: int = 19
    cpu: int = 1
    """Generation of the CPU on which it was started last."""


@dataclass(slots=True)
class Store:
    """A datastore."""

    name: str
    shared: bool
    capacity_gb: int
    hosts: tuple[str, ...]


Listener = Callable[[str, str], None]
"""(what, machine): `power.lost`, `power.off`, `power.on`, `reach`."""


class Truth:
    """One consistent world; every method is atomic under `lock`."""

    def __init__(self, spec: Spec, ledger: Ledger, agenda: Agenda) -> None:
        """Everything is powered, booted and running as the spec says."""
        self.lock = threading.RLock()
        self.ledger, self.agenda = ledger, agenda
        self.listeners: list[Listener] = []
        self.boot_after = spec.simulation.vcenter.boot_after
        self.shutdown_after = spec.simulation.vcenter.shutdown_after
        self.blades = _blades(spec)
        self.hosts = _hosts(spec, self.blades)
        self.stores = {s.name: Store(s.name, s.shared, s.capacity_gb, s.hosts) for s in spec.simulation.datastores}
        self.vms = _vms(spec.simulation)
        self.latency: dict[str, int] = {}
        """Milliseconds that a datastore takes to answer, where that is not usual."""
        self.full: set[str] = set()
        """Datastores without a byte left: no VM starts from there, as its swap file has no room."""
        for vm in spec.simulation.vms:
            self._check(vm.host, vm.datastore, vm.name)
            if vm.on:
                self.start(vm.name, vm.host, "the datacenter began")

    def _check(self, host: str, store: str, vm: str) -> None:
        if host not in self.hosts or store not in self.stores:
            msg = f"VM {vm} names host {host} and datastore {store}; one of them does not exist"
            raise SpecError(msg)

    def host_on(self, machine: str) -> Host | None:
        """The host that runs on a blade."""
        return next((host for host in self.hosts.values() if host.blade.machine == machine), None)

    def runs_on(self, vm: str) -> list[str]:
        """Where copies of a VM run: none, one, or, never to be seen, more."""
        return [host.name for host in self.hosts.values() if vm in host.running]

    def start(self, vm: str, host: str, why: str) -> None:
        """Start a copy; raises `Locked`, and notes the attempt, if another copy still runs."""
        with self.lock:
            others = [name for name in self.runs_on(vm) if name != host]
            if others:
                self.ledger.violation("no-second-copy", vm=vm, runs_on=others, asked_on=host)
                if self.stores[self.vms[vm].datastore].shared:
                    raise Locked(vm)
            if vm not in self.hosts[host].running:
                self.hosts[host].running.add(vm)
                self.vms[vm].cpu = self.hosts[host].mobility.cpu
                self.ledger.write("vm.started", vm=vm, host=host, why=why)

    def stop(self, vm: str, host: str, why: str) -> None:
        """Stop the copy on this host, if there is one."""
        with self.lock:
            if vm in self.hosts[host].running:
                self.hosts[host].running.discard(vm)
                self.ledger.write("vm.stopped", vm=vm, host=host, why=why)

    def reset(self, vm: str, host: str, why: str) -> None:
        """The copy on this host starts anew."""
        with self.lock:
            self.ledger.write("vm.reset", vm=vm, host=host, why=why)

    def move(self, vm: str, source: str, target: str) -> None:
        """A running copy changes hosts without stopping."""
        with self.lock:
            self.hosts[source].running.discard(vm)
            self.hosts[target].running.add(vm)
            self.ledger.write("vm.moved", vm=vm, source=source, target=target)

    def rehouse(self, vm: str, datastore: str) -> None:
        """Its files lie on another datastore now."""
        with self.lock:
            files = self.vms[vm]
            self.ledger.write("vm.disks_moved", vm=vm, source=files.datastore, target=datastore)
            files.datastore, files.path = datastore, f"[{datastore}] {vm}/{vm}.vmx"

    def cut(self, machine: str, why: str, *, ordered: bool) -> None:
        """Take a blade's power away: by an order (`power.off`) or by failure (`power.lost`)."""
        with self.lock:
            blade, host = self.blades[machine], self.host_on(machine)
            if not blade.powered:
                return
            if ordered and host is not None and host.reachable and host.running:
                self.ledger.violation("healthy-host-powered-off", host=host.name, vms=sorted(host.running))
            blade.powered = blade.booted = blade.hung = False
            self.ledger.write("blade.off", machine=machine, why=why)
            for vm in sorted(host.running if host else ()):
                self.stop(vm, host.name if host else "", why)
        self.tell("power.off" if ordered else "power.lost", machine)

    def shut_down(self, machine: str, why: str) -> None:
        """The hypervisor was told to stop: its blade's power goes a little later, if it gets that far."""

        def stopped() -> None:
            with self.lock:
                blade = self.blades[machine]
                if not blade.alive or not blade.shuts:
                    return
            self.cut(machine, why, ordered=True)

        self.agenda.after(self.shutdown_after, stopped)

    def feed(self, machine: str, why: str) -> None:
        """Give a blade power; its hypervisor answers after the boot time."""
        with self.lock:
            blade = self.blades[machine]
            if blade.powered:
                return
            blade.powered = True
            self.ledger.write("blade.on", machine=machine, why=why)
        self.agenda.after(self.boot_after, lambda: self._booted(machine))
        self.tell("power.on", machine)

    def _booted(self, machine: str) -> None:
        with self.lock:
            blade = self.blades[machine]
            blade.booted = blade.powered and blade.boots
        self.tell("reach", machine)

    def tell(self, what: str, machine: str) -> None:
        """Tell whoever reports about the world that it changed."""
        for listener in self.listeners:
            listener(what, machine)

    def used_mhz(self, host: str) -> int:
        """What the running VMs ask for, at most what the host has."""
        here = self.hosts[host]
        asked = sum(self.vms[vm].demand_mhz for vm in here.running) + 200
        return min(asked, here.cores * here.mhz)

    def used_mb(self, host: str) -> int:
        """Memory of the running VMs and of the hypervisor."""
        here = self.hosts[host]
        return min(sum(self.vms[vm].memory_mb for vm in here.running) + 2048, here.memory_mb)


def _blades(spec: Spec) -> dict[str, Blade]:
    return {
        f"{chassis.name}/{slot.slot}": Blade(f"{chassis.name}/{slot.slot}", chassis.name, chassis.serial, slot)
        for chassis in spec.chassis
        for slot in chassis.slots
    }


def _hosts(spec: Spec, blades: dict[str, Blade]) -> dict[str, Host]:
    found: dict[str, Host] = {}
    for one in spec.simulation.hosts:
        machine = one.machine or spec.machine_of(one.name)
        if machine not in blades:
            msg = f"host {one.name} sits in {machine}, which is no slot of the estate"
            raise SpecError(msg)
        blades[machine].powered = blades[machine].booted = one.on
        ways = (one.vmotion, one.vmotion_licensed, one.vmotion_address, one.networks, one.newest_hardware, one.cpu)
        what = (one.cores, one.mhz, one.memory_mb, one.thumbprint, one.joined, Mobility(*ways))
        found[one.name] = Host(one.name, blades[machine], *what)
    return found


def _vms(simulation: Simulation) -> dict[str, Vm]:
    space = uuid.uuid5(uuid.NAMESPACE_URL, f"toban-simulator:{simulation.seed}")
    return {
        vm.name: Vm(
            name=vm.name,
            uuid=str(uuid.uuid5(space, f"bios:{vm.name}")),
            instance_uuid=str(uuid.uuid5(space, f"instance:{vm.name}")),
            datastore=vm.datastore,
            path=f"[{vm.datastore}] {vm.name}/{vm.name}.vmx",
            cpus=vm.cpus,
            memory_mb=vm.memory_mb,
            demand_mhz=vm.demand_mhz,
            disk_gb=vm.disk_gb,
            tools_after=vm.tools_after,
            network=vm.network,
            hardware=vm.hardware,
        )
        for vm in simulation.vms
    }
