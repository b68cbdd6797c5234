"""Whether a VM fits a host: the reasons against, in words; pure."""

from dataclasses import dataclass

from engine.estate import reading
from engine.model.estate import Estate, LiveVm, Power


@dataclass(frozen=True, slots=True)
class Room:
    """What is free on a host while a plan is being made: MHz and MB."""

    host: str
    cpu_mhz: int
    memory_mb: int

    def less(self, vm: LiveVm) -> "Room":
        """The room left after this VM moved in."""
        cpu, memory = needs(vm)
        return Room(self.host, self.cpu_mhz - cpu, self.memory_mb - memory)


def needs(vm: LiveVm) -> tuple[int, int]:
    """MHz and MB that the VM takes; one that is off takes nothing until somebody starts it."""
    return (vm.cpu_used_mhz, vm.memory_mb) if vm.power is Power.ON else (0, 0)


def rooms(estate: Estate, source: str, ceiling: float = 1.0) -> dict[str, Room]:
    """Free capacity of every healthy host of the source's group and vCenter, the source left out.

    Memory counts as configured for the VMs that run there (no overcommitment: a failover must not swap). `ceiling`:
    the share of CPU and memory that may be filled.
    """
    home = estate.site.standings.get(source)
    memory = _memory_in_use(estate)
    free: dict[str, Room] = {}
    for name, place in estate.site.standings.items():
        live = estate.hosts.get(name)
        if home is None or live is None or name == source or place.group != home.group:
            continue
        if place.host.vcenter == home.host.vcenter and reading.is_healthy(estate, name):
            used = memory.get((place.host.vcenter, place.inventory_name), 0)
            cpu = int(ceiling * live.cpu_mhz) - live.cpu_used_mhz
            free[name] = Room(name, cpu, int(ceiling * live.memory_mb) - used)
    return free


def _memory_in_use(estate: Estate) -> dict[tuple[str, str | None], int]:
    used: dict[tuple[str, str | None], int] = {}
    for vm in estate.vms.values():
        if vm.power is Power.ON and not vm.template:
            used[vm.vcenter, vm.host] = used.get((vm.vcenter, vm.host), 0) + vm.memory_mb
    return used


def reaches(estate: Estate, vm: LiveVm, host: str) -> bool:
    """Whether the host mounts everything that the VM's files are on; unknown is no."""
    mounted = estate.hosts[host].datastores
    known = [estate.datastores.get(store) for store in vm.datastores]
    return bool(known) and all(one is not None and one.accessible and one.name in mounted for one in known)


def against(estate: Estate, vm: LiveVm, room: Room) -> tuple[str, str] | None:
    """Why this VM cannot run on that host (English, Japanese), or None if it can."""
    live = estate.hosts[room.host]
    for store in vm.datastores:
        known = estate.datastores.get(store)
        if store not in live.datastores or known is None or not known.accessible:
            return (
                f"{vm.name} is on {store}, which {room.host} does not mount",
                f"{vm.name} の {store} は {room.host} から見えない",
            )
    if not vm.datastores:
        return f"the datastores of {vm.name} are unknown", f"{vm.name} のデータストア不明"
    cpu, memory = needs(vm)
    if memory > room.memory_mb:
        return (
            f"{vm.name} needs {memory} MB, {room.host} has {room.memory_mb} MB free",
            f"{room.host} のメモリ不足",
        )
    if cpu > room.cpu_mhz:
        return f"{vm.name} uses {cpu} MHz, {room.host} has {room.cpu_mhz} MHz free", f"{room.host} の CPU 不足"
    return None
