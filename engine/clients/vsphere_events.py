"""A vCenter's events as plain values: the live page of a history collector, and queries for the past. Blocking."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyVmomi import vim, vmodl

from engine.clients import vsphere_faults
from engine.clients.vsphere import Session

query = vmodl.query.PropertyCollector
PAGE = 200
LONGEST_TEXT = 1000


@dataclass(frozen=True, slots=True)
class VcenterEvent:
    """One event. Names are those of that moment; a subject that the event does not have is absent."""

    key: int
    """int32; wraps around."""
    chain: int
    created: datetime
    kind: str
    """Class name, or eventTypeId of an EventEx or ExtendedEvent."""
    user: str
    message: str
    subjects: dict[str, str] = field(default_factory=dict)
    """host, vm, ds, computeResource, datacenter, failedHost, isolatedHost, entity -> name."""
    reason: str = ""


def plain(event: Any) -> VcenterEvent:
    """PyVmomi's event as ours."""
    kind = str(getattr(event, "eventTypeId", "") or vsphere_kind(event))
    return VcenterEvent(
        key=int(event.key),
        chain=int(event.chainId),
        created=event.createdTime,
        kind=kind,
        user=str(event.userName or ""),
        message=str(event.fullFormattedMessage or "")[:LONGEST_TEXT],
        subjects=_subjects(event),
        reason=str(getattr(event, "reason", "") or ""),
    )


def vsphere_kind(event: Any) -> str:
    """`HostConnectionLostEvent`."""
    return type(event).__name__.rpartition(".")[2]


def _subjects(event: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in ("host", "vm", "ds", "computeResource", "datacenter", "failedHost", "isolatedHost", "entity"):
        argument = getattr(event, name, None)
        text = getattr(argument, "name", None)
        if isinstance(text, str) and text:
            found[name] = text
    return found


class EventFeed:
    """A history collector without type filter (only so can a hole in the keys be seen); for one thread."""

    def __init__(self, session: Session, longest_wait: float) -> None:
        """Opens the collector and its filter."""
        self._session, self._longest = session, longest_wait
        stub = session.sibling(timeout=longest_wait + 30.0)
        manager = session.managed(vim.event.EventManager, session.content.eventManager._moId)  # noqa: SLF001
        spec = vim.event.EventFilterSpec(disableFullMessage=False)
        self._manager: Any = manager
        self._history: Any = manager.CreateCollectorForEvents(spec)
        self._history.SetCollectorPageSize(PAGE)
        maker = session.managed(query, session.content.propertyCollector._moId)  # noqa: SLF001
        made = maker.CreatePropertyCollector()
        self._collector: Any = session.managed(query, made._moId, stub)  # noqa: SLF001
        props = [query.PropertySpec(type=vim.event.EventHistoryCollector, pathSet=["latestPage"])]
        target = query.FilterSpec(objectSet=[query.ObjectSpec(obj=self._history)], propSet=props)
        self._collector.CreateFilter(target, False)
        self._version = ""

    def page(self) -> list[VcenterEvent] | None:
        """The newest events in any order, as soon as the page changed; None when it did not for the longest wait."""
        options = query.WaitOptions(maxWaitSeconds=int(self._longest))
        updates = self._collector.WaitForUpdatesEx(self._version, options)
        if updates is None:
            return None
        self._version = updates.version
        found: list[VcenterEvent] = []
        for part in updates.filterSet:
            for one in part.objectSet:
                for change in one.changeSet:
                    found += [plain(event) for event in change.val or ()]
        return found

    def between(self, begin: datetime, end: datetime | None = None) -> list[VcenterEvent]:
        """Events of a stretch of vCenter's time, at most 1,000, in any order."""
        time = vim.event.EventFilterSpec.ByTime(beginTime=begin, endTime=end)
        spec = vim.event.EventFilterSpec(time=time, disableFullMessage=False, maxCount=1000)
        return [plain(event) for event in self._manager.QueryEvents(spec) or ()]

    def latest(self) -> VcenterEvent | None:
        """The newest event of all."""
        found = self._session.read_one(self._manager, ["latestEvent"]).get("latestEvent")
        return plain(found) if found is not None else None

    def cancel(self) -> None:
        """Wake a `page` that waits in another thread: it ends with RequestCanceled."""
        collector: Any = self._session.managed(query, self._collector._moId)  # noqa: SLF001
        collector.CancelWaitForUpdates()

    def close(self) -> None:
        """Give the collectors back: a vCenter allows few."""
        for part in (self._history.DestroyCollector, self._collector.DestroyPropertyCollector):
            try:
                part()
            except (vmodl.MethodFault, *vsphere_faults.TRANSPORT):
                return
