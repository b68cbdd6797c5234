"""Which objects a filter selects, and what they say: traversal and property reading."""

from typing import Any

from pyVmomi import vim, vmodl

from toban.simulator.vcenter import soap
from toban.simulator.vcenter.registry import Registry

query = vmodl.query.PropertyCollector


def selected(registry: Registry, spec: Any) -> dict[str, Any]:
    """Objects of a filter by reference, in the order of discovery; raises ManagedObjectNotFound."""
    named = _named([part for chosen in spec.objectSet for part in chosen.selectSet])
    found: dict[str, Any] = {}
    for chosen in spec.objectSet:
        start = registry.find(chosen.obj)
        if not chosen.skip:
            found[start._moId] = start  # noqa: SLF001
        _walk(_Traversal(registry, named, found, set()), start, chosen.selectSet)
    return {ref: identity for ref, identity in found.items() if any(_fits(identity, p) for p in spec.propSet)}


def ways(spec: Any) -> set[str]:
    """Properties that lead from object to object: what a filter walks along, and what a view hangs by."""
    starts = [part for chosen in spec.objectSet for part in chosen.selectSet]
    return {"parent", "resourcePool", *_paths(starts)}


def _paths(parts: Any) -> set[str]:
    found: set[str] = set()
    for part in parts:
        if isinstance(part, query.TraversalSpec):
            found |= {str(part.path).partition(".")[0], *_paths(part.selectSet)}
    return found


def _named(parts: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, query.TraversalSpec):
            if part.name:
                found[part.name] = part
            found |= {name: inner for name, inner in _named(list(part.selectSet)).items() if name not in found}
    return found


class _Traversal:
    def __init__(self, registry: Registry, named: dict[str, Any], found: dict[str, Any], seen: set[Any]) -> None:
        self.registry, self.named, self.found, self.seen = registry, named, found, seen


def _walk(walk: _Traversal, identity: Any, parts: Any) -> None:
    for given in parts:
        part = given if isinstance(given, query.TraversalSpec) else walk.named.get(given.name)
        key = (identity._moId, id(part))  # noqa: SLF001
        if part is None or key in walk.seen or not isinstance(identity, part.type):
            continue
        walk.seen.add(key)
        value = walk.registry.read(identity, part.path)
        targets = value if isinstance(value, list) else [value] if value is not None else []
        for target in targets:
            if not walk.registry.knows(target._moId):  # noqa: SLF001
                continue
            if not part.skip:
                walk.found.setdefault(target._moId, target)  # noqa: SLF001
            _walk(walk, target, part.selectSet)


def _fits(identity: Any, prop: Any) -> bool:
    return isinstance(identity, prop.type)


def paths(registry: Registry, identity: Any, spec: Any) -> list[str]:
    """The paths that a filter wants of an object."""
    found: list[str] = []
    for prop in spec.propSet:
        if isinstance(identity, prop.type):
            found += registry.names(identity) if prop.all else [str(path) for path in prop.pathSet]
    return list(dict.fromkeys(found))


def content(registry: Registry, identity: Any, spec: Any) -> Any:
    """ObjectContent: values, and what could not be read; an unset property is in neither."""
    values: list[Any] = []
    missing: list[Any] = []
    for path in paths(registry, identity, spec):
        try:
            value = registry.read(identity, path)
        except vmodl.query.InvalidProperty as error:
            missing.append(query.MissingProperty(path=path, fault=soap.localized(error)))
            continue
        if value is not None:
            values.append(vmodl.DynamicProperty(name=path, val=value))
    return query.ObjectContent(obj=identity, propSet=values, missingSet=missing)


def contained(registry: Registry, container: Any, kinds: list[Any], *, recursive: bool) -> Any:
    """What a container view shows."""
    wanted = tuple(kinds) or (vim.ManagedEntity,)
    found = [
        one
        for one in registry.all(wanted)
        if one is not container and _inside(registry, one, container, recursive=recursive)
    ]
    return soap.names_of(found)


def _inside(registry: Registry, one: Any, container: Any, *, recursive: bool) -> bool:
    starts = [registry.properties(one).get("parent"), registry.properties(one).get("resourcePool")]
    for start in starts:
        parent = start
        while parent is not None and registry.knows(parent._moId):  # noqa: SLF001
            if parent._moId == container._moId:  # noqa: SLF001
                return True
            if not recursive:
                break
            parent = registry.properties(parent).get("parent")
    return False
