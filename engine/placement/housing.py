"""Which datastore takes the disks of a VM that moves with them, and at which host; pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.model.estate import Estate, LiveDatastore, LiveVm
from engine.model.plan import Move, Plan, Unplaced
from engine.placement import evacuating
from engine.placement.evacuating import Wish

TRIED = 32
"""Datastores that are tried, the roomiest first."""


@dataclass(frozen=True, slots=True)
class Housing:
    """A plan, and the datastore to which the VM takes its disks."""

    plan: Plan
    datastore: str = ""


def house(estate: Estate, source: str, together: tuple[LiveVm, ...], wish: Wish, named: str = "") -> Housing:
    """A host and a datastore for the first of these VMs; the others go with it, their disks stay.

    Named: that datastore. Without a host of its own choice (`wish.only`) the VM stays where it is if its host mounts
    that. Not named: the accessible datastore with most room that one of the allowed hosts mounts and that the VM does
    not lie on. Whether there is room for it is read when it is moved: the picture does not know how large a VM is.
    """
    vm, rest = together[0], together[1:]
    stores = _candidates(estate, vm, named)
    if isinstance(stores, Unplaced):
        return Housing(Plan(unplaced=(stores,)))
    why = Unplaced(
        vm=vm.name, en=f"no other datastore is known for {vm.name}", ja=f"{vm.name} の移動先データストアなし"
    )
    for store in stores:
        if named and wish.only in (None, source) and store.name in estate.hosts[source].datastores:
            return Housing(Plan(moves=(Move(vm=vm, source=source, target=source),)), store.name)
        supposed = vm.model_copy(update={"datastores": (store.name,)})
        plan = evacuating.evacuate(estate, source, (supposed, *rest), replace(wish, thorough=False))
        if any(move.vm.instance_uuid == vm.instance_uuid for move in plan.moves):
            return Housing(_with(plan, vm), store.name)
        why = next((left for left in plan.unplaced if left.vm == vm.name), why)
    return Housing(Plan(unplaced=(why,)))


def _candidates(estate: Estate, vm: LiveVm, named: str) -> Iterable[LiveDatastore] | Unplaced:
    known = [store for store in estate.datastores.values() if store.vcenter == vm.vcenter and not store.removed]
    if named:
        found = [store for store in known if store.name == named]
        if not found:
            some = ", ".join(sorted(store.name for store in known)[:8]) or "none"
            en = f"there is no datastore {named} in {vm.vcenter}; known: {some}"
            return Unplaced(vm=vm.name, en=en, ja=f"{named} という名前のデータストアはない")
        if not found[0].accessible:
            return Unplaced(vm=vm.name, en=f"{named} is not accessible", ja=f"{named} はアクセス不可")
        return found
    others = [store for store in known if store.accessible and store.name not in vm.datastores]
    return sorted(others, key=lambda store: (-store.free_mb, store.name))[:TRIED]


def _with(plan: Plan, vm: LiveVm) -> Plan:
    """The plan with the VM as it is, not as it was supposed to be."""
    moves = [m.model_copy(update={"vm": vm}) if m.vm.instance_uuid == vm.instance_uuid else m for m in plan.moves]
    return plan.model_copy(update={"moves": tuple(moves)})
