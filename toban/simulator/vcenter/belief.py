"""What vCenter comes to believe about the truth: heartbeats lost and found, records that follow, vSphere HA."""

from typing import Any

from pyVmomi import vim

from toban.simulator import agenda
from toban.simulator.spec import VCenter
from toban.simulator.truth import Host, Locked, Truth
from toban.simulator.vcenter.events import Events
from toban.simulator.vcenter.inventory import Inventory

Connection = vim.HostSystem.ConnectionState
VmConnection = vim.VirtualMachine.ConnectionState
On, Off = vim.VirtualMachine.PowerState.poweredOn, vim.VirtualMachine.PowerState.poweredOff


class Belief:
    """Watches the truth and changes the records, late, as a vCenter does."""

    def __init__(self, truth: Truth, inventory: Inventory, events: Events, rules: VCenter) -> None:
        """Begins to watch."""
        self._truth, self._inventory, self._events, self._rules = truth, inventory, events, rules
        truth.listeners.append(self._heard)

    def _heard(self, _: str, machine: str) -> None:
        host = self._truth.host_on(machine)
        if host is None:
            return
        wait = self._rules.return_after if host.reachable else self._rules.detect_after
        self._truth.agenda.after(wait, lambda: self.review(host))

    def record(self, host: Host) -> Any:
        """The host's record, or None if it was removed."""
        identity = self._inventory.hosts.get(host.name)
        return identity if identity is not None and self._inventory.registry.knows(identity._moId) else None  # noqa: SLF001

    def review(self, host: Host) -> None:
        """Believe what has been true long enough."""
        with self._truth.lock:
            record = self.record(host)
            if record is None:
                return
            state = self._inventory.get(record, "runtime.connectionState")
            if not host.reachable and state == Connection.connected:
                self._lost(record, host)
            elif host.reachable and state == Connection.notResponding:
                self.found(record, host)

    def _lost(self, record: Any, host: Host) -> None:
        set_ = self._inventory.set
        set_(record, "runtime.connectionState", Connection.notResponding)
        power = vim.HostSystem.PowerState
        if self._inventory.get(record, "runtime.powerState") != power.poweredOff:  # it was not shut down on request
            set_(record, "runtime.powerState", power.unknown)
        for vm in self._inventory.get(record, "vm") or ():
            set_(vm, "runtime.connectionState", VmConnection.disconnected)
        self._events.post(self._events.about_host(vim.event.HostConnectionLostEvent, record))
        if self._rules.ha:
            self._truth.agenda.after(self._rules.ha_restart_after, lambda: self._restart(record, host))

    def found(self, record: Any, host: Host) -> None:
        """The host answers: its records show what is true there."""
        set_ = self._inventory.set
        set_(record, "runtime.connectionState", Connection.connected)
        set_(record, "runtime.powerState", vim.HostSystem.PowerState.poweredOn)
        for vm in self._inventory.get(record, "vm") or ():
            set_(vm, "runtime.connectionState", VmConnection.connected)
            self.show_power(vm, on=self._inventory.files(vm).name in host.running)
        self._events.post(self._events.about_host(vim.event.HostConnectedEvent, record))

    def show_power(self, vm: Any, *, on: bool) -> None:
        """The record of a VM shows its power, with the event if that changed."""
        if (self._inventory.get(vm, "runtime.powerState") == On) == on:
            return
        self._inventory.set(vm, "runtime.powerState", On if on else Off)
        self._inventory.set(vm, "runtime.bootTime", agenda.now() if on else None)
        heartbeat = vim.ManagedEntity.Status.green if on else vim.ManagedEntity.Status.gray
        self._inventory.set(vm, "guestHeartbeatStatus", heartbeat)
        self._show_tools(vm, on=on)
        kind = vim.event.VmPoweredOnEvent if on else vim.event.VmPoweredOffEvent
        self._events.post(self._events.about_vm(kind, vm))

    def _show_tools(self, vm: Any, *, on: bool) -> None:
        """The guest tools of a VM that was started run once its guest is up."""
        delay = self._inventory.files(vm).tools_after
        at_once = on and delay == 0
        self._inventory.set(vm, "guest.toolsRunningStatus", "guestToolsRunning" if at_once else "guestToolsNotRunning")
        if on and delay:
            self._truth.agenda.after(delay, lambda: self._tools_run(vm))

    def _tools_run(self, vm: Any) -> None:
        with self._truth.lock:
            known = self._inventory.registry.knows(vm._moId)  # noqa: SLF001
            if known and self._inventory.get(vm, "runtime.powerState") == On:
                self._inventory.set(vm, "guest.toolsRunningStatus", "guestToolsRunning")

    def _restart(self, record: Any, host: Host) -> None:
        """Vsphere HA: VMs on shared storage come back on a live host; their records keep their identity."""
        with self._truth.lock:
            if host.reachable or self.record(host) is None:
                return
            for vm in self._inventory.get(record, "vm") or ():
                target = self._target(vm)
                if target is None or self._inventory.get(vm, "runtime.powerState") != On:
                    continue
                try:
                    self._truth.start(self._inventory.files(vm).name, target.name, "vSphere HA")
                except Locked:
                    continue
                self._move(vm, record, target)

    def _target(self, vm: Any) -> Host | None:
        store = self._truth.stores[self._inventory.files(vm).datastore]
        fit = [h for h in self._truth.hosts.values() if h.reachable and h.name in store.hosts and self.record(h)]
        return min(fit, key=lambda h: self._truth.used_mhz(h.name), default=None)

    def _move(self, vm: Any, source: Any, target: Host) -> None:
        there = self._inventory.hosts[target.name]
        self._inventory.set(vm, "runtime.host", there)
        self._inventory.set(vm, "runtime.connectionState", VmConnection.connected)
        self._inventory.set(vm, "runtime.bootTime", agenda.now())
        self._inventory.touch(source, "vm")
        self._inventory.touch(there, "vm")
        kind = vim.event.VmRestartedOnAlternateHostEvent
        self._events.post(self._events.about_vm(kind, vm, sourceHost=self._events.host(source)))

    def refresh_load(self) -> None:
        """Put the present load into the records of hosts that answer; vCenter knows no other."""
        with self._truth.lock:
            for host in self._truth.hosts.values():
                record = self.record(host)
                if record is None or self._inventory.get(record, "runtime.connectionState") != Connection.connected:
                    continue
                if host.reachable:
                    self._show_load(record, host)

    def _show_load(self, record: Any, host: Host) -> None:
        set_, used = self._inventory.set, self._truth.used_mhz(host.name)
        asked = sum(self._truth.vms[vm].demand_mhz for vm in host.running) + 200
        set_(record, "summary.quickStats.overallCpuUsage", used)
        set_(record, "summary.quickStats.overallMemoryUsage", self._truth.used_mb(host.name))
        for vm in self._inventory.get(record, "vm") or ():
            files = self._inventory.files(vm)
            on = files.name in host.running
            demand, memory = (files.demand_mhz, files.memory_mb // 2) if on else (0, 0)
            set_(vm, "summary.quickStats.overallCpuUsage", demand * used // asked if asked else 0)
            set_(vm, "summary.quickStats.guestMemoryUsage", memory)
            set_(vm, "summary.quickStats.hostMemoryUsage", memory)
