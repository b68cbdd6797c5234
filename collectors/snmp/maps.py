"""Trap maps: data files that say which trap is which event. Read once, checked whole, frozen."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TypeAlias

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from collectors.outside import RESERVED
from collectors.snmp.mapfile import OID_PATTERN, About, Entry, PetTable, TrapMap
from engine.documents import nearest
from engine.model.catalogue import Catalogue
from engine.model.errors import ConfigurationError

NO_VARBIND = frozenset({"whose", "slot_after"})

Place: TypeAlias = tuple[str | int, ...]
"""The way to a node of a document: keys and numbers of items."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One trap, with its varbind names resolved to column OIDs."""

    vendor: str
    entry: Entry
    columns: dict[str, str]
    """Column OID by role: slot, chassis_serial, ..."""
    whose: str
    slot_after: str
    state_column: str | None
    same: tuple[str, ...] = ()
    """Columns that two of it must have in common to be one."""


@dataclass(frozen=True, slots=True)
class TrapMaps:
    """All maps of a site."""

    rules: dict[str, Rule]
    """By trap OID."""
    pet: PetTable | None


def shipped(catalogue: Catalogue) -> TrapMaps:
    """The maps that come with Toban."""
    return load(catalogue, ())


def load(catalogue: Catalogue, files: Iterable[Path]) -> TrapMaps:
    """The shipped maps and a site's own on top of them; raises ConfigurationError naming file, line and column."""
    rules: dict[str, Rule] = {}
    pet: PetTable | None = None
    folder = resources.files("collectors.snmp").joinpath("maps")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".yaml"))
    texts = [(name, folder.joinpath(name).read_text(encoding="utf-8")) for name in names]
    for file, text in [*texts, *((str(path), written(path)) for path in files)]:
        one = parse(text, file, catalogue)
        rules.update(_rules(one))
        pet = one.pet or pet
    return TrapMaps(rules, pet)


CLASS = "chassis"
FORBIDDEN = RESERVED - {"trap", "vcenter", "bmc"}
"""Families that no trap can speak in, whatever a map says."""
OURS = frozenset({"trap.unmapped", "trap.repeated", "trap.dropped"})
"""What the listener itself says."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A map's text, read as far as it goes."""

    map: TrapMap | None
    """None if its form is wrong."""
    raw: object
    """The document with its lines and columns."""
    mistakes: tuple[tuple[Place, str], ...]
    """What makes it unusable: where, and what is wrong."""


def parse(text: str, file: str, catalogue: Catalogue) -> TrapMap:
    """One map from its text; every type must be in the catalogue and every name it uses must be defined in it."""
    found = examine(text, file, catalogue)
    for place, problem in found.mistakes:
        raise _at(file, found.raw, place, problem)
    if found.map is None:
        raise ConfigurationError(f"{file}:1:1: not a trap map")
    return found.map


def examine(text: str, file: str, catalogue: Catalogue) -> Examined:
    """Everything that is wrong with a map; raises ConfigurationError only for what is not YAML."""
    raw = _loaded(text, file)
    try:
        one = TrapMap.model_validate(_plain(raw))
    except ValidationError as error:
        return Examined(None, raw, tuple(_form(item["loc"], item["msg"]) for item in error.errors()))
    return Examined(one, raw, tuple(_problems(one, catalogue)))


def _form(place: Place, message: str) -> tuple[Place, str]:
    where = ".".join(str(part) for part in place) or "the map"
    return place, f"{where}: {message[:1].lower()}{message[1:]}"


def _loaded(text: str, file: str) -> object:
    try:
        return YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise ConfigurationError(f"{file}:{line}:{column}: not valid YAML: {error.problem}") from error
    except YAMLError as error:
        raise ConfigurationError(f"{file}:1:1: not valid YAML: {error}") from error


def _problems(one: TrapMap, catalogue: Catalogue) -> Iterable[tuple[Place, str]]:
    for name, column in one.varbinds.items():
        if not re.fullmatch(OID_PATTERN, column):
            yield ("varbinds", name), f"{column!r} is no object identifier; write numbers with dots, 1.3.6.1.4.1...."
    for about, roles in one.about.items():
        for role, name in roles_of(roles).items():
            if name not in one.varbinds:
                yield ("about", about, role), f"varbind {name!r} is not listed under varbinds"
    for oid, entry in one.traps.items():
        yield from _entry_problems(one, oid, entry, catalogue)
    if one.pet is not None:
        for place, name in _pet_types(one.pet):
            if (why := _objection(name, catalogue)) is not None:
                yield ("pet", *place), why


def _entry_problems(one: TrapMap, oid: str, entry: Entry, catalogue: Catalogue) -> Iterable[tuple[Place, str]]:
    place = ("traps", oid)
    if not re.fullmatch(OID_PATTERN, oid):
        yield place, f"{oid!r} is no object identifier; write numbers with dots, 1.3.6.1.4.1...."
    if (entry.type is None) == (entry.state is None):
        yield place, f"trap {entry.name} needs either a type or a state"
    yield from _unknown_names(one, place, entry)
    for name in types_of(entry):
        if (why := _objection(name, catalogue)) is not None:
            yield place, why
    if entry.cleared_by is not None:
        other = one.traps.get(entry.cleared_by)
        recoveries = catalogue.recoveries_of(entry.type or "")
        if other is None or not recoveries & set(types_of(other)):
            yield (*place, "cleared_by"), f"{entry.cleared_by} is not a trap of this map that ends {entry.type}"


def _unknown_names(one: TrapMap, place: Place, entry: Entry) -> Iterable[tuple[Place, str]]:
    if entry.about is not None and entry.about not in one.about:
        yield (*place, "about"), f"{entry.about!r} is not listed under about"
    if entry.state is not None and entry.state.varbind not in one.varbinds:
        yield (*place, "state"), f"varbind {entry.state.varbind!r} is not listed under varbinds"
    for name in entry.same:
        if name not in one.varbinds:
            yield (*place, "same"), f"varbind {name!r} is not listed under varbinds"


def _objection(name: str, catalogue: Catalogue) -> str | None:
    """Why no trap can become an event of this type, or None: traps are one class of witnesses, not all (rule S1)."""
    entry = catalogue.get(name)
    if entry is None:
        near = nearest(name, tuple(catalogue.types))
        return f"event type {name!r} is not in the catalogue" + (f"; did you mean {near!r}?" if near else "")
    if name.partition(".")[0] in FORBIDDEN or name in OURS:
        return f"event type {name!r} is not a trap's to say: only Toban's own collectors and people say that"
    if entry.tells is not None and entry.witness != CLASS:
        return f"event type {name!r} is the word of the witness class {entry.witness}; a trap speaks as {CLASS} only"
    return None


def types_of(entry: Entry) -> list[str]:
    """Every event type that a trap can become."""
    if entry.state is None:
        return [entry.type] if entry.type else []
    absent = [entry.state.absent] if entry.state.absent else []
    return sorted({*entry.state.values.values(), *absent})


def roles_of(about: About) -> dict[str, str]:
    """Varbind name by role."""
    return {role: name for role, name in about.model_dump(exclude_none=True).items() if role not in NO_VARBIND}


def types(known: TrapMaps) -> frozenset[str]:
    """Every event type that some trap becomes."""
    pet = (name for _, name in _pet_types(known.pet)) if known.pet is not None else ()
    return frozenset([*pet, *(name for rule in known.rules.values() for name in types_of(rule.entry))])


def _pet_types(pet: PetTable) -> Iterable[tuple[Place, str]]:
    for number, item in pet.specifics.items():
        yield ("specifics", number), item.type
    for maker, vendor in pet.vendors.items():
        for number, item in vendor.specifics.items():
            yield ("vendors", maker, "specifics", number), item.type
    for sensor, rules in pet.sensors.items():
        for pair in rules.offsets.values():
            yield from (((("sensors", sensor, "offsets")), name) for name in pair if name)
        for group in (rules.levels, rules.presence, rules.redundancy):
            found = group.model_dump(exclude_none=True).values() if group else ()
            yield from ((("sensors", sensor), str(name)) for name in found)


def _rules(one: TrapMap) -> dict[str, Rule]:
    found: dict[str, Rule] = {}
    for oid, entry in one.traps.items():
        about = one.about[entry.about] if entry.about else About()
        columns = {role: one.varbinds[name] for role, name in roles_of(about).items()}
        state = one.varbinds[entry.state.varbind] if entry.state else None
        same = tuple(one.varbinds[name] for name in entry.same)
        rule = Rule(one.vendor, entry, columns, about.whose, about.slot_after, state, same)
        found[oid] = rule
        parent, _, last = oid.rpartition(".")
        if not parent.endswith(".0"):
            found.setdefault(f"{parent}.0.{last}", rule)
    return found


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    return int(value) if isinstance(value, int) else str(value)


def written(path: Path) -> str:
    """The text of a map file; raises ConfigurationError for one that cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}:1:1: the trap map cannot be read: {error}") from error


def _at(file: str, raw: object, place: Place, message: str) -> ConfigurationError:
    line, column = located(raw, place)
    return ConfigurationError(f"{file}:{line}:{column}: {message}")


def located(raw: object, place: Place) -> tuple[int, int]:
    """Line and column of a node of a document, or of the last one on the way to it."""
    line, column, current = 1, 1, raw
    for step in place:
        marks = getattr(current, "lc", None)
        if isinstance(current, dict) and step in current and marks is not None:
            line, column = (number + 1 for number in marks.key(step))
        elif isinstance(current, list) and isinstance(step, int) and marks is not None and step < len(current):
            line, column = (number + 1 for number in marks.item(step))
        else:
            break
        current = current[step]  # type: ignore[index]
    return line, column
