"""WaitForUpdatesEx: filters, versions, truncation and cancelling."""

import time
from dataclasses import dataclass, field
from typing import Any

from pyVmomi import vmodl

from toban.simulator.vcenter import selecting
from toban.simulator.vcenter.registry import Registry, overlaps

query = vmodl.query.PropertyCollector
SLICE = 0.5
"""Seconds after which a waiter looks whether its session still lives."""


@dataclass(slots=True)
class Filter:
    """One filter and what its client knows."""

    identity: Any
    spec: Any
    known: dict[str, Any] = field(default_factory=dict)
    revision: int = -1
    """-1: the client has seen nothing."""


@dataclass(slots=True)
class Collector:
    """One PropertyCollector of one session."""

    identity: Any
    filters: dict[str, Filter] = field(default_factory=dict)
    version: int = 0
    before: dict[str, tuple[dict[str, Any], int]] = field(default_factory=dict)
    """What each filter's client knew before the last answer: it may be asked again."""
    rest: list[tuple[Filter, Any]] = field(default_factory=list)
    cancelled: bool = False
    closed: bool = False

    def wait(self, registry: Registry, version: str, options: Any) -> Any:
        """The next UpdateSet or None; called with the registry's condition held."""
        longest = options.maxWaitSeconds if options is not None else None
        most = (options.maxObjectUpdates if options is not None else None) or 500
        self._seek(version)
        deadline = None if longest is None else time.monotonic() + max(0, longest)
        while True:
            self._still_here()
            updates = self.rest or self._collect(registry)
            if updates:
                return self._answer(updates, most)
            if deadline is not None and time.monotonic() >= deadline:
                return None
            left = SLICE if deadline is None else min(SLICE, deadline - time.monotonic())
            registry.changed.wait(max(0.0, left))

    def _still_here(self) -> None:
        if self.closed:
            raise vmodl.fault.ManagedObjectNotFound(msg="The collector has been destroyed.", obj=self.identity)
        if self.cancelled:
            self.cancelled = False
            raise vmodl.fault.RequestCanceled(msg="The wait was cancelled.")

    def _seek(self, version: str) -> None:
        if not version:
            self.rest = []
            for one in self.filters.values():
                one.known, one.revision = {}, -1
        elif version == str(self.version):
            return
        elif version == str(self.version - 1) and self.before and not self.rest:
            for ref, (known, revision) in self.before.items():
                if ref in self.filters:
                    self.filters[ref].known, self.filters[ref].revision = known, revision
        else:
            raise vmodl.query.InvalidCollectorVersion(msg=f"version {version} is not one of ours")

    def _collect(self, registry: Registry) -> list[tuple[Filter, Any]]:
        found: list[tuple[Filter, Any]] = []
        before = {ref: (one.known, one.revision) for ref, one in self.filters.items()}
        for one in self.filters.values():
            found += [(one, update) for update in _updates(registry, one)]
        if found:
            self.before = before
        return found

    def _answer(self, updates: list[tuple[Filter, Any]], most: int) -> Any:
        now, self.rest = updates[:most], updates[most:]
        self.version += 1
        sets: dict[str, Any] = {}
        for one, update in now:
            ref = one.identity._moId  # noqa: SLF001
            sets.setdefault(ref, query.FilterUpdate(filter=one.identity, objectSet=[]))
            sets[ref].objectSet.append(update)
        return query.UpdateSet(version=str(self.version), filterSet=list(sets.values()), truncated=bool(self.rest))


def _updates(registry: Registry, one: Filter) -> list[Any]:
    changes = None if one.revision < 0 else registry.since(one.revision)
    if changes is not None and not changes:
        return []
    touched: dict[str, list[str]] = {}
    for change in changes or ():
        touched.setdefault(change.ref, []).append(change.path)
    same = changes is not None and not _moves(one, touched)
    now = one.known if same else selecting.selected(registry, one.spec)
    known = one.known if changes is not None else {}
    left = [identity for ref, identity in known.items() if ref not in now]
    found = [query.ObjectUpdate(kind=query.ObjectUpdate.Kind.leave, obj=identity) for identity in left]
    for ref in touched if same else now:
        if ref not in now:
            continue
        if ref not in known:
            found.append(_enter(registry, now[ref], one.spec))
        elif changed := _changed(registry, now[ref], one.spec, touched.get(ref, [])):
            found.append(query.ObjectUpdate(kind=query.ObjectUpdate.Kind.modify, obj=now[ref], changeSet=changed))
    one.known, one.revision = now, registry.revision
    return found


def _moves(one: Filter, touched: dict[str, list[str]]) -> bool:
    """Whether a change may bring objects into what the filter selects, or take them out of it."""
    ways = selecting.ways(one.spec)
    return any(not path or path.partition(".")[0] in ways for paths in touched.values() for path in paths)


def _enter(registry: Registry, identity: Any, spec: Any) -> Any:
    read = selecting.content(registry, identity, spec)
    assign = query.Change.Op.assign
    changes = [query.Change(name=one.name, op=assign, val=one.val) for one in read.propSet]
    kind = query.ObjectUpdate.Kind.enter
    return query.ObjectUpdate(kind=kind, obj=identity, changeSet=changes, missingSet=read.missingSet)


def _changed(registry: Registry, identity: Any, spec: Any, touched: list[str]) -> list[Any]:
    paths = [path for path in touched if path]
    wanted = [path for path in selecting.paths(registry, identity, spec) if any(overlaps(path, t) for t in paths)]
    return [_assign(registry, identity, path) for path in wanted]


def _assign(registry: Registry, identity: Any, path: str) -> Any:
    return query.Change(name=path, op=query.Change.Op.assign, val=registry.read(identity, path))
