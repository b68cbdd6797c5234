"""Everything that only reads: the service itself, property collectors, views, events, tasks, searching."""

import uuid
from collections.abc import Callable
from typing import Any

from pyVmomi import vim, vmodl

from toban.simulator import agenda
from toban.simulator.vcenter import selecting, soap
from toban.simulator.vcenter.center import Center
from toban.simulator.vcenter.registry import Computed, reference
from toban.simulator.vcenter.sessions import Session
from toban.simulator.vcenter.updating import Collector, Filter

query = vmodl.query.PropertyCollector


def content(center: Center, _: Session, __: Any) -> Any:
    """RetrieveServiceContent."""
    return center.content


def current_time(_: Center, session: Session, __: Any) -> Any:
    """CurrentTime; moves the session's last activity."""
    if session.info is not None:
        session.info.lastActiveTime = agenda.now()
    return agenda.now()


def log_in(center: Center, session: Session, _: Any, user: str, password: str, __: Any = None) -> Any:
    """Login."""
    return center.sessions.log_in(session, user, password)


def log_out(center: Center, session: Session, _: Any) -> None:
    """Logout."""
    center.sessions.end(session)


def session_is_active(center: Center, _: Session, __: Any, key: str, user: str) -> bool:
    """SessionIsActive."""
    found = center.sessions.by_key(key)
    return found is not None and found.user == user


def terminate_session(center: Center, session: Session, _: Any, keys: Any) -> None:
    """TerminateSession of other sessions."""
    for key in keys:
        found = center.sessions.by_key(key)
        if found is None:
            raise vim.fault.NotFound(msg=f"no session {key}")
        if found is session:
            raise vmodl.fault.InvalidArgument(msg="a session cannot end itself so", invalidProperty="sessionId")
        center.sessions.end(found)


def fetch(center: Center, session: Session, this: Any, prop: str) -> Any:
    """Fetch: one property of one object, as pyVmomi's accessors ask for it."""
    if prop == "currentSession" and isinstance(this, vim.SessionManager):
        return session.info
    return center.registry.read(center.registry.find(this), prop)


def retrieve(center: Center, _: Session, __: Any, specs: Any, options: Any = None) -> Any:
    """RetrievePropertiesEx."""
    found: list[Any] = []
    for spec in specs:
        found += [
            selecting.content(center.registry, o, spec) for o in selecting.selected(center.registry, spec).values()
        ]
    most = options.maxObjects if options is not None and options.maxObjects else None
    return _page(center, found, most)


def _page(center: Center, found: list[Any], most: int | None) -> Any:
    if not found:
        return None
    if most is None or len(found) <= most:
        return query.RetrieveResult(objects=found)
    token = str(uuid.uuid4())
    center.pages[token] = (found[most:], most)
    return query.RetrieveResult(token=token, objects=found[:most])


def continue_retrieve(center: Center, _: Session, __: Any, token: str) -> Any:
    """ContinueRetrievePropertiesEx."""
    if token not in center.pages:
        raise vmodl.fault.InvalidArgument(msg="no such token", invalidProperty="token")
    rest, most = center.pages.pop(token)
    return _page(center, rest, most)


def cancel_retrieve(center: Center, _: Session, __: Any, token: str) -> None:
    """CancelRetrievePropertiesEx."""
    if center.pages.pop(token, None) is None:
        raise vmodl.fault.InvalidArgument(msg="no such token", invalidProperty="token")


def retrieve_old(center: Center, session: Session, this: Any, specs: Any) -> Any:
    """RetrieveProperties of old clients."""
    result = retrieve(center, session, this, specs)
    return list(result.objects) if result is not None else []


def _collector(session: Session, this: Any) -> Collector:
    ref = reference(this)
    if ref == "propertyCollector" and ref not in session.collectors:
        session.collectors[ref] = Collector(query(ref))
    found = session.collectors.get(ref)
    if found is None:
        raise vmodl.fault.ManagedObjectNotFound(msg="The collector is gone.", obj=this)
    return found


def create_collector(_: Center, session: Session, __: Any) -> Any:
    """CreatePropertyCollector."""
    identity = query(f"session[{session.key}]{uuid.uuid4()}")
    session.collectors[reference(identity)] = Collector(identity)
    return identity


def destroy_collector(center: Center, session: Session, this: Any) -> None:
    """DestroyPropertyCollector."""
    _collector(session, this).closed = True
    session.collectors.pop(reference(this))
    center.registry.changed.notify_all()


def create_filter(center: Center, session: Session, this: Any, spec: Any, _: Any = None) -> Any:
    """CreateFilter; raises as RetrievePropertiesEx would."""
    collector = _collector(session, this)
    selecting.selected(center.registry, spec)
    identity = vmodl.query.PropertyCollector.Filter(f"{reference(collector.identity)}:{uuid.uuid4()}")
    collector.filters[reference(identity)] = Filter(identity, spec)
    center.registry.changed.notify_all()
    return identity


def destroy_filter(_: Center, session: Session, this: Any) -> None:
    """DestroyPropertyFilter."""
    for collector in session.collectors.values():
        if collector.filters.pop(reference(this), None) is not None:
            return
    raise vmodl.fault.ManagedObjectNotFound(msg="The filter is gone.", obj=this)


def wait_for_updates(center: Center, session: Session, this: Any, version: Any = None, options: Any = None) -> Any:
    """WaitForUpdatesEx."""
    return _collector(session, this).wait(center.registry, version or "", options)


def wait_for_updates_old(center: Center, session: Session, this: Any, version: Any = None) -> Any:
    """WaitForUpdates of old clients: waits without end."""
    return _collector(session, this).wait(center.registry, version or "", None)


def cancel_wait(center: Center, session: Session, this: Any) -> None:
    """CancelWaitForUpdates."""
    _collector(session, this).cancelled = True
    center.registry.changed.notify_all()


def container_view(center: Center, session: Session, _: Any, *order: Any) -> Any:
    """CreateContainerView(container, type, recursive)."""
    container, kinds, recursive = center.registry.find(order[0]), list(order[1] or ()), bool(order[2])
    view = Computed(lambda: selecting.contained(center.registry, container, kinds, recursive=recursive))
    return _view(
        center, session, vim.view.ContainerView, {"container": container, "recursive": recursive, "view": view}
    )


def list_view(center: Center, session: Session, _: Any, objects: Any = None) -> Any:
    """CreateListView."""
    return _view(center, session, vim.view.ListView, {"view": soap.names_of(list(objects or ()))})


def _view(center: Center, session: Session, kind: Any, properties: dict[str, Any]) -> Any:
    identity = center.registry.add(kind, f"session[{session.key}]{uuid.uuid4()}", **properties)
    session.cleanups.append(lambda: center.registry.remove(identity))
    return identity


def modify_list(center: Center, _: Session, this: Any, added: Any = None, removed: Any = None) -> Any:
    """ModifyListView; the objects that could not be resolved."""
    view = center.registry.find(this)
    gone = {reference(one) for one in removed or ()}
    now = [one for one in center.registry.properties(view)["view"] if reference(one) not in gone]
    center.registry.set(view, "view", soap.names_of([*now, *(added or ())]))
    return None


def reset_list(center: Center, _: Session, this: Any, objects: Any = None) -> Any:
    """ResetListView."""
    center.registry.set(center.registry.find(this), "view", soap.names_of(list(objects or ())))
    return None


def destroy_view(center: Center, _: Session, this: Any) -> None:
    """DestroyView."""
    center.registry.remove(center.registry.find(this))


METHODS: dict[str, Callable[..., Any]] = {
    "RetrieveServiceContent": content,
    "CurrentTime": current_time,
    "Login": log_in,
    "Logout": log_out,
    "SessionIsActive": session_is_active,
    "TerminateSession": terminate_session,
    "Fetch": fetch,
    "RetrievePropertiesEx": retrieve,
    "ContinueRetrievePropertiesEx": continue_retrieve,
    "CancelRetrievePropertiesEx": cancel_retrieve,
    "RetrieveProperties": retrieve_old,
    "CreatePropertyCollector": create_collector,
    "DestroyPropertyCollector": destroy_collector,
    "CreateFilter": create_filter,
    "DestroyPropertyFilter": destroy_filter,
    "WaitForUpdatesEx": wait_for_updates,
    "WaitForUpdates": wait_for_updates_old,
    "CancelWaitForUpdates": cancel_wait,
    "CreateContainerView": container_view,
    "CreateListView": list_view,
    "ModifyListView": modify_list,
    "ResetListView": reset_list,
    "DestroyView": destroy_view,
}
