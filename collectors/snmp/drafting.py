"""A draft of a trap map from what MIB files define; what each trap means is left for a person to say. Pure.

The draft is refused by the listener and by `toban traps lint` until each trap has a type of the catalogue or is gone.
"""

import itertools
import re
from collections.abc import Iterator, Sequence

import orjson

from collectors.snmp.mibs import Mibs, MibTrap
from engine.model.catalogue import Catalogue, EventType

OPEN = "?"
"""Stands for the type that a person has to give."""
SUGGESTED = 3
_COMMON = frozenset(
    {"the", "and", "was", "has", "had", "its", "is", "are", "been", "this", "that", "with", "from", "for", "not", "now"}
    | {"trap", "alert", "event", "status", "state", "change", "changed", "notification", "of", "in", "on", "an", "to"}
)
_SYNONYMS = {
    "powersupply": "psu",
    "supply": "psu",
    "temperature": "thermal",
    "temp": "thermal",
    "cooling": "fan",
    "fail": "failed",
    "failure": "failed",
    "fault": "failed",
    "normal": "ok",
    "recovered": "ok",
    "restored": "ok",
    "cleared": "ok",
    "insert": "inserted",
    "remove": "removed",
    "absent": "removed",
    "processor": "cpu",
    "dimm": "memory",
    "drive": "disk",
    "module": "blade",
    "server": "blade",
}


def draft(mibs: Mibs, vendor: str, catalogue: Catalogue) -> str:
    """The text of a map file."""
    modules = ", ".join(dict.fromkeys(trap.module for trap in mibs.traps))
    lines = [
        f"# A draft from {modules} by `toban traps import`.",
        "# Numbers and names are the vendor's; what they mean is still open.",
        f"# 1. Give each trap a type of the catalogue instead of {OPEN!r} (docs/policy-reference.md), or delete it:",
        "#    it then becomes trap.unmapped. Where a varbind tells raise from clear, write `state` instead of `type`:",
        "#    state: {varbind: NAME, values: {1: fan.ok, 2: fan.failed}}",
        "# 2. Say under `about` which varbind names slot, chassis and part; then write `about: KIND` with each trap.",
        "# 3. toban traps lint FILE; toban traps decode DATAGRAM --map FILE; then name it under snmp.maps.",
        "",
        f"vendor: {_quoted(vendor)}",
        f"title: {_quoted(modules)}",
        "",
        "varbinds:",
        *_varbinds(mibs.traps),
        "",
        "about: {}",
        "#  blade: {slot: NAME, chassis_serial: NAME, text: NAME}",
        "#  fan: {chassis_serial: NAME, part: NAME}",
        "",
        "traps:",
    ]
    for trap in mibs.traps:
        lines += _trap(trap, catalogue)
    lines += [f"# left out: {_plain(gap)}" for gap in mibs.gaps]
    return "\n".join(lines) + "\n"


def suggested(trap: MibTrap, catalogue: Catalogue) -> Sequence[str]:
    """Types whose words occur in the trap's name and text; a help for reading, never a decision."""
    name, said = _words(trap.name), _words(trap.text)
    found = [(_score(one, name, said), one.type) for one in catalogue.types.values()]
    best = sorted((-score, kind) for score, kind in found if score >= 4)
    return [kind for _, kind in best[:SUGGESTED]]


def _score(one: EventType, name: frozenset[str], said: frozenset[str]) -> int:
    words = frozenset(one.type.split("."))
    return 3 * len(words & name) + 2 * len(words & said - name) - len(words - name - said)


def _words(text: str) -> frozenset[str]:
    split = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", text)
    words = [str(word).lower() for word in split]
    pairs = {first + second for first, second in itertools.pairwise(words)}
    known: set[str] = {*words, *(pairs & _SYNONYMS.keys())} - _COMMON
    return frozenset(_SYNONYMS.get(word, word) for word in known)


def _varbinds(traps: Sequence[MibTrap]) -> Iterator[str]:
    objects = {one.name: one for trap in traps for one in trap.objects}
    for one in objects.values():
        yield f"  {_quoted(one.name)}: {one.oid}" + (f"   # {_plain(one.syntax)}" if one.syntax else "")
    if not objects:
        yield "  {}"


def _trap(trap: MibTrap, catalogue: Catalogue) -> Iterator[str]:
    if trap.text:
        yield f"  # {_plain(trap.text)}"
    if trap.objects:
        yield f"  # comes with: {', '.join(one.name for one in trap.objects)}"
    near = suggested(trap, catalogue)
    if near:
        yield f"  # words like: {', '.join(near)}"
    yield f"  {trap.oid}:"
    yield f"    name: {_quoted(trap.name)}"
    yield f"    vendor_severity: {_quoted(trap.severity or 'unknown')}"
    yield f"    type: {_quoted(OPEN)}"


def _quoted(text: str) -> str:
    """A YAML scalar that is never anything but this text."""
    return orjson.dumps(text).decode()


def _plain(text: str) -> str:
    """One line that ends no comment."""
    return "".join(char if char.isprintable() else " " for char in text)[:160]
