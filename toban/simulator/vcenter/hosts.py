"""Orders to hosts and the cluster."""

import math
import time
from collections.abc import Callable
from typing import Any

from pyVmomi import vim

from toban.simulator.vcenter import registering
from toban.simulator.vcenter.center import Center
from toban.simulator.vcenter.sessions import Session
from toban.simulator.vcenter.tasks import Waiting

Connection = vim.HostSystem.ConnectionState


def disconnect(center: Center, session: Session, host: Any) -> Any:
    """DisconnectHost_Task: vCenter stops listening; also for a host that does not answer."""

    def work() -> None:
        inventory = center.inventory
        center.registry.find(host)
        inventory.set(host, "runtime.connectionState", Connection.disconnected)
        for vm in inventory.get(host, "vm") or ():
            inventory.set(vm, "runtime.connectionState", vim.VirtualMachine.ConnectionState.disconnected)
        kind = vim.event.HostDisconnectedEvent
        center.events.post(center.events.about_host(kind, host, reason="userRequest"))

    center.registry.find(host)
    return center.start("DisconnectHost_Task", host, center.seconds.disconnect, work, session.user or "")


def reconnect(center: Center, session: Session, host: Any, *_: Any) -> Any:
    """ReconnectHost_Task."""

    def work() -> None:
        truth = center.inventory.truth_of(center.registry.find(host))
        if not truth.reachable:
            raise vim.fault.HostConnectFault(msg="The host does not answer.")
        center.belief.found(host, truth)

    center.registry.find(host)
    return center.start("ReconnectHost_Task", host, center.seconds.disconnect, work, session.user or "")


def enter_maintenance(
    center: Center, session: Session, host: Any, timeout: int, evacuate: Any = None, _: Any = None
) -> Any:
    """EnterMaintenanceMode_Task: waits for running VMs to leave (all of them, if asked), as it moves nothing itself."""
    center.require_reach(center.registry.find(host))
    _require_mode(center, host, entered=False)
    until = time.monotonic() + timeout if timeout > 0 else math.inf

    def work() -> None:
        center.require_reach(host)
        left = center.inventory.get(host, "vm") if evacuate else center.inventory.truth_of(host).running
        if left and time.monotonic() >= until:
            raise vim.fault.Timedout(msg="The host did not become empty in time.")
        if left:
            raise Waiting
        show_maintenance(center, host, entered=True)

    task = center.start("EnterMaintenanceMode_Task", host, center.seconds.maintenance, work, session.user or "")
    center.announce(task, center.events.about_host(vim.event.EnteringMaintenanceModeEvent, host))
    return task


def exit_maintenance(center: Center, session: Session, host: Any, *_: Any) -> Any:
    """ExitMaintenanceMode_Task."""
    center.require_reach(center.registry.find(host))
    _require_mode(center, host, entered=True)

    def work() -> None:
        center.require_reach(host)
        show_maintenance(center, host, entered=False)

    return center.start("ExitMaintenanceMode_Task", host, center.seconds.maintenance, work, session.user or "")


def _require_mode(center: Center, host: Any, *, entered: bool) -> None:
    if bool(center.inventory.get(host, "runtime.inMaintenanceMode")) != entered:
        raise vim.fault.InvalidState(msg=f"The host is {'not ' if entered else ''}in maintenance mode.")


def shut_down(center: Center, session: Session, host: Any, force: Any = None) -> Any:
    """ShutdownHost_Task: accepted by a host that answers; without force only in maintenance mode."""
    center.require_reach(center.registry.find(host))
    if not force:
        _require_mode(center, host, entered=True)

    def work() -> None:
        center.require_reach(host)
        center.inventory.set(host, "runtime.powerState", vim.HostSystem.PowerState.poweredOff)
        kind = vim.event.HostShutdownEvent
        center.events.post(center.events.about_host(kind, host, reason="shutdown requested through vCenter"))
        center.truth.shut_down(center.inventory.truth_of(host).blade.machine, "shutdown through vCenter")

    return center.start("ShutdownHost_Task", host, center.seconds.shutdown, work, session.user or "")


def show_maintenance(center: Center, host: Any, *, entered: bool, user: str = "") -> None:
    """The record of the host shows the mode, with its event; `user` where no task is behind it."""
    center.inventory.set(host, "runtime.inMaintenanceMode", entered)
    kind = vim.event.EnteredMaintenanceModeEvent if entered else vim.event.ExitMaintenanceModeEvent
    center.events.post(center.events.about_host(kind, host), user=user)


def destroy(center: Center, session: Session, entity: Any) -> Any:
    """Destroy_Task: a host leaves the cluster; everything else is refused and noted."""
    center.registry.find(entity)
    if not isinstance(entity, vim.HostSystem):
        return registering.destroy(center, session, entity)

    def work() -> None:
        state = center.inventory.get(center.registry.find(entity), "runtime.connectionState")
        if state == Connection.connected and not center.inventory.get(entity, "runtime.inMaintenanceMode"):
            raise vim.fault.InvalidState(msg="The host is connected and not in maintenance mode.")
        _removed(center, entity)

    return center.start("Destroy_Task", entity, center.seconds.remove, work, session.user or "")


def _removed(center: Center, host: Any) -> None:
    inventory, name = center.inventory, center.inventory.get(host, "name")
    for vm in inventory.get(host, "vm") or ():
        center.events.post(center.events.about_vm(vim.event.VmRemovedEvent, vm))
        center.registry.remove(vm)
    center.events.post(center.events.about_host(vim.event.HostRemovedEvent, host))
    center.registry.remove(host)
    inventory.hosts.pop(inventory.truth_of(host).name, None)
    inventory.touch(inventory.cluster, "host")
    center.truth.ledger.write("host.removed", host=name)


METHODS: dict[str, Callable[..., Any]] = {
    "DisconnectHost_Task": disconnect,
    "ReconnectHost_Task": reconnect,
    "EnterMaintenanceMode_Task": enter_maintenance,
    "ExitMaintenanceMode_Task": exit_maintenance,
    "ShutdownHost_Task": shut_down,
    "Destroy_Task": destroy,
}
