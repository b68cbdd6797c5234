"""All verbs with their effectors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from actuators.assigning import Assign
from actuators.hosts.checking import SensorDiagnosis, TotalDiagnosis
from actuators.hosts.diagnosing import Diagnose
from actuators.hosts.stopping import Shutdown
from actuators.marking import Mark
from actuators.notify.log import LogNotice
from actuators.redfish.blades import Blades, Controller, FencePatience
from actuators.redfish.lamp import Lamp
from actuators.redfish.power import PowerOff, PowerOn, ProveOff
from actuators.rehearsal import Rehearsal
from actuators.vsphere import (
    awaiting,
    hosts,
    joining,
    maintenance,
    migrating,
    registering,
    restarting,
    starting,
    stopping,
    verifying,
)
from actuators.vsphere.compatibility import Compatibility
from actuators.vsphere.sessions import VCenters
from actuators.vsphere.tasks import TaskWatch
from actuators.vsphere.world import World
from engine.bus import outbox
from engine.bus.port import Bus
from engine.clients.ipmi import IpmiBmc
from engine.clients.offload import Offload
from engine.clients.redfish import Bmc, BmcAccount, Power, is_blade
from engine.clients.vsphere import Account
from engine.clients.vsphere_joining import HostLogin
from engine.clock import Clock
from engine.model.command import Called, Command, Sighting
from engine.model.errors import TobanError
from engine.model.estate import Standing

BMC_THREADS = 4
QUICK = 5.0
HARMLESS = frozenset(
    {
        "notify.log",
        "host.diagnose",
        "machine.prove_off",
        "machine.diagnose_sensors",
        "machine.diagnose_total",
        "vm.check_move",
        "start.gate",
    }
)
"""Verbs that a rehearsal carries out as they are: they change nothing in the datacenter."""


class Effector(Protocol):
    """Looks, acts once, follows."""

    async def look(self, command: Command, reference: str | None = None) -> Sighting:
        """Read only."""
        ...

    async def act(self, command: Command, called: Called) -> None:
        """One attempt."""
        ...

    async def follow(self, command: Command, reference: str) -> None:
        """Wait for what an earlier life began."""
        ...


@dataclass(frozen=True, slots=True)
class EffectorSettings:
    """Accounts, and where notices go."""

    vcenters: Mapping[str, Account]
    bmc: BmcAccount
    chassis: Mapping[str, BmcAccount]
    """Accounts of chassis that differ from `bmc`."""
    notices: Path
    fence: FencePatience
    hypervisor: HostLogin | None = None
    """The account of the hypervisors, by which a spare joins vCenter."""


class Effectors:
    """Owns logins and worker threads; `close` gives them back."""

    def __init__(self, settings: EffectorSettings, bus: Bus, clock: Clock) -> None:
        """Nothing is opened before it is needed."""
        self._settings = settings
        self._vcenters = VCenters(settings.vcenters, clock)
        self._bmcs = Offload("bmc", BMC_THREADS)
        world = World(self._vcenters, TaskWatch(self._vcenters, clock), clock)
        compatibility = Compatibility(world)
        moves = migrating.Migrate(world, compatibility)
        blades = Blades(self._open, self._bmcs, clock, settings.fence)
        self.armed: Mapping[str, Effector] = {
            "machine.power_off": PowerOff(blades),
            "machine.power_on": PowerOn(blades),
            "machine.prove_off": ProveOff(blades),
            "machine.diagnose_sensors": SensorDiagnosis(world, blades),
            "machine.diagnose_total": TotalDiagnosis(world, blades),
            "machine.identify": Lamp(blades),
            "machine.assign": Assign(bus, clock),
            "host.add": joining.Join(world, settings.hypervisor),
            "host.diagnose": Diagnose(world, blades),
            "host.enter_maintenance": maintenance.entering(world),
            "host.exit_maintenance": maintenance.exiting(world),
            "host.shutdown": Shutdown(world, blades),
            "host.await_connected": maintenance.AwaitConnected(world),
            "host.disconnect": hosts.disconnecting(world),
            "host.remove": hosts.removing(world),
            "vm.register": registering.Register(world),
            "vm.power_on": starting.PowerOn(world),
            "vm.restart": restarting.Restart(world),
            "vm.migrate": moves,
            "vm.relocate": moves,
            "vm.check_move": migrating.CheckMove(world, compatibility),
            "vm.suspend": stopping.Suspend(world),
            "vm.shutdown": stopping.Shutdown(world),
            "vm.verify": verifying.Verify(world),
            "vm.await_ha": verifying.AwaitHa(world),
            "vm.await_tools": awaiting.AwaitTools(world),
            "start.gate": awaiting.Gate(),
            "object.mark": Mark(bus, clock),
            "notify.log": LogNotice(settings.notices, clock, partial(outbox.put, bus)),
        }
        self.rehearsed: Mapping[str, Effector] = {
            verb: real if verb in HARMLESS else Rehearsal(real) for verb, real in self.armed.items()
        }

    def reader(self, url: str, system: str, chassis: str) -> Callable[[], Power]:
        """What reads one controller, each time over a fresh line; blocking."""
        return lambda: self._open(url, system, chassis).read()

    def _open(self, url: str, system: str, chassis: str) -> Controller:
        account = self._settings.chassis.get(chassis, self._settings.bmc)
        return IpmiBmc(url, account) if url.startswith("ipmi:") else Bmc(url, system, account)

    async def power_of(self, place: Standing) -> bool | None:
        """Whether a host's blade has power by its BMC's word, proven to be that blade; None if it cannot be said."""
        if place.slot is None or place.chassis is None:
            return None
        bmc = self._open(place.slot.bmc.url, place.slot.bmc.system, place.chassis.name)
        try:
            seen = await self._bmcs.call(bmc.read, deadline=QUICK)
        except TobanError:
            return None
        return seen.on if is_blade(seen, place.slot.serial, place.slot.uuid) else None

    def close(self) -> None:
        """Log out and let go."""
        self._vcenters.close()
