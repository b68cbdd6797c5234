"""Events: the list, history collectors with their pages, and queries."""

import itertools
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pyVmomi import vim, vmodl

from toban.simulator import agenda
from toban.simulator.vcenter.inventory import Inventory
from toban.simulator.vcenter.registry import Computed, Registry

MOST = 1000
COLLECTORS = 32
KEPT = 50_000
BURST, WITHIN = 30, timedelta(seconds=30)
"""Identical events (type, object, user) of which the 31st and later are merged in the database (from 6.7 on)."""
WRAP = 2**32
INF = 2**62


@dataclass(slots=True)
class History:
    """One EventHistoryCollector."""

    identity: Any
    filter: Any
    page: int = 10
    position: int = 0
    """Where in the list of all events it reads on."""
    born: int = 0
    """Events that there were before it: of these it sees what the database has."""


class Events:
    """All events of one vCenter, oldest first."""

    def __init__(self, registry: Registry, inventory: Inventory, first_key: int = 1, *, merges: bool = False) -> None:
        """No event yet; keys begin at `first_key` and wrap around as int32. `merges`: bursts, as a vCenter does."""
        self._merges, self._posted = merges, 0
        self._merged: dict[int, int] = {}
        """Events that the database does not have: number of posting by key."""
        self._lately: dict[tuple[str, str, str], deque[datetime]] = {}
        self._registry, self._inventory = registry, inventory
        self._keys, self._collectors = itertools.count(first_key), itertools.count(1)
        self._all: list[Any] = []
        self._histories: dict[str, History] = {}
        self._asked: tuple[str, int | None] = ("", None)
        """User and chain of the task whose work is being done now."""

    @property
    def latest(self) -> Any:
        """The newest event or None."""
        return self._all[-1] if self._all else None

    @contextmanager
    def asked_by(self, user: str, chain: int) -> Iterator[None]:
        """What is posted meanwhile hangs on a task: its user and its chain; callers hold the world's lock."""
        before, self._asked = self._asked, (user, chain)
        try:
            yield
        finally:
            self._asked = before

    def post(self, event: Any, *, user: str = "", chain: int | None = None) -> Any:
        """Number, date and keep an event, and show it to every collector that wants it."""
        user, chain = user or self._asked[0], self._asked[1] if chain is None else chain
        event.key = (next(self._keys) + WRAP // 2) % WRAP - WRAP // 2
        event.chainId = event.key if chain is None else chain
        event.createdTime = agenda.now()
        event.userName = user
        where = self._inventory.datacenter
        event.datacenter = vim.event.DatacenterEventArgument(name=self._inventory.get(where, "name"), datacenter=where)
        if not event.fullFormattedMessage:
            event.fullFormattedMessage = type(event).__name__.rpartition(".")[2]
        self._all.append(event)
        self._posted += 1
        if self._merges and self._is_of_a_burst(event):
            self._merged[event.key] = self._posted
        forgotten = len(self._all) - KEPT
        if forgotten > 0:
            del self._all[:forgotten]
            for history in self._histories.values():
                history.position = max(0, history.position - forgotten)
        for history in self._histories.values():
            if self._matches(event, history.filter):
                self._registry.touch(history.identity, "latestPage")
        return event

    def _is_of_a_burst(self, event: Any) -> bool:
        about = next((str(one.name) for one in (event.vm, event.host, event.ds) if one is not None), "")
        times = self._lately.setdefault((_identity(event), about, event.userName), deque(maxlen=BURST + 1))
        times.append(event.createdTime)
        return len(times) > BURST and times[-1] - times[0] < WITHIN

    def about_host(self, kind: Any, host: Any, **more: Any) -> Any:
        """An event whose subject is a host."""
        cluster = self._inventory.cluster
        resource = vim.event.ComputeResourceEventArgument(
            name=self._inventory.get(cluster, "name"), computeResource=cluster
        )
        return kind(host=self.host(host), computeResource=resource, **more)

    def about_vm(self, kind: Any, vm: Any, **more: Any) -> Any:
        """An event whose subject is a VM; `host` is where its record is unless given."""
        more.setdefault("host", self.host(self._inventory.get(vm, "runtime.host")))
        return kind(vm=self.vm(vm), template=False, **more)

    def host(self, host: Any) -> Any:
        """The argument that names a host."""
        return vim.event.HostEventArgument(name=self._inventory.get(host, "name"), host=host)

    def vm(self, vm: Any) -> Any:
        """The argument that names a VM."""
        return vim.event.VmEventArgument(name=self._inventory.get(vm, "name"), vm=vm)

    def query(self, spec: Any) -> list[Any]:
        """One-shot reading, oldest first, at most 1,000."""
        most = min(spec.maxCount or MOST, MOST) if spec is not None else MOST
        stored = (event for event in self._newest_first(spec) if event.key not in self._merged)
        return list(itertools.islice(stored, most))[::-1]

    def collect(self, spec: Any) -> Any:
        """A new history collector; raises InvalidState at the limit."""
        if len(self._histories) >= COLLECTORS:
            raise vim.fault.InvalidState(msg="too many event collectors")
        kind, ref = vim.event.EventHistoryCollector, f"session-events-{next(self._collectors)}"
        history = History(kind(ref), spec, born=self._posted)
        self._histories[ref] = history
        return self._registry.add(kind, ref, filter=spec, latestPage=Computed(lambda: self._page(history)))

    def _page(self, history: History) -> list[Any]:
        live = (one for one in self._newest_first(history.filter) if self._merged.get(one.key, INF) > history.born)
        newest = list(itertools.islice(live, history.page))
        return sorted(newest, key=lambda event: (event.key % 3, event.key))  # the page is unordered on a real one

    def _newest_first(self, spec: Any) -> Iterator[Any]:
        return (event for event in reversed(self._all) if self._matches(event, spec))

    def history(self, identity: Any) -> History:
        """A collector; raises ManagedObjectNotFound."""
        found = self._histories.get(identity._moId)  # noqa: SLF001  pyVmomi's name for the reference
        if found is None:
            raise vmodl.fault.ManagedObjectNotFound(msg="The collector is gone.", obj=identity)
        return found

    def resize(self, identity: Any, page: int) -> None:
        """Set how many events the latest page shows."""
        if not 0 < page <= MOST:
            raise vmodl.fault.InvalidArgument(msg=f"page size {page}", invalidProperty="maxCount")
        self.history(identity).page = page
        self._registry.touch(identity, "latestPage")

    def read_on(self, identity: Any, most: int) -> list[Any]:
        """The next events of a scrolling collector."""
        history = self.history(identity)
        found: list[Any] = []
        while history.position < len(self._all) and len(found) < min(most, MOST):
            event = self._all[history.position]
            history.position += 1
            if event.key not in self._merged and self._matches(event, history.filter):
                found.append(event)
        return found

    def rewind(self, identity: Any) -> None:
        """Scroll from the oldest again."""
        self.history(identity).position = 0

    def drop(self, identity: Any) -> None:
        """The collector is gone."""
        if self._histories.pop(identity._moId, None) is not None:  # noqa: SLF001
            self._registry.remove(identity)

    def drop_all(self) -> None:
        """Every collector is gone, though its session lives."""
        for history in list(self._histories.values()):
            self.drop(history.identity)

    def _matches(self, event: Any, spec: Any) -> bool:
        if spec is None:
            return True
        return (
            _in_time(event.createdTime, spec.time)
            and _in_kinds(event, spec)
            and (spec.eventChainId is None or spec.eventChainId == event.chainId)
            and self._about(event, spec.entity)
        )

    def _about(self, event: Any, by: Any) -> bool:
        if by is None or by.entity in (self._inventory.root, self._inventory.datacenter):
            return True
        named = {event.host.host if event.host else None, event.vm.vm if event.vm else None}
        if event.computeResource is not None:
            named.add(event.computeResource.computeResource)
        return by.entity in named


def _in_time(at: datetime, by: Any) -> bool:
    return by is None or ((by.beginTime is None or at >= by.beginTime) and (by.endTime is None or at <= by.endTime))


def _identity(event: Any) -> str:
    return str(event.eventTypeId) if isinstance(event, vim.event.EventEx) else type(event).__name__.rpartition(".")[2]


def _in_kinds(event: Any, spec: Any) -> bool:
    wanted = set(spec.eventTypeId or ())
    return (not wanted or _identity(event) in wanted) and (not spec.type or isinstance(event, tuple(spec.type)))
