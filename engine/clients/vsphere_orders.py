"""Orders to vCenter; each sends one call and returns the reference of the task it started. Blocking."""

from typing import Any

from pyVmomi import vim

from engine.clients import vsphere_moving
from engine.clients.vsphere import Session
from engine.clients.vsphere_moving import Journey
from engine.model.errors import Permanent


def disconnect(session: Session, host_ref: str) -> str:
    """DisconnectHost_Task."""
    return _ref(session.managed(vim.HostSystem, host_ref).DisconnectHost_Task())


def remove(session: Session, host_ref: str) -> str:
    """Take a host out of the inventory: itself in a cluster, its own ComputeResource where it stands alone.

    A cluster is a subclass of ComputeResource: destroying it would remove every host, so the class is compared
    exactly, and anything else is refused (Permanent).
    """
    host: Any = session.managed(vim.HostSystem, host_ref)
    parent: Any = session.read_one(host, ["parent"]).get("parent")
    kind: Any = type(parent)
    if kind is vim.ClusterComputeResource:
        return _ref(host.Destroy_Task())
    if kind is vim.ComputeResource:
        return _ref(parent.Destroy_Task())
    msg = f"host {host_ref} hangs under a {kind.__name__}; nothing is removed"
    raise Permanent(msg)


def register(session: Session, vm: tuple[str, str], folder_ref: str, pool_ref: str, host_ref: str) -> str:
    """RegisterVM_Task of (path, name) into a folder, at a host."""
    folder = session.managed(vim.Folder, folder_ref)
    pool, host = session.managed(vim.ResourcePool, pool_ref), session.managed(vim.HostSystem, host_ref)
    path, name = vm
    return _ref(folder.RegisterVM_Task(path, name, False, pool, host))


def power_on(session: Session, vm_ref: str) -> str:
    """PowerOnVM_Task where the VM is registered."""
    return _ref(session.managed(vim.VirtualMachine, vm_ref).PowerOnVM_Task())


def reset(session: Session, vm_ref: str) -> str:
    """ResetVM_Task of a running VM."""
    return _ref(session.managed(vim.VirtualMachine, vm_ref).ResetVM_Task())


def suspend(session: Session, vm_ref: str) -> str:
    """SuspendVM_Task of a running VM."""
    return _ref(session.managed(vim.VirtualMachine, vm_ref).SuspendVM_Task())


def power_off(session: Session, vm_ref: str) -> str:
    """PowerOffVM_Task of a running VM: no orderly end for its guest."""
    return _ref(session.managed(vim.VirtualMachine, vm_ref).PowerOffVM_Task())


def shut_guest_down(session: Session, vm_ref: str) -> None:
    """ShutdownGuest: only asks the guest; there is no task."""
    session.managed(vim.VirtualMachine, vm_ref).ShutdownGuest()


def enter_maintenance(session: Session, host_ref: str, timeout: int) -> str:
    """EnterMaintenanceMode_Task: waits `timeout` seconds for running VMs to leave; those that are off stay."""
    return _ref(session.managed(vim.HostSystem, host_ref).EnterMaintenanceMode_Task(timeout, False))


def exit_maintenance(session: Session, host_ref: str, timeout: int) -> str:
    """ExitMaintenanceMode_Task."""
    return _ref(session.managed(vim.HostSystem, host_ref).ExitMaintenanceMode_Task(timeout))


def shut_down(session: Session, host_ref: str) -> str:
    """ShutdownHost_Task without force: vCenter refuses a host that is not in maintenance mode."""
    return _ref(session.managed(vim.HostSystem, host_ref).ShutdownHost_Task(False))


def relocate(session: Session, journey: Journey) -> str:
    """RelocateVM_Task to another host, and another datastore where the journey names one; otherwise the disks stay."""
    vm = session.managed(vim.VirtualMachine, journey.vm_ref)
    return _ref(vm.RelocateVM_Task(vsphere_moving.relocation(session, journey)))


def answer(session: Session, vm_ref: str, question: str, key: str) -> None:
    """AnswerVM."""
    session.managed(vim.VirtualMachine, vm_ref).AnswerVM(question, key)


def vm_folder(session: Session) -> str:
    """The VM folder of the first datacenter: where a VM goes whose own folder is unknown."""
    rows = session.read(vim.Datacenter, ["vmFolder"])
    if not rows:
        msg = "vCenter shows no datacenter"
        raise Permanent(msg)
    return _ref(rows[0].get("vmFolder"))


def _ref(target: Any) -> str:
    return str(target._moId)  # noqa: SLF001  pyVmomi's name for the reference
