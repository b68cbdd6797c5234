"""One host, one VM, one task as vCenter shows them now, as plain values. Blocking."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyVmomi import vim, vmodl

from engine.clients import vsphere_faults
from engine.clients.vsphere import Row, Session
from engine.model.errors import Permanent, TobanError

HOST_PATHS = (
    "name",
    "parent",
    "runtime.connectionState",
    "runtime.powerState",
    "runtime.inMaintenanceMode",
    "hardware.systemInfo.uuid",
    "summary.config.vmotionEnabled",
    "datastore",
    "network",
)
STANDING_PATHS = ("name", "runtime.connectionState", "runtime.powerState", "runtime.inMaintenanceMode")
VM_PATHS = (
    "name",
    "datastore",
    "network",
    "runtime.powerState",
    "runtime.connectionState",
    "runtime.host",
    "runtime.question",
    "runtime.bootTime",
    "config.instanceUuid",
    "config.files.vmPathName",
)


TASK_PATHS = ("info.state", "info.progress", "info.error")


@dataclass(frozen=True, slots=True)
class HostFacts:
    """A host's record."""

    ref: str
    name: str
    uuid: str
    connection: str
    """connected, disconnected, notResponding; `unreadable` if vCenter did not say."""
    power: str
    maintenance: bool | None
    """None: vCenter did not say."""
    vmotion: bool | None
    pool_ref: str | None
    datastores: frozenset[str]
    networks: frozenset[str] | None
    """None: not readable."""

    @property
    def connected(self) -> bool:
        """VCenter talks to it."""
        return self.connection == "connected"

    @property
    def in_service(self) -> bool:
        """Proven not to be in maintenance mode."""
        return self.maintenance is False


@dataclass(frozen=True, slots=True)
class HostStanding:
    """What a survey of all hosts reads of each."""

    connection: str
    power: str
    maintenance: bool | None

    @property
    def stopped_on_purpose(self) -> bool:
        """Somebody put it there through vCenter: maintenance, standby, or a power-off on request."""
        return self.maintenance is True or self.power in ("standBy", "poweredOff")


@dataclass(frozen=True, slots=True)
class Question:
    """What a VM asks."""

    id: str
    message: str
    """Message id, such as msg.uuid.altered, or the text where there is none."""
    choices: tuple[tuple[str, str], ...]
    """(key, label)."""


@dataclass(frozen=True, slots=True)
class VmFacts:
    """A VM's record."""

    ref: str
    name: str
    instance_uuid: str
    path: str
    power: str
    connection: str
    host: HostFacts | None
    boot_time: str | None
    question: Question | None
    datastores: frozenset[str]
    networks: frozenset[str] | None

    @property
    def runs(self) -> bool:
        """On, and vCenter can see it."""
        return self.power == "poweredOn" and self.connection == "connected"


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """A task."""

    state: str
    """queued, running, success, error."""
    progress: int
    error: TobanError | None = None
    fault: str = ""
    """The fault's type name, for those that are answers."""


def host_by_uuid(session: Session, uuid: str) -> HostFacts | None:
    """The host with this system UUID, or None; raises Permanent if two records carry it.

    A record may outlive its machine, and a UUID may move with a server profile: whichever is found first is a guess.
    """
    found = session.content.searchIndex.FindAllByUuid(None, uuid, False, None) or []
    if len(found) > 1:
        msg = (
            f"vCenter holds {len(found)} hosts with the UUID {uuid}; identity in doubt, nothing is done to either (S6)"
        )
        raise Permanent(msg)
    return _host(session, found[0]) if found else None


def host_by_name(session: Session, name: str) -> HostFacts | None:
    """The host with this inventory name; raises Permanent if there are two."""
    rows = [row for row in session.read(vim.HostSystem, ["name"]) if row.get("name") == name]
    if len(rows) > 1:
        msg = f"two hosts are named {name} in vCenter; nothing is done to either"
        raise Permanent(msg)
    return _host(session, session.managed(vim.HostSystem, rows[0].ref)) if rows else None


def standings(session: Session) -> dict[str, tuple[HostStanding, ...]]:
    """How every host stands, by inventory name; more than one under a name: names are not unique across folders."""
    found: dict[str, tuple[HostStanding, ...]] = {}
    for row in session.read(vim.HostSystem, STANDING_PATHS):
        name, maintenance = str(row.get("name") or ""), row.get("runtime.inMaintenanceMode")
        connection, power = row.get("runtime.connectionState"), row.get("runtime.powerState")
        one = HostStanding(str(connection or "unreadable"), str(power or "unknown"), maintenance)
        found[name] = (*found.get(name, ()), one)
    return found


def vms_at(session: Session, host_ref: str) -> dict[str, str]:
    """Name and power word of every VM that is recorded at a host; `unknown` where vCenter did not say.

    Raises Permanent if a VM does not tell where it is: it may be here (safety rule S11). The host's own list is not
    asked: it is worked out from the same records, and not every server keeps it up to date.
    """
    found: dict[str, str] = {}
    for row in session.read(vim.VirtualMachine, ("name", "runtime.host", "runtime.powerState")):
        name = str(row.get("name") or row.ref)
        if "runtime.host" in row.missing:
            msg = f"vCenter does not say on which host {name} is; no host counts as empty"
            raise Permanent(msg)
        if _ref(row.get("runtime.host")) == host_ref:
            found[name] = str(row.get("runtime.powerState") or "unknown")
    return found


def _host(session: Session, target: Any, *, pool: bool = True) -> HostFacts | None:
    try:
        row = session.read_one(target, HOST_PATHS)
    except vmodl.fault.ManagedObjectNotFound:
        return None
    parent = row.get("parent")
    asked = pool and parent is not None
    root = session.read_one(parent, ["resourcePool"]).get("resourcePool") if asked else None
    return HostFacts(
        ref=row.ref,
        name=str(row.get("name") or ""),
        uuid=str(row.get("hardware.systemInfo.uuid") or "").lower(),
        connection=str(row.get("runtime.connectionState") or "unreadable"),
        power=str(row.get("runtime.powerState") or "unknown"),
        maintenance=row.get("runtime.inMaintenanceMode"),
        vmotion=row.get("summary.config.vmotionEnabled"),
        pool_ref=_ref(root),
        datastores=_refs(row.get("datastore")),
        networks=_refs(row.get("network")) if "network" in row.values else None,
    )


def vm_by_uuid(session: Session, instance_uuid: str) -> VmFacts | None:
    """The VM with this instance UUID, or None; raises Permanent if two records carry it."""
    found = session.content.searchIndex.FindAllByUuid(None, instance_uuid, True, True) or []
    if len(found) > 1:
        msg = f"vCenter holds {len(found)} records of the VM {instance_uuid}; a person must say which one lives"
        raise Permanent(msg)
    return _vm(session, found[0]) if found else None


def vm_by_path(session: Session, path: str) -> VmFacts | None:
    """The VM that is registered from this .vmx path in any datacenter, or None."""
    for row in session.read(vim.Datacenter, ["name"]):
        datacenter = session.managed(vim.Datacenter, row.ref)
        found = session.content.searchIndex.FindByDatastorePath(datacenter, path)
        if found is not None:
            return _vm(session, found)
    return None


def _vm(session: Session, target: Any) -> VmFacts | None:
    try:
        row = session.read_one(target, VM_PATHS)
    except vmodl.fault.ManagedObjectNotFound:
        return None
    where, boot = row.get("runtime.host"), row.get("runtime.bootTime")
    return VmFacts(
        ref=row.ref,
        name=str(row.get("name") or ""),
        instance_uuid=str(row.get("config.instanceUuid") or ""),
        path=str(row.get("config.files.vmPathName") or ""),
        power=str(row.get("runtime.powerState") or "unknown"),
        connection=str(row.get("runtime.connectionState") or "unknown"),
        host=_host(session, where, pool=False) if where is not None else None,
        boot_time=boot.isoformat() if boot is not None else None,
        question=_question(row),
        datastores=_refs(row.get("datastore")),
        networks=_refs(row.get("network")) if "network" in row.values else None,
    )


def _question(row: Row) -> Question | None:
    asked = row.get("runtime.question")
    if asked is None:
        return None
    messages: Sequence[Any] = asked.message or ()
    message = str(messages[0].id) if messages else str(asked.text)
    return Question(str(asked.id), message, tuple((str(c.key), str(c.label)) for c in asked.choice.choiceInfo))


def task(session: Session, ref: str) -> TaskFacts | None:
    """A task's state, or None if vCenter no longer knows it."""
    try:
        return _task(session.read_one(session.managed(vim.Task, ref), TASK_PATHS))
    except vmodl.fault.ManagedObjectNotFound:
        return None


def tasks(session: Session, refs: Sequence[str]) -> dict[str, TaskFacts | None]:
    """The states of several tasks in one call; None for those that vCenter no longer knows."""
    if not refs:
        return {}
    try:
        rows = session.read_these(vim.Task, [session.managed(vim.Task, ref) for ref in refs], TASK_PATHS)
    except vmodl.fault.ManagedObjectNotFound:  # one is gone: which one, only single questions tell
        return {ref: task(session, ref) for ref in refs}
    found: dict[str, TaskFacts | None] = dict.fromkeys(refs)
    return found | {row.ref: _task(row) for row in rows}


def _task(row: Row) -> TaskFacts:
    error = row.get("info.error")
    name = type(error).__name__.rpartition(".")[2] if error is not None else ""
    told = vsphere_faults.translated(error, "vCenter") if error is not None else None
    return TaskFacts(str(row.get("info.state")), int(row.get("info.progress") or 0), told, name)


def _ref(target: Any) -> str | None:
    return str(target._moId) if target is not None else None  # noqa: SLF001  pyVmomi's name for the reference


def _refs(targets: Any) -> frozenset[str]:
    return frozenset(str(target._moId) for target in targets or ())  # noqa: SLF001
