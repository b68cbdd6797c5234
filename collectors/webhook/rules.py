"""Maps for messages from outside: read once, checked whole; then which labels are which event about which object."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from collectors import outside
from collectors.snmp.naming import LIMIT_NAME
from collectors.snmp.origins import Origins
from collectors.webhook.rulefile import About, Entry, RuleFile
from engine import documents
from engine.documents import Document
from engine.model.catalogue import Catalogue
from engine.model.ids import Kind, object_id

FIRING, RESOLVED, RECEIVED = "alert.firing", "alert.resolved", "cloudevent.received"
"""What a message becomes that no map names."""
NAMES: tuple[About, ...] = (
    About(kind="vm", label="vm"),
    About(kind="host", label="host"),
    About(kind="host", label="node"),
    About(kind="host", label="instance"),
    About(kind="machine", label="instance", address=True),
    About(kind="chassis", label="instance", address=True),
)
"""Labels that name an object where the map says nothing."""


@dataclass(frozen=True, slots=True)
class Rules:
    """All maps of a site; the site's own come first, and the first entry that matches counts."""

    alerts: tuple[Entry, ...]
    cloudevents: tuple[Entry, ...]


def load(catalogue: Catalogue, files: Iterable[Path]) -> Rules:
    """A site's maps before the shipped ones; raises ConfigurationError naming file, line and column."""
    folder = resources.files("collectors.webhook").joinpath("maps")
    shipped = sorted(item.name for item in folder.iterdir() if item.name.endswith(".yaml"))
    read = [documents.read(path) for path in files]
    read += [documents.parse(folder.joinpath(name).read_bytes(), name) for name in shipped]
    parsed = [_checked(document, catalogue) for document in read]
    alerts = (entry for one in parsed for entry in one.alerts)
    return Rules(tuple(alerts), tuple(entry for one in parsed for entry in one.cloudevents))


def _checked(document: Document, catalogue: Catalogue) -> RuleFile:
    one = documents.validate(document, RuleFile)
    problems = [
        document.problem((room, index, word), sentence)
        for room, entries in (("alerts", one.alerts), ("cloudevents", one.cloudevents))
        for index, entry in enumerate(entries)
        for word, kind in (("type", entry.type), ("resolved", entry.resolved))
        if kind is not None and (sentence := outside.objection(catalogue, kind)) is not None
    ]
    if problems:
        raise documents.Unreadable(problems)
    return one


def types(known: Rules, catalogue: Catalogue) -> frozenset[str]:
    """Every event type that some entry brings."""
    named = (entry for room in (known.alerts, known.cloudevents) for entry in room)
    found = {kind for entry in named for kind in (entry.type, ended(entry, catalogue))}
    return frozenset({*found, FIRING, RESOLVED, RECEIVED})


def chosen(entries: Iterable[Entry], words: Mapping[str, str]) -> Entry | None:
    """The first entry whose every label fits."""
    return next((entry for entry in entries if _fits(entry.match, words)), None)


def _fits(wanted: Mapping[str, str], words: Mapping[str, str]) -> bool:
    for label, pattern in wanted.items():
        word = words.get(label)
        if word is None:
            return False
        if pattern.endswith("*"):
            if not word.startswith(pattern[:-1]):
                return False
        elif word != pattern:
            return False
    return True


def ended(entry: Entry, catalogue: Catalogue) -> str:
    """The type that says that it is over."""
    known = catalogue.get(entry.type)
    return entry.resolved or (known.recovery if known is not None else None) or RESOLVED


def subject_of(entry: Entry | None, words: Mapping[str, str], origins: Origins) -> str | None:
    """The object that the labels name; None: nothing that the estate knows. An exact name or address, never a guess."""
    for about in entry.about if entry is not None and entry.about else NAMES:
        name = words.get(about.label, "").removesuffix(about.strip) if about.label in words else ""
        found = _addressed(about, name, origins) if about.address else _named(about, name, origins)
        if found is not None:
            return found
    return None


def _named(about: About, name: str, origins: Origins) -> str | None:
    if not name or len(name) > LIMIT_NAME:
        return None
    if about.kind == "host":
        plain = name if name in origins.hosts else name.rpartition(":")[0]  # instance labels carry a port
        return object_id(Kind.HOST, plain) if plain in origins.hosts else None
    if about.kind == "machine":
        return origins.machines_by_serial.get(name.upper()) or _declared(Kind.MACHINE, name, origins)
    if about.kind == "chassis":
        return _declared(Kind.CHASSIS, name, origins)
    return object_id(Kind(about.kind), name)


def _declared(kind: Kind, name: str, origins: Origins) -> str | None:
    found = object_id(kind, name)
    return found if found in origins.objects else None


def _addressed(about: About, name: str, origins: Origins) -> str | None:
    without_port = name.rpartition(":")[0] if name.count(":") == 1 else name
    if about.kind == "machine":
        return origins.machines_by_address.get(without_port)
    chassis = origins.chassis_by_address.get(without_port) if about.kind == "chassis" else None
    return object_id(Kind.CHASSIS, chassis) if chassis is not None else None
