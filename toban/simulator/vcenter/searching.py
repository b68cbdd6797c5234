"""Events, tasks and the search index as SOAP methods."""

from collections.abc import Callable
from typing import Any

from pyVmomi import vim, vmodl

from toban.simulator.vcenter import soap
from toban.simulator.vcenter.center import Center
from toban.simulator.vcenter.sessions import Session


def event_collector(center: Center, session: Session, _: Any, spec: Any) -> Any:
    """CreateCollectorForEvents."""
    identity = center.events.collect(spec)
    session.cleanups.append(lambda: center.events.drop(identity))
    return identity


def page_size(center: Center, _: Session, this: Any, most: int) -> None:
    """SetCollectorPageSize of an event collector; a task collector keeps its own."""
    if isinstance(this, vim.event.EventHistoryCollector):
        center.events.resize(this, most)


def read_next(center: Center, _: Session, this: Any, most: int) -> Any:
    """ReadNextEvents."""
    return center.events.read_on(this, most)


def rewind(center: Center, _: Session, this: Any) -> None:
    """RewindCollector."""
    center.events.rewind(this)


def drop(center: Center, _: Session, this: Any) -> None:
    """DestroyCollector."""
    center.registry.find(this)
    center.events.drop(this)
    center.tasks.drop(this)


def query_events(center: Center, _: Session, __: Any, spec: Any, ___: Any = None) -> Any:
    """QueryEvents."""
    return center.events.query(spec)


def post_event(center: Center, session: Session, _: Any, event: Any, __: Any = None) -> None:
    """PostEvent: the server's own key, time and user replace the caller's."""
    center.events.post(event, user=session.user or "")


def log_event(center: Center, session: Session, _: Any, entity: Any, message: str) -> None:
    """LogUserEvent."""
    event = vim.event.GeneralUserEvent(message=message, fullFormattedMessage=message)
    if isinstance(entity, vim.HostSystem):
        event.host = center.events.host(center.registry.find(entity))
    center.events.post(event, user=session.user or "")


def task_collector(center: Center, session: Session, _: Any, spec: Any) -> Any:
    """CreateCollectorForTasks; an object that is gone has no tasks to ask for."""
    if spec.entity is not None:
        center.registry.find(spec.entity.entity)
    identity = center.tasks.collect(spec)
    session.cleanups.append(lambda: center.tasks.drop(identity))
    return identity


def read_next_tasks(center: Center, _: Session, this: Any, most: int) -> Any:
    """ReadNextTasks."""
    return center.tasks.read_on(this, most)


def cancel_task(center: Center, _: Session, this: Any) -> None:
    """CancelTask: no simulated task can be cancelled."""
    center.registry.find(this)
    raise vmodl.fault.NotSupported(msg="this task cannot be cancelled")


def by_uuid(center: Center, _: Session, __: Any, *order: Any) -> Any:
    """FindByUuid(datacenter, uuid, vmSearch, instanceUuid)."""
    return next(iter(_by_uuid(center, order)), None)


def all_by_uuid(center: Center, _: Session, __: Any, *order: Any) -> Any:
    """FindAllByUuid."""
    return soap.names_of(_by_uuid(center, order))


def _by_uuid(center: Center, order: tuple[Any, ...]) -> list[Any]:
    _, wanted, among_vms, instance = (*order, None)[:4]
    if not among_vms:
        path, found = "hardware.systemInfo.uuid", center.registry.all(vim.HostSystem)
    else:
        path, found = ("config.instanceUuid" if instance else "config.uuid"), center.registry.all(vim.VirtualMachine)
    return [one for one in found if center.inventory.get(one, path) == wanted]


def by_path(center: Center, _: Session, __: Any, ___: Any, path: str) -> Any:
    """FindByDatastorePath(datacenter, path)."""
    return center.inventory.vm_at(path)


def by_inventory_path(center: Center, _: Session, __: Any, path: str) -> Any:
    """FindByInventoryPath: names from the root folder down."""
    here: Any = center.inventory.root
    for name in [part for part in path.split("/") if part]:
        here = next((child for child in _children(center, here) if center.inventory.get(child, "name") == name), None)
        if here is None:
            return None
    return here


def _children(center: Center, parent: Any) -> list[Any]:
    entities = center.registry.all(vim.ManagedEntity)
    return [one for one in entities if center.registry.properties(one).get("parent") == parent]


METHODS: dict[str, Callable[..., Any]] = {
    "CreateCollectorForEvents": event_collector,
    "SetCollectorPageSize": page_size,
    "ReadNextEvents": read_next,
    "RewindCollector": rewind,
    "DestroyCollector": drop,
    "QueryEvents": query_events,
    "PostEvent": post_event,
    "LogUserEvent": log_event,
    "CreateCollectorForTasks": task_collector,
    "ReadNextTasks": read_next_tasks,
    "CancelTask": cancel_task,
    "FindByUuid": by_uuid,
    "FindAllByUuid": all_by_uuid,
    "FindByDatastorePath": by_path,
    "FindByInventoryPath": by_inventory_path,
}
