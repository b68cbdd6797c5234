"""What vCenter itself remembers of tasks on one object: how an order whose answer was lost is found again. Blocking."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyVmomi import vim, vmodl

from engine.clients.vsphere import Session
from engine.model.errors import Permanent

PAGE = 100
PAGES = 20
KINDS: Mapping[str, Any] = {
    "VirtualMachine": vim.VirtualMachine,
    "HostSystem": vim.HostSystem,
    "ClusterComputeResource": vim.ClusterComputeResource,
}


@dataclass(frozen=True, slots=True)
class TaskLine:
    """One task."""

    ref: str
    act: str
    """What it does, such as `reset`, `powerOn`, `enterMaintenanceMode`: its descriptionId without the type."""
    state: str
    """queued, running, success, error."""
    user: str
    """Who asked for it; empty for vCenter itself."""
    queued: datetime
    fault: str = ""
    """The fault's type name, if it failed."""


def since(session: Session, kind: str, ref: str, begin: datetime) -> tuple[TaskLine, ...]:
    """Tasks on exactly this object that were queued at `begin` (vCenter's own clock) or later, oldest first.

    None of an object that is gone: then only the end state tells. Raises Permanent if there are more than anybody
    would read.
    """
    try:
        return tuple(sorted(_since(session, kind, ref, begin), key=lambda line: line.queued))
    except vmodl.fault.ManagedObjectNotFound:
        return ()


def _since(session: Session, kind: str, ref: str, begin: datetime) -> list[TaskLine]:
    entity = vim.TaskFilterSpec.ByEntity(entity=session.managed(KINDS[kind], ref), recursion="self")
    time = vim.TaskFilterSpec.ByTime(timeType="queuedTime", beginTime=begin)
    collector = session.content.taskManager.CreateCollectorForTasks(vim.TaskFilterSpec(entity=entity, time=time))
    try:
        found: list[TaskLine] = []
        for _ in range(PAGES):
            page = collector.ReadNextTasks(PAGE)
            if not page:
                return found
            found += [_line(info) for info in page]
    finally:
        collector.DestroyCollector()
    msg = f"vCenter lists more than {PAGE * PAGES} tasks on {ref}; which of them is ours cannot be told"
    raise Permanent(msg)


def _line(info: Any) -> TaskLine:
    return TaskLine(
        ref=str(info.task._moId),  # noqa: SLF001  pyVmomi's name for the reference
        act=str(info.descriptionId).rpartition(".")[2],
        state=str(info.state),
        user=str(getattr(info.reason, "userName", "") or ""),
        queued=info.queueTime,
        fault=type(info.error).__name__.rpartition(".")[2] if info.error is not None else "",
    )
