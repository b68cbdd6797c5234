"""MIB files: which traps they define, with whole OIDs and the objects that come with them. Parsed by pysmi, no network.

SMIv1 (RFC 1155, 1212, 1215) and SMIv2 (RFC 2578). Names are followed through imports as far as files are given; the
roots that every MIB imports are known without theirs.
"""

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from engine.model.errors import ConfigurationError

ROOTS: Mapping[str, str] = {
    "iso": "1",
    "org": "1.3",
    "dod": "1.3.6",
    "internet": "1.3.6.1",
    "directory": "1.3.6.1.1",
    "mgmt": "1.3.6.1.2",
    "mib-2": "1.3.6.1.2.1",
    "system": "1.3.6.1.2.1.1",
    "sysDescr": "1.3.6.1.2.1.1.1",
    "sysObjectID": "1.3.6.1.2.1.1.2",
    "sysContact": "1.3.6.1.2.1.1.4",
    "sysName": "1.3.6.1.2.1.1.5",
    "sysLocation": "1.3.6.1.2.1.1.6",
    "ifIndex": "1.3.6.1.2.1.2.2.1.1",
    "ifDescr": "1.3.6.1.2.1.2.2.1.2",
    "ifType": "1.3.6.1.2.1.2.2.1.3",
    "ifAdminStatus": "1.3.6.1.2.1.2.2.1.7",
    "ifOperStatus": "1.3.6.1.2.1.2.2.1.8",
    "transmission": "1.3.6.1.2.1.10",
    "snmp": "1.3.6.1.2.1.11",
    "experimental": "1.3.6.1.3",
    "private": "1.3.6.1.4",
    "enterprises": "1.3.6.1.4.1",
    "security": "1.3.6.1.5",
    "snmpV2": "1.3.6.1.6",
    "snmpModules": "1.3.6.1.6.3",
    "snmpTraps": "1.3.6.1.6.3.1.1.5",
    "zeroDotZero": "0.0",
}
"""What SNMPv2-SMI, RFC1155-SMI, SNMPv2-MIB and IF-MIB call them."""

LARGEST = 8 * 1024 * 1024
"""Octets of one file."""
DEEPEST = 128
_OBJECTS = {"objectTypeClause": 10, "moduleIdentityClause": 6, "objectIdentityClause": 4, "valueDeclaration": 1}


@dataclass(frozen=True, slots=True)
class MibObject:
    """An object that comes with a trap."""

    name: str
    oid: str
    syntax: str
    """Its type, or its values as `1 ok, 2 failed`."""


@dataclass(frozen=True, slots=True)
class MibTrap:
    """A NOTIFICATION-TYPE or TRAP-TYPE."""

    module: str
    name: str
    oid: str
    severity: str
    """As annotated for management programs (`--#SEVERITY`); empty if it is not."""
    text: str
    objects: tuple[MibObject, ...]


@dataclass(frozen=True, slots=True)
class Mibs:
    """What a set of files defines."""

    traps: tuple[MibTrap, ...]
    gaps: tuple[str, ...]
    """What could not be followed, and why: traps and objects that are left out."""


@dataclass(frozen=True, slots=True)
class _Module:
    name: str
    imports: Mapping[str, str]
    """Module by name."""
    clauses: Mapping[str, tuple[Any, ...]]
    text: str


class _Gap(Exception):
    """A name that cannot be followed."""


def read(wanted: Mapping[str, str], beside: Mapping[str, str] | None = None) -> Mibs:
    """The traps of these files (text by name); `beside` are files that are only imported from.

    Raises ConfigurationError, with file and line, for one of `wanted` that is no MIB; of `beside` such are left out.
    """
    modules: dict[str, _Module] = {}
    for file, text in (beside or {}).items():
        try:
            modules |= {one.name: one for one in _modules(file, text)}
        except ConfigurationError:
            continue
    asked = [one for file, text in wanted.items() for one in _modules(file, text)]
    modules |= {one.name: one for one in asked}
    traps: list[MibTrap] = []
    gaps: list[str] = []
    for module in asked:
        for name, clause in module.clauses.items():
            if clause[0] in ("notificationTypeClause", "trapTypeClause"):
                try:
                    traps.append(_trap(modules, module, name, clause, gaps))
                except _Gap as gap:
                    gaps.append(f"{name}: {gap}")
    return Mibs(tuple(traps), tuple(dict.fromkeys(gaps)))


def _modules(file: str, text: str) -> Sequence[_Module]:
    from pysmi.error import PySmiError

    if len(text) > LARGEST:
        raise ConfigurationError(f"{file}: {len(text)} characters; at most {LARGEST} are read")
    try:
        parsed = _parser().parse(text)
    except (PySmiError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        said = " ".join(str(error).split())[:200]
        raise ConfigurationError(f"{file}:{line}: this is no MIB that can be read: {said}") from error
    return [_module(one, text) for one in parsed]


@cache
def _parser() -> Any:
    """Made once: the grammar of SMI takes longer to build than a MIB to read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from pysmi.parser.dialect import smi_v1_relaxed
        from pysmi.parser.smi import parserFactory

        return parserFactory(**smi_v1_relaxed)(tempdir="")


def _module(parsed: Any, text: str) -> _Module:
    name, _, imports, clauses = parsed
    by_name = {symbol: module for module, symbols in (imports or {}).items() for symbol in symbols}
    return _Module(name, by_name, {one[1]: one for one in clauses or () if isinstance(one[1], str)}, text)


def _trap(
    modules: Mapping[str, _Module], module: _Module, name: str, clause: tuple[Any, ...], gaps: list[str]
) -> MibTrap:
    if clause[0] == "trapTypeClause":
        enterprise, number = _oid(modules, module, clause[2][1], 0), clause[6]
        generic = enterprise == ROOTS["snmp"]
        oid = f"{ROOTS['snmpTraps']}.{number + 1}" if generic else f"{enterprise}.0.{number}"
        listed, said = clause[3], clause[4]
    else:
        oid, listed, said = _oid(modules, module, clause[-1][1], 0), clause[2], clause[4]
    objects: list[MibObject] = []
    for one in listed[1] if listed else ():
        try:
            objects.append(_object(modules, module, one))
        except _Gap as gap:
            gaps.append(f"{name}: its object {one} is left out: {gap}")
    return MibTrap(module.name, name, oid, _severity(module.text, name), _line(said), tuple(objects))


def _object(modules: Mapping[str, _Module], module: _Module, name: str) -> MibObject:
    oid = _named(modules, module, name, 0)
    owner = modules.get(module.imports.get(name, module.name), module)
    clause = owner.clauses.get(name)
    return MibObject(name, oid, _syntax(clause[2]) if clause and clause[0] == "objectTypeClause" else "")


def _syntax(said: Any) -> str:
    kind = str(said[1]) if len(said) > 1 else ""
    detail = said[2] if len(said) > 2 else None
    if isinstance(detail, tuple) and detail and detail[0] == "enumSpec":
        return ", ".join(f"{number} {word}" for word, number in detail[1])
    return kind


def _named(modules: Mapping[str, _Module], module: _Module, name: str, depth: int) -> str:
    if depth > DEEPEST:
        raise _Gap(f"{name} is defined by itself")
    clause = module.clauses.get(name)
    place = _OBJECTS.get(clause[0]) if clause else None
    if clause is not None:
        way = clause[-1] if place is not None else None
        if not (isinstance(way, tuple) and way and way[0] == "objectIdentifier"):
            raise _Gap(f"{name} is no object of {module.name}")
        return _oid(modules, module, way[1], depth + 1)
    source = module.imports.get(name)
    if source is not None and source in modules and source != module.name:
        return _named(modules, modules[source], name, depth + 1)
    if name in ROOTS:
        return ROOTS[name]
    where = f"{source}, whose file was not given" if source else f"nothing that {module.name} imports"
    raise _Gap(f"{name} comes from {where}")


def _oid(modules: Mapping[str, _Module], module: _Module, arcs: Sequence[Any], depth: int) -> str:
    found: list[str] = []
    for number, arc in enumerate(arcs):
        if isinstance(arc, tuple):
            found.append(str(arc[1]))
        elif isinstance(arc, int) or str(arc).isdigit():
            found.append(str(arc))
        elif number == 0:
            found.append(_named(modules, module, str(arc), depth))
        else:
            raise _Gap(f"{arc} stands where a number belongs")
    return ".".join(found)


def _severity(text: str, name: str) -> str:
    block = re.search(rf"^\s*{re.escape(name)}\s+TRAP-TYPE\b(.*?)::=", text, re.DOTALL | re.MULTILINE)
    found = re.search(r"--#SEVERITY\s+([A-Za-z]+)", block[1]) if block else None
    return found[1] if found else ""


def _line(said: Any) -> str:
    text = said[1] if isinstance(said, tuple) and len(said) > 1 else ""
    return "".join(char if char.isprintable() else " " for char in " ".join(str(text).split()))[:160]
