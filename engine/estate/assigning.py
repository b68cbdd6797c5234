"""Master machines: which blade serves which host definition, and which blades could; pure (domain.md 1.3, 1.4)."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.model import ids
from engine.model.estate import NO_MACHINE, Estate, HostDefinition, Site
from engine.model.hardware import Chassis, Slot
from engine.model.ids import Kind


@dataclass(frozen=True, slots=True)
class Machine:
    """A blade as a resource."""

    name: str
    """`chassis1/3`."""
    chassis: Chassis
    slot: Slot
    host: str | None
    """The host definition that it serves."""


def assigned(site: Site, host: str, machine: str) -> Site:
    """The site with another master machine for this host; what is not declared changes nothing."""
    if host not in site.standings or (machine != NO_MACHINE and machine not in names(site)):
        return site
    categories = tuple(
        category.model_copy(
            update={
                "groups": tuple(
                    group.model_copy(update={"hosts": tuple(_with(one, host, machine) for one in group.hosts)})
                    for group in category.groups
                )
            }
        )
        for category in site.categories
    )
    return Site(vcenters=site.vcenters, chassis=site.chassis, models=site.models, categories=categories)


def _with(one: HostDefinition, host: str, machine: str) -> HostDefinition:
    if one.name == host:
        return one.model_copy(update={"machine": machine})
    return one.model_copy(update={"machine": NO_MACHINE}) if one.machine == machine != NO_MACHINE else one


def names(site: Site) -> frozenset[str]:
    """Every slot that the site declares."""
    return frozenset(f"{chassis.name}/{slot.slot}" for chassis in site.chassis for slot in chassis.slots)


def machines(site: Site) -> Iterator[Machine]:
    """Every blade, by chassis and slot."""
    for chassis in site.chassis:
        for slot in sorted(chassis.slots, key=lambda one: one.slot):
            name = f"{chassis.name}/{slot.slot}"
            yield Machine(name, chassis, slot, site.by_machine.get(name))


def against(estate: Estate, host: str, machine: Machine) -> tuple[str, str] | None:
    """Why a blade cannot serve a host definition (English, Japanese), or None if it is a candidate."""
    place = estate.site.standings[host]
    if machine.host is not None:
        return f"{machine.name} serves {machine.host}", f"{machine.name} は {machine.host} に割当済み"
    if machine.slot.model is None:
        return f"the model of {machine.name} is not declared", f"{machine.name} のモデルが未宣言"
    if machine.slot.model != place.host.model:
        model = machine.slot.model
        return f"{machine.name} is of model {model}, {host} needs {place.host.model}", f"{machine.name} はモデル不一致"
    status = estate.statuses.get(ids.object_id(Kind.MACHINE, machine.name))
    if status is not None:
        return f"{machine.name} is marked {status}", f"{machine.name} は {status}"
    pool = next((g.name for c in estate.site.categories for g in c.groups if machine.name in g.pool), None)
    if pool is not None and pool != place.group:
        return f"{machine.name} is kept for group {pool}", f"{machine.name} は {pool} 専用"
    return None


def candidates(estate: Estate, host: str) -> list[Machine]:
    """The blades that may serve this host, the best first.

    The rule: those kept for its group before the common ones; another chassis than the one where its old machine is, as
    what broke there may not be the blade alone; then by chassis and slot.
    """
    place = estate.site.standings[host]
    pool = next(g.pool for c in estate.site.categories for g in c.groups if g.name == place.group)
    home = place.host.machine.partition("/")[0]
    fitting = [one for one in machines(estate.site) if against(estate, host, one) is None]
    order = {one.name: number for number, one in enumerate(fitting)}
    return sorted(fitting, key=lambda one: (one.name not in pool, one.chassis.name == home, order[one.name]))
