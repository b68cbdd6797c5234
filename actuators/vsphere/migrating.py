"""vm.migrate, vm.relocate: a VM changes hosts, datastores or both, running or at rest; vm.check_move only asks.

Every refusal that can be read is told beforehand.
"""

from dataclasses import dataclass
from typing import Self

from pydantic import JsonValue

from actuators import parameters
from actuators.vsphere import mobility
from actuators.vsphere.compatibility import Compatibility
from actuators.vsphere.mobility import Passage
from actuators.vsphere.trails import About
from actuators.vsphere.world import Looking, World, refused, unknown
from engine.clients import vsphere_moving, vsphere_orders, vsphere_reading
from engine.clients.vsphere import Session
from engine.clients.vsphere_moving import Around, Disks, Journey, Store
from engine.clients.vsphere_reading import HostFacts, VmFacts
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Permanent, Refused

POWERS = ("poweredOn", "poweredOff", "suspended")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The move that was planned."""

    name: str
    source: str
    target: str
    """The same host again where only the disks move."""
    cold: bool = False
    """The VM need not run: it was off when this was planned. If it runs by now it moves hot: the end is the same."""
    rests: str = ""
    """The power state into which it is put for the move."""
    datastore: str = ""
    """Where its disks go; empty: they stay."""

    @classmethod
    def of(cls, command: Command) -> Self:
        """As the command has it."""
        name, source, target = (parameters.text(command, part) for part in ("name", "source", "target"))
        rests, datastore = (parameters.optional(command, part) or "" for part in ("rests", "datastore"))
        return cls(name, source, target, command.parameters.get("cold") is True, rests, datastore)


@dataclass(frozen=True, slots=True)
class Found:
    """What the records say."""

    vm: VmFacts | None
    target: HostFacts | None
    around: Around | None = None
    store: Store | None = None
    disks: Disks | None = None

    def passage(self, wanted: Wanted) -> Passage | None:
        """The move itself; None where one of its ends is not known."""
        vm, target = self.vm, self.target
        if vm is None or vm.host is None or target is None:
            return None
        must_run = not (wanted.cold or wanted.rests)
        return Passage(
            vm,
            vm.host,
            target,
            must_run=must_run,
            rests=wanted.rests,
            carries=wanted.datastore,
            store=self.store,
            disks=self.disks,
            around=self.around,
        )

    def is_housed(self, wanted: Wanted) -> bool:
        """Its disks and its own files lie where they are wanted."""
        if not wanted.datastore:
            return True
        if self.vm is None or self.store is None or self.disks is None:
            return False
        return self.vm.path.startswith(f"[{wanted.datastore}] ") and self.disks.stores <= {self.store.ref}


def judge(found: Found, wanted: Wanted) -> Sighting:
    """What the records allow; pure."""
    vm = found.vm
    if vm is None or vm.host is None:
        return unknown(f"{wanted.name} has no readable record")
    if vm.host.name == wanted.target and found.is_housed(wanted):
        return _arrived(vm, vm.host, wanted)
    if vm.host.name not in (wanted.source, wanted.target if wanted.datastore else wanted.source):
        return refused(f"{wanted.name} is at {vm.host.name} by now, not at {wanted.source}; the plan is out of date")
    if vm.power not in POWERS:
        return unknown(f"{wanted.name} is {vm.power} at {wanted.source}")
    passage = found.passage(wanted)
    gone = [f"the target {wanted.target} is not in the inventory of this vCenter"]
    reasons = gone if passage is None else mobility.refusals(passage)
    if reasons:
        return refused("; ".join(reasons))
    facts: dict[str, JsonValue] = {"host": vm.host.name, "power": vm.power, "boot_time": vm.boot_time}
    where = f" on {wanted.datastore}" if wanted.datastore else ""
    return Sighting(State.READY, f"{wanted.name} {_is(vm)} at {vm.host.name} and fits at {wanted.target}{where}", facts)


def _is(vm: VmFacts) -> str:
    return "runs" if vm.power == "poweredOn" else f"is {vm.power}"


def _arrived(vm: VmFacts, target: HostFacts, wanted: Wanted) -> Sighting:
    settled = vm.power in POWERS and vm.connection == "connected" and target.connected
    if not (settled if wanted.cold else vm.runs):
        return unknown(f"{vm.name} is at {target.name}, but {vm.power} and {vm.connection}")
    facts: dict[str, JsonValue] = {"host": target.name, "power": vm.power, "boot_time": vm.boot_time}
    if wanted.datastore:
        facts["datastore"] = wanted.datastore
    where = f" on {wanted.datastore}" if wanted.datastore else ""
    return Sighting(State.REACHED, f"{vm.name} {_is(vm)} at {target.name}{where}", facts)


class Moving(Looking):
    """What moving a VM and only asking about it have in common."""

    def __init__(self, world: World, compatibility: Compatibility) -> None:
        """The world is handed in, and who asks vCenter about a move beforehand."""
        super().__init__(world)
        self._compatibility = compatibility

    async def _find(self, command: Command) -> Found:
        uuid, target_uuid = parameters.text(command, "instance_uuid"), parameters.text(command, "target_uuid")
        datastore = parameters.optional(command, "datastore")

        def read(session: Session) -> Found:
            vm = vsphere_reading.vm_by_uuid(session, uuid)
            target = vsphere_reading.host_by_uuid(session, target_uuid)
            if vm is None or vm.host is None or target is None:
                return Found(vm, target)
            around = vsphere_moving.around(session, vm, target) if vm.host.ref != target.ref else None
            if datastore is None:
                return Found(vm, target, around)
            store, disks = vsphere_moving.store(session, target, datastore), vsphere_moving.disks(session, vm.ref)
            return Found(vm, target, around, store, disks)

        return await self._world.ask(command, read)

    async def _see(self, command: Command) -> Sighting:
        found, wanted = await self._find(command), Wanted.of(command)
        seen, passage = judge(found, wanted), found.passage(wanted)
        if seen.state is not State.READY or passage is None:
            return seen
        said = await self._compatibility.judge(command, _journey(passage), passage)
        if said.reasons:
            return refused("; ".join(said.reasons))
        return Sighting(State.READY, f"{seen.detail}; {said.note}" if said.note else seen.detail, seen.facts)


def _journey(passage: Passage) -> Journey:
    power = passage.rests if passage.rests and passage.vm.power == "poweredOn" else None
    store = passage.store.ref if passage.store is not None else None
    return Journey(passage.vm.ref, passage.target.ref, passage.target.pool_ref, store, power)


class Migrate(Moving):
    """RelocateVM_Task with host and pool; with a datastore where the command names one, otherwise the disks stay."""

    async def act(self, command: Command, called: Called) -> None:
        """Raises Permanent if vCenter refuses, or if the VM was restarted on its way."""
        passage = (await self._find(command)).passage(Wanted.of(command))
        if passage is None or (passage.carries and passage.store is None):
            msg = f"{parameters.text(command, 'name')}, its target or its datastore left the inventory"
            raise Permanent(msg)
        vm, journey = passage.vm, _journey(passage)
        about = About("VirtualMachine", vm.ref, ("relocate", "migrate"))
        reference = await self._world.order(command, called, lambda s: vsphere_orders.relocate(s, journey), about)
        await self._world.finish(command, reference)
        after = (await self._find(command)).vm
        if vm.power == "poweredOn" and after is not None and after.boot_time != vm.boot_time:
            msg = f"{vm.name} was restarted on its way (it started at {after.boot_time}, before at {vm.boot_time})"
            raise Permanent(msg)


class CheckMove(Moving):
    """Only looks, before a VM is put to rest for a move: a move that would be refused costs it nothing then."""

    async def _see(self, command: Command) -> Sighting:
        seen = await super()._see(command)
        return Sighting(State.REACHED, seen.detail, seen.facts) if seen.state is State.READY else seen

    async def act(self, command: Command, called: Called) -> None:  # noqa: ARG002  the port's shape
        """Never: there is nothing to do."""
        msg = f"{command.verb} only looks"
        raise Refused(msg)
