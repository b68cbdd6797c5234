"""Which event types the sources that ship with Toban can publish: read from their maps, which are data."""

from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from ruamel.yaml import YAML

from engine.model import catalogue

OURS = ("toban.", "source.", "inventory.", "host.load", "vm.load", "trap.unmapped", "vcenter.unmapped")
"""What collectors and the engine publish without a map."""


@cache
def types() -> frozenset[str]:
    """Every type that a trap map, the vCenter map or Toban itself can publish."""
    words = catalogue.shipped().types
    found = {name for name in words if name.startswith(OURS)}
    for folder in ("collectors.snmp", "collectors.vsphere"):
        for file in _files(resources.files(folder)):
            read = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
            found |= {word for word in _words(read) if word in words}
    return frozenset(found)


def _files(folder: Traversable) -> Iterator[Traversable]:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.name.startswith("__"):
            yield from _files(entry)
        elif entry.name.endswith(".yaml"):
            yield entry


def _words(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _words(key)
            yield from _words(item)
    elif isinstance(value, list):
        for item in value:
            yield from _words(item)
    elif isinstance(value, str):
        yield value
