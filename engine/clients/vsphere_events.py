"""A vCenter's events as plain values: the live page of a history collector, and the past in pages. Blocking."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyVmomi import vim, vmodl

from engine.clients import vsphere, vsphere_faults
from engine.clients.vsphere import Session

query = vmodl.query.PropertyCollector
PAGE = 200
MOST = 1000
"""Events of one answer; a vCenter gives no more at a time (EventHistoryCollector, maximum page size)."""
LONGEST_TEXT = 1000
MOST_DETAILS = 16


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
    severity: str = ""
    """Of an EventEx: info, warning, error, user; a log level, not how bad it is."""
    details: dict[str, str] = field(default_factory=dict)
    """What else it names: alarm, from, to, sourceHost, destHost, objectName, and the arguments of an EventEx."""
    refs: dict[str, str] = field(default_factory=dict)
    """Of an alarm's event, the reference of the alarm and that of its entity (`HostSystem:host-12`)."""


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
        reason=_reason(getattr(event, "reason", None)),
        severity=str(getattr(event, "severity", "") or ""),
        details=_details(event),
        refs=_refs(event),
    )


def _reason(found: Any) -> str:
    """A word of an enumeration, or the name of a fault: a fault's own text may be long and localised."""
    if isinstance(found, vmodl.LocalizedMethodFault):
        found = found.fault
    return type(found).__name__.rpartition(".")[2] if isinstance(found, vmodl.MethodFault) else str(found or "")[:200]


def _details(event: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in ("alarm", "sourceHost", "destHost"):
        text = getattr(getattr(event, name, None), "name", None)
        if isinstance(text, str) and text:
            found[name] = text[:200]
    for name in ("from", "to", "objectName", "oldStatus", "newStatus", "componentName"):
        value = getattr(event, name, None)
        if isinstance(value, str) and value:
            found[name] = str(value)[:200]
    for pair in list(getattr(event, "arguments", None) or ())[:MOST_DETAILS]:
        key, value = str(pair.key or ""), pair.value
        if key and isinstance(value, str | int | float):
            found.setdefault(f"argument.{key[:40]}", str(value)[:200])
    return found


def _refs(event: Any) -> dict[str, str]:
    alarm, entity = getattr(getattr(event, "alarm", None), "alarm", None), getattr(event, "entity", None)
    about = getattr(entity, "entity", None)
    if alarm is None or about is None:
        return {}
    return {"alarm": str(alarm._moId), "entity": f"{vsphere.kind_name(about)}:{about._moId}"}  # noqa: SLF001


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
        """The newest events in any order, as soon as the page changed; None when it did not for the longest wait.

        Raises Unreadable while the page holds an event that cannot be parsed.
        """
        options = query.WaitOptions(maxWaitSeconds=int(self._longest))
        updates = vsphere_faults.parsed(lambda: self._collector.WaitForUpdatesEx(self._version, options))
        if updates is None:
            return None
        self._version = updates.version
        found: list[VcenterEvent] = []
        for part in updates.filterSet:
            for one in part.objectSet:
                for change in one.changeSet:
                    found += [plain(event) for event in change.val or ()]
        return found

    def past(self, begin: datetime) -> "Past":
        """Everything from a moment of vCenter's time on, to be read in pages; close it."""
        return Past(self._manager, begin)

    def between(self, begin: datetime, end: datetime | None = None) -> list[VcenterEvent]:
        """Events of a stretch of vCenter's time in any order: MOST of them say that there may be more."""
        time = vim.event.EventFilterSpec.ByTime(beginTime=begin, endTime=end)
        spec = vim.event.EventFilterSpec(time=time, disableFullMessage=False, maxCount=MOST)
        return _plain(vsphere_faults.parsed(lambda: self._manager.QueryEvents(spec)))

    def latest(self) -> VcenterEvent | None:
        """The newest event of all."""
        found = vsphere_faults.parsed(lambda: self._session.read_one(self._manager, ["latestEvent"])).get("latestEvent")
        return plain(found) if found is not None else None

    def cancel(self) -> None:
        """Wake a `page` that waits in another thread: it ends with RequestCanceled."""
        collector: Any = self._session.managed(query, self._collector._moId)  # noqa: SLF001
        collector.CancelWaitForUpdates()

    def close(self) -> None:
        """Give the collectors back: a vCenter allows few."""
        if _given_back(self._history.DestroyCollector):
            _given_back(self._collector.DestroyPropertyCollector)


class Past:
    """A history collector that reads on from the oldest event of its stretch; for one thread."""

    def __init__(self, manager: Any, begin: datetime) -> None:
        """Opens the collector."""
        time = vim.event.EventFilterSpec.ByTime(beginTime=begin)
        spec = vim.event.EventFilterSpec(time=time, disableFullMessage=False)
        self._history: Any = manager.CreateCollectorForEvents(spec)
        self._history.RewindCollector()
        self._last: frozenset[int] = frozenset()

    def more(self, most: int = MOST) -> list[VcenterEvent]:
        """The next events; none when there are no more, also where a collector is stuck and gives the same again.

        Raises Unreadable where one of them cannot be parsed: this page is behind us then, read on or look elsewhere.
        """
        found = _plain(vsphere_faults.parsed(lambda: self._history.ReadNextEvents(most)))
        keys = frozenset(event.key for event in found)
        stuck, self._last = bool(keys) and keys <= self._last, keys
        return [] if stuck else found

    def close(self) -> None:
        """Give the collector back: a vCenter allows few."""
        _given_back(self._history.DestroyCollector)


def _plain(events: Iterable[Any] | None) -> list[VcenterEvent]:
    return [plain(event) for event in events or ()]


def _given_back(part: Callable[[], object]) -> bool:
    """Whether it was taken; a session that is gone has taken it along."""
    try:
        part()
    except vsphere_faults.ANY:
        return False
    return True
