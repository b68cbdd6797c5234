"""Whether a VM fits a host: the reasons against, in words; pure."""

from dataclasses import dataclass, replace

from engine.estate import reading
from engine.model.estate import Estate, LiveVm, Power, Standing
from engine.model.placement import Capacity


@dataclass(frozen=True, slots=True)
class Room:
    """What is free on a host while a plan is being made: MHz and MB."""

    host: str
    cpu_mhz: int
    memory_mb: int
    units: int | None = None
    """What is left of the host's capacity value; None: the site sets none."""
    capacity: Capacity | None = None

    def cost(self, vm: LiveVm) -> int:
        """What the VM takes of the host's capacity value; nothing while it is off."""
        return self.capacity.of(vm.name) if self.capacity is not None and vm.power is Power.ON else 0

    def less(self, vm: LiveVm) -> "Room":
        """The room left after this VM moved in."""
        cpu, memory = needs(vm)
        units = self.units - self.cost(vm) if self.units is not None else None
        return Room(self.host, self.cpu_mhz - cpu, self.memory_mb - memory, units, self.capacity)


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
            room = Room(name, cpu, int(ceiling * live.memory_mb) - used)
            free[name] = _valued(estate, room, place)
    return free


def _valued(estate: Estate, room: Room, place: Standing) -> Room:
    """With what is left of the host's capacity value, where its group has one."""
    capacity = estate.site.placements[place.group].capacity
    if capacity is None:
        return room
    taken = sum(capacity.of(vm.name) for vm in reading.running_vms(estate, room.host))
    return replace(room, units=worth(place, capacity) - taken, capacity=capacity)


def worth(place: Standing, capacity: Capacity) -> int:
    """The capacity value of a host: its own before its group's."""
    return place.host.capacity if place.host.capacity is not None else capacity.value


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
    if room.units is not None and room.cost(vm) > max(0, room.units):
        en = f"{vm.name} costs {room.cost(vm)}, {room.host} has {room.units} of its capacity value left"
        return en, f"{room.host} のキャパシティ値不足"
    return None
