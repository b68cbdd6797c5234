"""estate.yaml -> Site: types, then every link (host -> machine -> slot, host -> model, host -> vCenter)."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue

from engine import documents
from engine.model import placement
from engine.model.estate import NO_MACHINE, Category, Model, Site, Vcenter
from engine.model.hardware import Chassis


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    apiVersion: str  # noqa: N815  the file's own word
    kind: str
    vcenters: tuple[Vcenter, ...] = ()
    chassis: tuple[Chassis, ...] = ()
    models: tuple[Model, ...] = ()
    categories: tuple[Category, ...] = ()
    simulation: JsonValue = None


def load(path: Path) -> Site:
    """The declared estate; raises `documents.Unreadable` with file, line and column of every problem."""
    document = documents.read(path)
    file = documents.validate(document, _File)
    site = Site(vcenters=file.vcenters, chassis=file.chassis, models=file.models, categories=file.categories)
    problems = [document.problem(place, message) for place, message in _broken_links(site)]
    if (file.apiVersion, file.kind) != ("toban/v1", "Estate"):
        problems.insert(0, document.problem((), "this is not an estate: write apiVersion: toban/v1 and kind: Estate"))
    if problems:
        raise documents.Unreadable(problems)
    return site


def _broken_links(site: Site) -> list[tuple[documents.Place, str]]:
    machines = {f"{chassis.name}/{slot.slot}" for chassis in site.chassis for slot in chassis.slots}
    known = {
        "machine": machines,
        "model": {model.name for model in site.models},
        "vcenter": {vcenter.name for vcenter in site.vcenters},
    }
    broken: list[tuple[documents.Place, str]] = []
    taken: dict[str, str] = {}
    for c, category in enumerate(site.categories):
        for g, group in enumerate(category.groups):
            for h, host in enumerate(group.hosts):
                place: documents.Place = ("categories", c, "groups", g, "hosts", h)
                broken += [
                    ((*place, link), _missing(host.name, link, getattr(host, link), names))
                    for link, names in known.items()
                    if getattr(host, link) not in names and getattr(host, link) != NO_MACHINE
                ]
                own = (f"machine {host.machine}",) if host.machine != NO_MACHINE else ()
                for what in (f"host {host.name}", *own):
                    if what in taken:
                        broken.append((place, f"{what} is already used by {taken[what]}; each belongs to one host"))
                    taken[what] = f"group {group.name}, host {host.name}"
    return broken + _repeated(site) + _rules(site) + _pools(site, machines) + _shadowed(site)


def _shadowed(site: Site) -> list[tuple[documents.Place, str]]:
    """Hypervisors that call themselves what a host definition is called that they do not serve."""
    names = dict(site.standings)
    names |= {place.host.inventory_name: place for place in site.standings.values() if place.host.inventory_name}
    broken: list[tuple[documents.Place, str]] = []
    for c, chassis in enumerate(site.chassis):
        for s, slot in enumerate(chassis.slots):
            place = names.get(slot.hypervisor.name) if slot.hypervisor is not None else None
            if place is not None and place.host.machine != f"{chassis.name}/{slot.slot}":
                sentence = f"the hypervisor of slot {slot.slot} is called like host {place.host.name} of another blade"
                broken.append((("chassis", c, "slots", s), sentence))
    return broken


def _pools(site: Site, machines: set[str]) -> list[tuple[documents.Place, str]]:
    """Pools that name a blade which there is not, or which another group keeps as well."""
    broken: list[tuple[documents.Place, str]] = []
    kept: dict[str, str] = {}
    for c, category in enumerate(site.categories):
        for g, group in enumerate(category.groups):
            place: documents.Place = ("categories", c, "groups", g, "pool")
            for name in group.pool:
                if name not in machines:
                    broken.append((place, f"group {group.name} keeps {name!r}, which the estate does not declare"))
                elif name in kept:
                    broken.append((place, f"{name} is already kept for group {kept[name]}"))
                kept[name] = group.name
    models = {model.name for model in site.models}
    for c, chassis in enumerate(site.chassis):
        for s, slot in enumerate(chassis.slots):
            if slot.model is not None and slot.model not in models:
                sentence = f"slot {slot.slot} names the model {slot.model!r}, which the estate does not declare"
                broken.append((("chassis", c, "slots", s), sentence))
    return broken


def _rules(site: Site) -> list[tuple[documents.Place, str]]:
    """Placement rules that name a host which the group does not have, or that cannot hold together."""
    broken: list[tuple[documents.Place, str]] = []
    for c, category in enumerate(site.categories):
        for g, group in enumerate(category.groups):
            place: documents.Place = ("categories", c, "groups", g, "placement")
            hosts = {host.name for host in group.hosts}
            for r, rule in enumerate(group.placement.rules):
                strange = sorted(set(rule.to) - hosts)
                if strange:
                    known = ", ".join(sorted(hosts))
                    sentence = f"group {group.name} has no host {strange[0]!r}; known: {known}"
                    broken.append(((*place, "rules", r), sentence))
            broken += [(place, sentence) for sentence in placement.conflicts(group.placement.rules, ())]
    return broken


def _missing(host: str, link: str, name: str, known: set[str]) -> str:
    near = documents.nearest(name, sorted(known))
    hint = f"did you mean {near!r}?" if near else f"known: {', '.join(sorted(known)) or 'none'}"
    return f"host {host} names the {link} {name!r}, which the estate does not declare; {hint}"


def _repeated(site: Site) -> list[tuple[documents.Place, str]]:
    seen: dict[str, str] = {}
    broken: list[tuple[documents.Place, str]] = []
    for c, chassis in enumerate(site.chassis):
        for s, slot in enumerate(chassis.slots):
            who = f"{chassis.name}/{slot.slot}"
            installed = (f"hypervisor {slot.hypervisor.name}",) if slot.hypervisor is not None else ()
            parts = (f"slot {who}", f"serial {slot.serial}", f"uuid {slot.uuid.lower()}", f"BMC {slot.bmc.url}")
            for what in (*parts, *installed):
                if what in seen:
                    broken.append((("chassis", c, "slots", s), f"{what} of {who} is already used by {seen[what]}"))
                seen[what] = who
    return broken
