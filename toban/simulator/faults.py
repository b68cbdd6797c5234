"""Faults: what a tester may do to the datacenter, by name."""

from collections.abc import Callable
from functools import partial

from pyVmomi import vim, vmodl

from toban.simulator.chassis import Chassis
from toban.simulator.truth import Blade, Host, Truth
from toban.simulator.vcenter import happening, hosts, moving
from toban.simulator.vcenter.center import Center
from toban.simulator.vcenter.endpoint import METHODS, Endpoint
from toban.simulator.vcenter.sessions import Session

Fault = Callable[[str], None]
COLOURS = ("gray", "green", "yellow", "red")


class Unknown(Exception):
    """No such fault or target; the sentence says which there are."""


class Faults:
    """Applies faults to the truth."""

    def __init__(
        self, truth: Truth, center: Center, endpoint: Endpoint, chassis: Chassis, reissue: Callable[[bool], None]
    ) -> None:
        """Nothing is broken yet; `reissue` gives vCenter a certificate of another authority, or its own again."""
        self._truth, self._center, self._endpoint, self._chassis = truth, center, endpoint, chassis
        self._reissue = reissue
        self.names: dict[str, Fault] = {
            "blade-power-lost": lambda t: truth.cut(self._machine(t), "power lost", ordered=False),
            "blade-power-restored": lambda t: truth.feed(self._machine(t), "power restored"),
            "host-hang": lambda t: self._blade(t, hung=True),
            "host-recovered": lambda t: self._blade(t, hung=False),
            "network-isolated": lambda t: self._blade(t, isolated=True),
            "network-restored": lambda t: self._blade(t, isolated=False),
            "bmc-dead": lambda t: self._bmc(t, "dead"),
            "bmc-restored": lambda t: self._bmc(t, "ok"),
            "bmc-lies-off": lambda t: self._bmc(t, "lies-off"),
            "bmc-stuck": lambda t: self._bmc(t, "stuck"),
            "maintenance-entered": lambda t: self._maintenance(t, entered=True),
            "maintenance-exited": lambda t: self._maintenance(t, entered=False),
            "traps-muted": lambda _: self._mute(muted=True),
            "traps-unmuted": lambda _: self._mute(muted=False),
            "vcenter-blind": lambda _: self._blind(blind=True),
            "vcenter-seeing": lambda _: self._blind(blind=False),
            "vcenter-restart": lambda _: self._restart(),
            "vcenter-sessions-ended": lambda _: self._end_sessions(),
            "vcenter-certificate-changed": lambda _: self._certified(changed=True),
            "vcenter-certificate-restored": lambda _: self._certified(changed=False),
            "event-collectors-gone": lambda _: self._drop_collectors(),
            "datastore-full": lambda name: truth.full.add(self._store(name)),
            "datastore-freed": lambda name: truth.full.discard(self._store(name)),
            "vm-question": self._question,
            "vm-orphaned": lambda t: self._unseen(t, "orphaned"),
            "vm-inaccessible": lambda t: self._unseen(t, "inaccessible"),
            "host-never-boots": lambda t: self._comes_up(t, boots=False),
            "host-boots": lambda t: self._comes_up(t, boots=True),
            "vmotion-off": lambda t: self._vmotion(t, on=False),
            "vmotion-on": lambda t: self._vmotion(t, on=True),
            "vmotion-unlicensed": lambda t: self._licence(t, held=False),
            "vmotion-licensed": lambda t: self._licence(t, held=True),
            "shutdown-hangs": self._hangs_on_the_way,
            "task-fails": lambda m: self._fails(self._method(m)),
            "event-type-unknown": self._endpoint.strange.add,
            "answer-lost": lambda m: endpoint.losing.add(self._method(m)),
        }
        self._words: dict[str, Callable[[Blade, str], None]] = {
            "bmc-says": lambda blade, word: setattr(blade, "says", word),
            "bmc-health": lambda blade, word: setattr(blade, "health", word),
            "bmc-lacks": lambda blade, word: blade.lacks.add(word),
            "sensor-warns": lambda blade, word: blade.sick.update({word: "Warning"}),
            "sensor-fails": lambda blade, word: blade.sick.update({word: "Critical"}),
            "sensor-mended": lambda blade, word: blade.sick.update({word: "OK"}),
        }
        """Faults that take a word: `bmc-says:PoweringOff`, `bmc-health:Critical`, `sensor-fails:CPU 1`."""
        self._vcenter_words: dict[str, Callable[[str, str], None]] = {
            "datastore-slow": lambda target, word: happening.slow(center, target, word),
            "event": lambda target, word: happening.event(center, target, word),
            **{f"alarm-{colour}": partial(self._alarm, colour) for colour in COLOURS},
            **{f"alarm-unheard-{colour}": partial(self._unheard, colour) for colour in COLOURS},
        }
        """Of vCenter: `event:esx.problem.storage.apd.start`, `alarm-red:Host CPU usage`, `datastore-slow:80`;
        `alarm-unheard-red:NAME` is the alarm whose event vCenter merged with others."""

    def apply(self, name: str, target: str) -> None:
        """Break or mend something; raises `Unknown`."""
        kind, _, number = name.partition(":")
        if kind == "trap" and number.isdigit():
            self._chassis.send(int(number), self._machine(target))
            return
        if kind in self._words and number:
            self._truth.ledger.write("fault", fault=name, target=target)
            with self._truth.lock:
                self._words[kind](self._truth.blades[self._machine(target)], number)
            if kind == "bmc-health":
                self._truth.tell("health", self._machine(target))
            return
        if kind in self._vcenter_words and number:
            self._truth.ledger.write("fault", fault=name, target=target)
            try:
                with self._truth.lock:
                    self._vcenter_words[kind](target, number)
            except happening.Nothing as error:
                raise Unknown(str(error)) from error
            return
        if name not in self.names:
            spoken = ", ".join(f"{word}:WORD" for word in (*self._words, *self._vcenter_words))
            msg = f"unknown fault {name!r}; known: {', '.join(self.names)}, {spoken}, trap:NUMBER"
            raise Unknown(msg)
        self._truth.ledger.write("fault", fault=name, target=target)
        self.names[name](target)

    def load(self, vm: str, mhz: int) -> None:
        """Change a VM's demand; vCenter shows it at its next sample."""
        with self._truth.lock:
            if vm not in self._truth.vms:
                msg = f"unknown VM {vm!r}; known: {', '.join(self._truth.vms)}"
                raise Unknown(msg)
            self._truth.vms[vm].demand_mhz = mhz
            self._truth.ledger.write("vm.demand", vm=vm, mhz=mhz)
        self._center.belief.refresh_load()

    def move(self, vm: str, host: str) -> None:
        """An administrator migrates a VM by hand, through vCenter as everybody else."""
        inventory = self._center.inventory
        with self._truth.lock:
            if vm not in self._truth.vms or host not in inventory.hosts:
                msg = f"unknown VM {vm!r} or host {host!r}"
                raise Unknown(msg)
            record = inventory.vm_at(self._truth.vms[vm].path)
            if record is None:
                msg = f"{vm} is not in the inventory"
                raise Unknown(msg)
            order = vim.vm.RelocateSpec(host=inventory.hosts[host], pool=inventory.pool)
            moving.relocate(self._center, Session("administrator", user="Administrator"), record, order)

    def _alarm(self, colour: str, target: str, name: str) -> None:
        happening.alarm(self._center, target, name, colour)

    def _unheard(self, colour: str, target: str, name: str) -> None:
        happening.unheard_alarm(self._center, target, name, colour)

    def _machine(self, target: str) -> str:
        if target in self._truth.blades:
            return target
        if target in self._truth.hosts:
            return self._truth.hosts[target].blade.machine
        known = ", ".join([*self._truth.blades, *self._truth.hosts])
        msg = f"unknown target {target!r}; known: {known}"
        raise Unknown(msg)

    def _host(self, target: str) -> Host:
        host = self._truth.host_on(self._machine(target))
        if host is None:
            msg = f"no host runs on {target!r}"
            raise Unknown(msg)
        return host

    def _blade(self, target: str, *, hung: bool | None = None, isolated: bool | None = None) -> None:
        machine = self._machine(target)
        with self._truth.lock:
            blade = self._truth.blades[machine]
            blade.hung = blade.hung if hung is None else hung
            blade.isolated = blade.isolated if isolated is None else isolated
        self._truth.tell("reach", machine)

    def _bmc(self, target: str, state: str) -> None:
        with self._truth.lock:
            self._truth.blades[self._machine(target)].bmc = state

    def _comes_up(self, target: str, *, boots: bool) -> None:
        with self._truth.lock:
            self._truth.blades[self._machine(target)].boots = boots

    def _vmotion(self, target: str, *, on: bool) -> None:
        with self._truth.lock:
            host = self._host(target)
            host.mobility.vmotion = on
            record = self._center.belief.record(host)
            if record is not None:
                self._center.inventory.set(record, "summary.config.vmotionEnabled", on)

    def _licence(self, target: str, *, held: bool) -> None:
        with self._truth.lock:
            self._host(target).mobility.licensed = held

    def _hangs_on_the_way(self, target: str) -> None:
        with self._truth.lock:
            self._truth.blades[self._machine(target)].shuts = False

    def _method(self, name: str) -> str:
        if name not in METHODS:
            msg = f"unknown method {name!r}; write for example ResetVM_Task"
            raise Unknown(msg)
        return name

    def _fails(self, method: str) -> None:
        with self._truth.lock:
            self._center.tasks.failing[method] = vmodl.fault.SystemError(
                msg="something broke", reason="something broke"
            )

    def _unseen(self, target: str, state: str) -> None:
        with self._truth.lock:
            record = self._center.inventory.vm_named(target)
            if record is None:
                msg = f"{target!r} is not in the inventory"
                raise Unknown(msg)
            self._center.inventory.set(record, "runtime.connectionState", state)

    def _maintenance(self, target: str, *, entered: bool) -> None:
        with self._truth.lock:
            record = self._center.inventory.hosts[self._host(target).name]
            hosts.show_maintenance(self._center, record, entered=entered, user="Administrator")

    def _mute(self, *, muted: bool) -> None:
        self._chassis.muted = muted

    def _blind(self, *, blind: bool) -> None:
        with self._truth.lock:
            self._endpoint.blind = blind
            if blind:
                self._center.sessions.interrupt()
                self._center.registry.changed.notify_all()

    def _restart(self) -> None:
        self._blind(blind=True)
        self._end_sessions()
        self._truth.agenda.after(2.0, lambda: self._blind(blind=False))

    def _end_sessions(self) -> None:
        with self._truth.lock:
            self._center.sessions.end_all()
            self._center.registry.changed.notify_all()

    def _certified(self, *, changed: bool) -> None:
        self._reissue(changed)
        self._restart()

    def _drop_collectors(self) -> None:
        with self._truth.lock:
            self._center.events.drop_all()

    def _store(self, name: str) -> str:
        if name not in self._truth.stores:
            msg = f"unknown datastore {name!r}; known: {', '.join(self._truth.stores)}"
            raise Unknown(msg)
        return name

    def _question(self, target: str) -> None:
        with self._truth.lock:
            if target not in self._truth.vms:
                msg = f"unknown VM {target!r}"
                raise Unknown(msg)
            self._center.questions.will_ask.add(target)


def state_of(truth: Truth, center: Center) -> dict[str, object]:
    """The truth and what vCenter believes, side by side, as plain JSON values."""
    with truth.lock:
        inventory = center.inventory
        return {
            "blades": {
                b.machine: {"powered": b.powered, "hung": b.hung, "isolated": b.isolated, "bmc": b.bmc}
                for b in truth.blades.values()
            },
            "hosts": {
                name: {
                    "connection": str(inventory.get(record, "runtime.connectionState")),
                    "maintenance": bool(inventory.get(record, "runtime.inMaintenanceMode")),
                    "cpu_mhz": truth.used_mhz(name),
                }
                for name, record in inventory.hosts.items()
            },
            "vms": {vm.name: _vm_state(truth, center, vm.name) for vm in truth.vms.values()},
        }


def _vm_state(truth: Truth, center: Center, name: str) -> dict[str, object]:
    runs = truth.runs_on(name)
    record = center.inventory.vm_at(truth.vms[name].path)
    host = center.inventory.get(record, "runtime.host") if record is not None else None
    return {
        "running_on": runs[0] if runs else None,
        "copies": len(runs),
        "registered_on": center.inventory.get(host, "name") if host is not None else None,
        "power": str(center.inventory.get(record, "runtime.powerState")) if record is not None else None,
        "on": record is not None
        and center.inventory.get(record, "runtime.powerState") == vim.VirtualMachine.PowerState.poweredOn,
    }
