"""A datacenter that goes on while processes die: it keeps its own ledger of what was done to it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from engine.model.command import Command, Sighting, State
from engine.model.estate import Connection, Estate, Power

TAKES = {"vm.migrate": 6.0, "machine.power_on": 5.0, "machine.power_off": 4.0, "host.shutdown": 5.0}
"""Seconds; everything else takes two."""
SPARE = "spare"
"""The hypervisor on the free blade."""


@dataclass
class Host:
    power: bool
    connected: bool
    maintenance: bool = False
    there: bool = True
    """In vCenter's inventory."""


@dataclass
class Vm:
    record: str | None
    """The host that its record is on; None: nowhere."""
    on: str | None
    """The host that it runs on."""
    starts: int = 0
    store: str = ""
    """Where its disks were taken, if they were."""


@dataclass
class Task:
    command: str
    trail: str
    ends: asyncio.Event = field(default_factory=asyncio.Event)


class World:
    """What is true. Orders take time, and end whoever is alive to see it."""

    def __init__(self, estate: Estate, refuses: frozenset[tuple[str, str]] = frozenset()) -> None:
        self.refuses = refuses
        """Moves that vCenter will not make: verb, and the state in which the VM is moved."""
        self.machines = {place.machine: name for name, place in estate.site.standings.items()}
        self.machines["machine:chassis1/9"] = SPARE
        self.serves: dict[str, str] = {}
        self.hosts = {SPARE: Host(power=False, connected=False, maintenance=True, there=False)} | {
            name: Host(live.power is Power.ON, live.connection is Connection.CONNECTED, live.maintenance)
            for name, live in estate.hosts.items()
        }
        self.vms = {
            f"vm:{vm.name}": Vm(vm.host, vm.host if vm.power is Power.ON else None) for vm in estate.vms.values()
        }
        self.marks: dict[str, str] = {}
        self.told: Counter[str] = Counter()
        self.orders: Counter[str] = Counter()
        self.violations: list[str] = []
        self.tasks: dict[str, Task] = {}
        self.tokens: dict[str, int] = {}
        self.going: set[asyncio.Task[None]] = set()
        self.protected = [f"vm:{vm.name}" for vm in estate.vms.values() if vm.ha_protected and vm.power is Power.ON]

    def vsphere_ha(self) -> None:
        """What vSphere HA does by itself half a minute after a host was lost; the host is off by then."""
        lost = [name for name, host in self.hosts.items() if not host.connected]
        if not lost or not self.protected:
            return

        async def restart() -> None:
            await asyncio.sleep(30.0)
            for name in lost:
                self.power(name, on=False)
            for name in self.protected:
                if self.vms[name].on is None:
                    self.start(name, "esx2")

        self._begin(restart())

    def order(self, command: Command, trail: str) -> str:
        """Take an order; its task ends by itself."""
        self.orders[command.id] += 1
        name = f"task-{len(self.tasks) + 1}"
        task = self.tasks[name] = Task(command.id, trail)

        async def work() -> None:
            await asyncio.sleep(TAKES.get(command.verb, 2.0))
            EFFECTS[command.verb](self, command)
            task.ends.set()

        self._begin(work())
        return name

    def _begin(self, work: Coroutine[object, object, None]) -> None:
        going = asyncio.get_running_loop().create_task(work)
        self.going.add(going)
        going.add_done_callback(self.going.discard)

    def task_of(self, reference: str | None) -> str | None:
        """The task behind a reference: its own name, or the trail that was kept before it was ordered."""
        if reference in self.tasks:
            return reference
        return next((name for name, task in self.tasks.items() if task.trail == reference), None)

    def end_state(self) -> tuple[object, ...]:
        """Everything that must be the same however often somebody died on the way."""
        hosts = sorted((name, host.power, host.maintenance, host.there) for name, host in self.hosts.items())
        vms = sorted((name, vm.record, vm.on, vm.starts, vm.store) for name, vm in self.vms.items())
        return (*hosts, *vms, *sorted(self.serves.items()), *sorted(self.marks.items()), *sorted(self.told.items()))

    def power(self, name: str, *, on: bool) -> None:
        host = self.hosts[name]
        host.power = on
        if not on:
            host.connected = False
            for vm in self.vms.values():
                vm.on = None if vm.on == name else vm.on

    def start(self, name: str, at: str) -> None:
        vm = self.vms[name]
        if vm.on is not None:
            self.violations.append(f"{name} was started on {at} while it runs on {vm.on}")
        if any(host.power and one == vm.record and one != at for one, host in self.hosts.items()):
            self.violations.append(f"{name} was started on {at} while {vm.record} has power")
        vm.record, vm.on, vm.starts = at, at, vm.starts + 1


def _power_off(world: World, command: Command) -> None:
    world.power(world.machines[command.target], on=False)


def _power_on(world: World, command: Command) -> None:
    name = world.machines[command.target]
    world.power(name, on=True)
    world.hosts[name].connected = True


def _join(world: World, name: str) -> None:
    if not world.hosts[name].power:
        world.violations.append(f"{name} joined without power")
    world.hosts[name].there = True


def _assign(world: World, command: Command) -> None:
    world.serves[command.target] = str(command.parameters["machine"])


def _host(change: Callable[[World, str], None]) -> Callable[[World, Command], None]:
    return lambda world, command: change(world, str(command.parameters["name"]))


def _maintenance(on: bool) -> Callable[[World, str], None]:
    def change(world: World, name: str) -> None:
        if on and any(vm.on == name for vm in world.vms.values()):
            world.violations.append(f"{name} went into maintenance with running VMs")
        world.hosts[name].maintenance = on

    return change


def _disconnect(world: World, name: str) -> None:
    world.hosts[name].connected = False


def _remove(world: World, name: str) -> None:
    if world.hosts[name].power:
        world.violations.append(f"{name} was removed while it has power")
    world.hosts[name].there = False
    for vm in world.vms.values():
        vm.record = None if vm.record == name else vm.record


def _shutdown(world: World, name: str) -> None:
    if any(vm.on == name for vm in world.vms.values()):
        world.violations.append(f"{name} was shut down with running VMs")
    world.power(name, on=False)


def _register(world: World, command: Command) -> None:
    vm = world.vms[command.target]
    if vm.record is not None:
        world.violations.append(f"{command.target} was registered twice")
    vm.record = str(command.parameters["host"])


def _migrate(world: World, command: Command) -> None:
    vm = world.vms[command.target]
    target = str(command.parameters["target"])
    vm.record, vm.on = target, target if vm.on is not None else None


def _relocate(world: World, command: Command) -> None:
    vm = world.vms[command.target]
    if vm.on is not None and command.parameters.get("rests"):
        world.violations.append(f"{command.target} was moved running, and was to be at rest")
    _migrate(world, command)
    vm.store = str(command.parameters["datastore"])


def _restart(world: World, command: Command) -> None:
    vm = world.vms[command.target]
    vm.on, vm.starts = vm.record, vm.starts + 1


def _mark(world: World, command: Command) -> None:
    world.marks[command.target] = str(command.parameters["status"])


def _tell(world: World, command: Command) -> None:
    world.told[command.id] += 1


def _rest(world: World, command: Command) -> None:
    world.vms[command.target].on = None


EFFECTS: dict[str, Callable[[World, Command], None]] = {
    "machine.power_off": _power_off,
    "machine.power_on": _power_on,
    "machine.assign": _assign,
    "host.add": _host(_join),
    "host.enter_maintenance": _host(_maintenance(True)),
    "host.exit_maintenance": _host(_maintenance(False)),
    "host.disconnect": _host(_disconnect),
    "host.remove": _host(_remove),
    "host.shutdown": _host(_shutdown),
    "vm.register": _register,
    "vm.power_on": lambda world, command: world.start(command.target, str(command.parameters["host"])),
    "vm.migrate": _migrate,
    "vm.relocate": _relocate,
    "vm.restart": _restart,
    "vm.suspend": _rest,
    "vm.shutdown": _rest,
    "object.mark": _mark,
    "notify.log": _tell,
}
LOOKS = frozenset(
    {
        "machine.prove_off",
        "host.diagnose",
        "host.await_connected",
        "vm.verify",
        "vm.await_ha",
        "vm.check_move",
        "vm.await_tools",
    }
)
"""Verbs that only look."""


def _vm(world: World, command: Command) -> Vm:
    return world.vms[command.target]


def _named(world: World, command: Command) -> Host:
    return world.hosts[str(command.parameters["name"])]


def _blade(world: World, command: Command) -> Host:
    return world.hosts[world.machines[command.target]]


def _is_rehoused(vm: Vm, command: Command) -> bool:
    return (vm.record, vm.store) == (command.parameters["target"], command.parameters["datastore"])


ENDS: dict[str, Callable[[World, Command], bool]] = {
    "machine.power_off": lambda world, command: not _blade(world, command).power,
    "machine.power_on": lambda world, command: _blade(world, command).power,
    "machine.prove_off": lambda world, command: not _blade(world, command).power,
    "machine.assign": lambda world, command: world.serves.get(command.target) == command.parameters["machine"],
    "host.add": lambda world, command: _named(world, command).there,
    "host.enter_maintenance": lambda world, command: _named(world, command).maintenance,
    "host.exit_maintenance": lambda world, command: not _named(world, command).maintenance,
    "host.shutdown": lambda world, command: not _named(world, command).power,
    "host.disconnect": lambda world, command: not _named(world, command).connected,
    "host.remove": lambda world, command: not _named(world, command).there,
    "host.await_connected": lambda world, command: _named(world, command).connected,
    "host.diagnose": lambda _, __: True,
    "vm.register": lambda world, command: _vm(world, command).record == command.parameters["host"],
    "vm.power_on": lambda world, command: _vm(world, command).on is not None,
    "vm.await_ha": lambda world, command: _vm(world, command).on is not None,
    "vm.verify": lambda world, command: _vm(world, command).on is not None,
    "vm.migrate": lambda world, command: _vm(world, command).record == command.parameters["target"],
    "vm.relocate": lambda world, command: _is_rehoused(_vm(world, command), command),
    "vm.check_move": lambda _, __: True,
    "vm.await_tools": lambda world, command: _vm(world, command).on is not None,
    "start.gate": lambda _, __: True,
    "vm.restart": lambda _, __: False,
    "vm.suspend": lambda world, command: _vm(world, command).on is None,
    "vm.shutdown": lambda world, command: _vm(world, command).on is None,
    "object.mark": lambda world, command: world.marks.get(command.target) == command.parameters["status"],
    "notify.log": lambda world, command: world.told[command.id] > 0,
}
"""Whether the end state of a command holds; of a restart only its task tells."""


def judge(world: World, command: Command, reference: str | None) -> Sighting:
    """What a look gives."""
    name = world.task_of(reference) if not command.verb.startswith("machine.") else None
    task = world.tasks.get(name) if name is not None else None
    if task is not None and not task.ends.is_set():
        return Sighting(State.BUSY, "its task is under way", {"task": name})
    if ENDS[command.verb](world, command) or (task is not None and command.verb == "vm.restart"):
        return Sighting(State.REACHED, "as it stands")
    if (command.verb, str(command.parameters.get("rests", ""))) in world.refuses:
        return Sighting(State.REFUSED, "vCenter does not make this move")
    return Sighting(State.BUSY if command.verb in LOOKS else State.READY, "as it stands")
