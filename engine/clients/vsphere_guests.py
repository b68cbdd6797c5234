"""What vCenter knows of a VM's guest. Blocking."""

from dataclasses import dataclass
from datetime import datetime

from pyVmomi import vmodl

from engine.clients.vsphere import Session
from engine.model.errors import Permanent

PATHS = ("runtime.powerState", "guest.toolsRunningStatus", "runtime.bootTime")


@dataclass(frozen=True, slots=True)
class Guest:
    """What a VM's record says about its guest."""

    power: str
    tools: str
    """guestToolsRunning, guestToolsNotRunning, guestToolsExecutingScripts; `untold` if vCenter did not say."""
    started: datetime | None
    """By vCenter's clock."""


def guest(session: Session, instance_uuid: str) -> Guest | None:
    """The guest of the VM with this instance UUID, or None; raises Permanent if two records carry it."""
    found = session.content.searchIndex.FindAllByUuid(None, instance_uuid, True, True) or []
    if len(found) > 1:
        msg = f"vCenter holds {len(found)} records of the VM {instance_uuid}; a person must say which one lives"
        raise Permanent(msg)
    try:
        row = session.read_one(found[0], PATHS) if found else None
    except vmodl.fault.ManagedObjectNotFound:
        return None
    if row is None:
        return None
    power, tools, started = (row.get(path) for path in PATHS)
    return Guest(str(power or "unknown"), str(tools or "untold"), started)
