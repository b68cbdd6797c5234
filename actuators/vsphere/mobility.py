"""When a VM cannot move: every condition by its code, and vCenter's own findings in our words; pure.

The numbers are the original's conditions of a migration (SigmaSystemCenter Reference Guide,
Virtual_Conditions-VM-Mobility; domain.md 2.3). Its (3) is Hyper-V's and has no counterpart; (9), another vCenter, shows
here as a target that is not in the inventory; (10), the placement rules, is judged where the target is chosen
(engine/placement).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from engine.clients.vsphere_moving import Around, Disks, Finding, Store, Verdict
from engine.clients.vsphere_reading import HostFacts, VmFacts

OFF = ("poweredOff", "standBy")
SHOWN = 5
"""Names that one sentence lists."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A VM on its way from one host to another."""

    vm: VmFacts
    source: HostFacts
    target: HostFacts
    must_run: bool = False
    """The move is planned for a VM that runs."""
    rests: str = ""
    """The power state into which it is put before it moves, where it runs until then: poweredOff or suspended."""
    carries: str = ""
    """The datastore that its disks go to; empty: they stay where they are."""
    store: Store | None = None
    """That datastore, if the target mounts it."""
    disks: Disks | None = None
    around: Around | None = None

    @property
    def awake(self) -> bool:
        """It moves while it runs."""
        return self.vm.power == "poweredOn" and not self.rests

    @property
    def hot(self) -> bool:
        """It goes to another host while it runs."""
        return self.awake and self.source.ref != self.target.ref


Condition = Callable[[Passage], str | None]
"""A sentence that says why the move cannot be made, or None."""


def _not_running(p: Passage) -> str | None:
    wrong = p.must_run and p.vm.power != "poweredOn"
    return f"{p.vm.name} is {p.vm.power}; only a running VM is migrated hot" if wrong else None


def _unseen(p: Passage) -> str | None:
    return f"{p.vm.name} is {p.vm.connection}" if p.vm.connection != "connected" else None


def _asks(p: Passage) -> str | None:
    return f"{p.vm.name} waits for an answer" if p.vm.question is not None else None


def _source_away(p: Passage) -> str | None:
    return None if p.source.connected else f"the source {p.source.name} is {p.source.connection}"


def _source_off(p: Passage) -> str | None:
    return f"the source {p.source.name} is {p.source.power}" if p.source.power in OFF else None


def _target_away(p: Passage) -> str | None:
    return None if p.target.connected else f"the target {p.target.name} is {p.target.connection}"


def _target_off(p: Passage) -> str | None:
    return f"the target {p.target.name} is {p.target.power}" if p.target.power in OFF else None


def _target_idle(p: Passage) -> str | None:
    said = f"the target {p.target.name} is in maintenance mode, or vCenter does not say"
    return None if p.target.in_service else said


def _source_vmotion(p: Passage) -> str | None:
    return f"VMotion is off at {p.source.name}" if p.hot and p.source.vmotion is False else None


def _target_vmotion(p: Passage) -> str | None:
    return f"VMotion is off at {p.target.name}" if p.hot and p.target.vmotion is False else None


def _network(p: Passage) -> str | None:
    if p.vm.networks is None or p.target.networks is None or p.vm.networks <= p.target.networks:
        return None
    return f"{p.target.name} lacks the network {_named(p, p.vm.networks - p.target.networks)} of {p.vm.name}"


def _datastore_unknown(p: Passage) -> str | None:
    return None if p.vm.datastores or p.carries else f"the datastores of {p.vm.name} cannot be read"


def _datastore(p: Passage) -> str | None:
    lacking = p.vm.datastores - p.target.datastores
    if p.carries or not lacking:
        return None
    return f"{p.target.name} does not mount every datastore of {p.vm.name}: it lacks {_named(p, lacking)}"


def _store_absent(p: Passage) -> str | None:
    return f"{p.target.name} mounts no datastore {p.carries}" if p.carries and p.store is None else None


def _store_closed(p: Passage) -> str | None:
    if p.store is None or (p.store.accessible and p.store.mode == "normal"):
        return None
    return f"the datastore {p.store.name} is {p.store.mode if p.store.accessible else 'not accessible'}"


def _store_full(p: Passage) -> str | None:
    if p.store is None or p.disks is None or p.store.free is None or p.disks.committed is None:
        return None
    if p.disks.stores == {p.store.ref} or p.disks.committed <= p.store.free:
        return None
    needs, has = p.disks.committed // 2**20, p.store.free // 2**20
    return f"{p.vm.name} takes {needs} MB, {p.store.name} has {has} MB free"


def _datacenter(p: Passage) -> str | None:
    here = p.around.source_center if p.around is not None else None
    there = p.around.target_center if p.around is not None else None
    if here is None or there is None or here[0] == there[0]:
        return None
    return f"{p.source.name} is in the datacenter {here[1]}, {p.target.name} in {there[1]}"


def _named(p: Passage, refs: Iterable[str]) -> str:
    names = sorted(p.around.names.get(ref, ref) if p.around is not None else ref for ref in refs)
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


CONDITIONS: Mapping[str, Condition] = {
    "vm.not-running": _not_running,
    "vm.unseen": _unseen,
    "vm.asks": _asks,
    "source.out-of-reach": _source_away,  # (6)
    "source.off": _source_off,  # (6)
    "target.out-of-reach": _target_away,  # (7)
    "target.off": _target_off,  # (7)
    "target.maintenance": _target_idle,
    "vmotion.source": _source_vmotion,  # (2)
    "vmotion.target": _target_vmotion,  # (2)
    "datastore.unknown": _datastore_unknown,
    "datastore.not-shared": _datastore,  # (5)
    "store.absent": _store_absent,
    "store.closed": _store_closed,
    "store.full": _store_full,
    "network.missing": _network,  # (4)
    "datacenter.differs": _datacenter,  # (8)
}
"""What the records alone say."""


def refusals(passage: Passage) -> list[str]:
    """Why the move cannot be made, in words; empty: nothing that the records say is against it."""
    told = (condition(passage) for condition in CONDITIONS.values())
    return [sentence for sentence in told if sentence is not None]


def lans_differ(passage: Passage) -> str | None:
    """The hosts' vMotion addresses lie in different networks (2).

    Asked only where vCenter's own check is not to be had: vMotion may be routed since vSphere 6.0, and only vCenter
    knows.
    """
    around = passage.around
    if not passage.hot or around is None or around.source_lan is None or around.target_lan is None:
        return None
    if around.source_lan == around.target_lan:
        return None
    where = f"{passage.source.name} in {around.source_lan}, {passage.target.name} in {around.target_lan}"
    return f"the vMotion addresses are not on one LAN: {where}"


AT_REST = ("VMotion", "MigrationFeatureNotSupported")
"""How findings begin that say nothing about a VM that does not run while it moves."""
CPU = ("CpuIncompatible", "FeatureRequirementsNotMet")
"""Findings about a CPU that counts only for a VM with a running state, suspended ones included."""
WORDS: Mapping[str, str] = {
    "VMotionNotLicensed": "vMotion is not licensed",  # (1)
    "VMotionNotConfigured": "no VMkernel port for vMotion",  # (2)
    "VMotionNotSupported": "vMotion is not supported",  # (2)
    "VMotionLinkDown": "the vMotion network is down or does not connect the hosts",  # (2)
    "CannotAccessNetwork": "a network is missing at the target",  # (4)
    "CannotAccessVmDisk": "a disk cannot be reached from the target",  # (5)
    "InvalidDatastore": "a datastore cannot be used at the target",  # (5)
    "InaccessibleDatastore": "a datastore cannot be used at the target",  # (5)
    "HostNotConnected": "a host is not connected",  # (6, 7)
    "InvalidHostState": "a host is in no state to take it",  # (7)
    "DatacenterMismatch": "the hosts are in different datacenters",  # (8)
    "VirtualHardwareVersionNotSupported": "the target is too old for the VM's hardware version",
    "CpuIncompatible": "the target's CPU lacks what the VM uses (EVC)",
    "FeatureRequirementsNotMet": "the target's CPU lacks what the VM uses (EVC)",
    "NoDiskSpace": "the datastore has no room",
    "InsufficientStorageSpace": "the datastore has no room",
}
"""VMware's fault types as reasons."""


def counts(finding: Finding, passage: Passage) -> bool:
    """Whether a finding of vCenter's is about the way in which this VM will move."""
    if passage.awake:
        return True
    if finding.fault.startswith(AT_REST):
        return False
    moves_off = "poweredOff" in (passage.vm.power, passage.rests)
    return not (moves_off and finding.fault.startswith(CPU))


def found(verdict: Verdict, passage: Passage) -> list[str]:
    """What vCenter's own check has against the move, in words."""
    return [told(one) for one in verdict.errors if counts(one, passage)]


def told(finding: Finding) -> str:
    """One finding: our word for it, then vCenter's."""
    kind = "CpuIncompatible" if finding.fault.startswith("CpuIncompatible") else finding.fault
    words = WORDS.get(kind)
    return f"{words} ({finding.text})" if words is not None else f"vCenter says: {finding.text} ({finding.fault})"
