"""Managed objects with their properties and a growing log of changes; what vCenter believes lives here."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pyVmomi import VmomiSupport, vmodl

KEPT = 100_000
"""Changes that are remembered; a client that asks for older ones must start over."""
PLACES = frozenset({"", "runtime.host", "datastore", "config.files.vmPathName"})
"""Paths of properties by which objects hang together; the empty one is the object itself."""


@dataclass(frozen=True, slots=True)
class Computed:
    """A property that is worked out when it is read."""

    value: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Changed:
    """One line of the log."""

    revision: int
    ref: str
    path: str


class Registry:
    """All objects of one vCenter; callers hold `changed` (a condition on the world's lock) around every use."""

    def __init__(self, lock: threading.RLock) -> None:
        """Empty."""
        self.changed = threading.Condition(lock)
        self.revision = 0
        self.placing = 0
        """Grows when an object comes, goes, or is put elsewhere: what was indexed by place is to be indexed anew."""
        self._log: deque[Changed] = deque(maxlen=KEPT)
        self._objects: dict[str, tuple[Any, dict[str, Any]]] = {}
        self._numbers: dict[str, int] = {}
        self._derived: list[tuple[Any, str, Callable[[Any], Any]]] = []

    def derive(self, kind: Any, name: str, value: Callable[[Any], Any]) -> None:
        """A property of every object of a kind, worked out when it is read; its changes are not noted."""
        self._derived.append((kind, name, value))

    def names(self, identity: Any) -> list[str]:
        """Of all its top-level properties."""
        derived = (name for kind, name, _ in self._derived if isinstance(identity, kind))
        return [*self.properties(identity), *derived]

    def next_ref(self, prefix: str) -> str:
        """`vm-1`, `vm-2`, ..."""
        self._numbers[prefix] = self._numbers.get(prefix, 0) + 1
        return f"{prefix}-{self._numbers[prefix]}"

    def add(self, kind: Any, ref: str, **properties: Any) -> Any:
        """A new object; its identity."""
        identity = kind(ref)
        self._objects[ref] = (identity, properties)
        self._note(ref, "")
        return identity

    def remove(self, identity: Any) -> None:
        """The object is gone."""
        self._objects.pop(identity._moId, None)  # noqa: SLF001  pyVmomi's name for the reference
        self._note(identity._moId, "")  # noqa: SLF001

    def find(self, identity: Any) -> Any:
        """The object itself for a client's reference; raises ManagedObjectNotFound."""
        found = self._objects.get(getattr(identity, "_moId", ""))
        if found is None:
            raise vmodl.fault.ManagedObjectNotFound(msg="The object has been deleted or never was.", obj=identity)
        return found[0]

    def knows(self, ref: str) -> bool:
        """It exists."""
        return ref in self._objects

    def all(self, kind: Any) -> Iterator[Any]:
        """Every object of a type."""
        return iter([identity for identity, _ in self._objects.values() if isinstance(identity, kind)])

    def properties(self, identity: Any) -> dict[str, Any]:
        """Its top-level properties by name."""
        return self._objects[identity._moId][1]  # noqa: SLF001

    def set(self, identity: Any, path: str, value: Any) -> None:
        """Change one property or one part of it; nothing is noted if it is the same already."""
        *way, last = path.split(".")
        properties = self.properties(identity)
        if not way:
            if last in properties and properties[last] == value:
                return
            properties[last] = value
        else:
            part = properties[way[0]]
            for step in way[1:]:
                part = getattr(part, step)
            if getattr(part, last) == value:
                return
            setattr(part, last, value)
        self._note(identity._moId, path)  # noqa: SLF001

    def touch(self, identity: Any, path: str) -> None:
        """Say that a computed or inner part changed."""
        self._note(identity._moId, path)  # noqa: SLF001

    def _note(self, ref: str, path: str) -> None:
        self.revision += 1
        if path in PLACES:
            self.placing += 1
        self._log.append(Changed(self.revision, ref, path))
        self.changed.notify_all()

    def since(self, revision: int) -> list[Changed] | None:
        """Changes after a revision; None if they are forgotten."""
        if self._log and self._log[0].revision > revision + 1:
            return None
        found: list[Changed] = []
        for change in reversed(self._log):
            if change.revision <= revision:
                break
            found.append(change)
        return found[::-1]

    def read(self, identity: Any, path: str) -> Any:
        """The value at a path, typed for an untyped slot; None if unset. Raises InvalidProperty."""
        value, kind, info = None, type(identity), None
        for number, step in enumerate(path.split(".")):
            if isinstance(value, VmomiSupport.ManagedObject):
                raise vmodl.query.InvalidProperty(msg=f"{path} crosses an object", name=path)
            info = _described(kind, step, path)
            value = self._step(identity, step) if number == 0 else getattr(value, step, None)
            if value is None:
                return None
            kind = type(value)
        return _typed(value, info)

    def _step(self, identity: Any, name: str) -> Any:
        value = self.properties(identity).get(name)
        if value is None:
            value = next((of(identity) for k, n, of in self._derived if n == name and isinstance(identity, k)), None)
        return value.value() if isinstance(value, Computed) else value


def _described(kind: Any, step: str, path: str) -> Any:
    try:
        return kind._GetPropertyInfo(step)  # noqa: SLF001
    except AttributeError as error:
        raise vmodl.query.InvalidProperty(msg=f"no property {path}", name=path) from error


def _typed(value: Any, info: Any) -> Any:
    if info.type is object:
        return value
    wanted: Any = info.type
    if isinstance(value, list):
        return wanted(value) if value else None
    if isinstance(value, (VmomiSupport.ManagedObject, VmomiSupport.DataObject, wanted)):
        return wanted(value) if type(value) is int and wanted is not int else value
    return wanted(value)


def overlaps(one: str, other: str) -> bool:
    """One path is the other, or lies inside it; the empty path is the whole object."""
    return not one or not other or one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def reference(identity: Any) -> str:
    """`vm-12`: pyVmomi keeps it under a private name."""
    return str(identity._moId)  # noqa: SLF001
