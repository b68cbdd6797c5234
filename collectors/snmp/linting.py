"""What is wrong with trap maps, and what is odd about them: all of it at once, with file, line and column. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from collectors.snmp import maps
from collectors.snmp.mapfile import TrapMap
from collectors.snmp.maps import Examined, Place, TrapMaps
from engine.model.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing about one place."""

    file: str
    line: int
    column: int
    severity: str
    """`error`: the listener refuses the map; `warning`: it does, but hardly what was meant; `info`."""
    message: str

    def __str__(self) -> str:
        """As compilers say it."""
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message}"


def remarks(texts: Mapping[str, str], shipped: TrapMaps, catalogue: Catalogue) -> Sequence[Remark]:
    """About these maps in their order, the later of which counts where two name one trap.

    Raises ConfigurationError for a text that is not YAML.
    """
    found: list[Remark] = []
    before: dict[str, str] = {}
    for file, text in texts.items():
        examined = maps.examine(text, file, catalogue)
        told = [(place, "error", message) for place, message in examined.mistakes]
        if examined.map is not None:
            told += _oddities(examined.map, shipped, catalogue)
            told += _twice(examined.map, before)
            before |= dict.fromkeys(examined.map.traps, file)
        found += sorted((_remark(file, examined, *one) for one in told), key=lambda one: (one.line, one.column))
    return found


def _remark(file: str, examined: Examined, place: Place, severity: str, message: str) -> Remark:
    line, column = maps.located(examined.raw, place)
    return Remark(file, line, column, severity, message)


def _oddities(one: TrapMap, shipped: TrapMaps, catalogue: Catalogue) -> Iterator[tuple[Place, str, str]]:
    yield from _unused(one)
    yield from _open_ends(one, catalogue)
    names: dict[str, str] = {}
    for oid, entry in one.traps.items():
        place = ("traps", oid)
        if oid in shipped.rules:
            known = shipped.rules[oid]
            yield place, "info", f"takes the place of {known.entry.name} of the shipped map {known.vendor}"
        if names.setdefault(entry.name, oid) != oid:
            yield place, "warning", f"{entry.name} is the name of {names[entry.name]} too"
        if entry.about is None and any(catalogue.get(name) is not None for name in maps.types_of(entry)):
            yield place, "info", f"{entry.name} says of nothing whom it is about: its subject is the sender"
        if entry.state is not None and not entry.state.values:
            yield (*place, "state"), "warning", f"{entry.name} knows no value of {entry.state.varbind}: no event ever"


def _unused(one: TrapMap) -> Iterator[tuple[Place, str, str]]:
    read = {name for about in one.about.values() for name in maps.roles_of(about).values()}
    read |= {entry.state.varbind for entry in one.traps.values() if entry.state is not None}
    read |= {name for entry in one.traps.values() for name in entry.same}
    for name in one.varbinds:
        if name not in read:
            yield ("varbinds", name), "warning", f"varbind {name} is read by nothing"
    used = {entry.about for entry in one.traps.values()}
    for name in one.about:
        if name not in used:
            yield ("about", name), "warning", f"no trap is about {name!r}"


def _open_ends(one: TrapMap, catalogue: Catalogue) -> Iterator[tuple[Place, str, str]]:
    brought = {name for entry in one.traps.values() for name in maps.types_of(entry)}
    for oid, entry in one.traps.items():
        for name in maps.types_of(entry):
            ends = catalogue.recoveries_of(name)
            if ends and not ends & brought:
                message = f"{entry.name}: no trap of this map brings {' or '.join(sorted(ends))}, so {name} stays open"
                yield ("traps", oid), "warning", message


def _twice(one: TrapMap, before: Mapping[str, str]) -> Iterator[tuple[Place, str, str]]:
    for oid in one.traps:
        if oid in before:
            yield ("traps", oid), "warning", f"{before[oid]} names this trap too; this one counts"
