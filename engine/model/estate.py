"""Estate: what the site declares (estate.yaml) and the live picture joined with vCenter's inventory."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from engine.model import ids
from engine.model.hardware import Chassis, Slot
from engine.model.ids import Kind, ObjectId
from engine.model.placement import Placement
from engine.model.scalars import Whole

NO_MACHINE = "released/0"
"""The machine of a host definition that has none."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Vcenter(_Part):
    """A vCenter server."""

    name: str
    url: str = Field(pattern=r"^https://[^\s]+/sdk$")


class Model(_Part):
    """What a machine must be to serve as a host of this model."""

    name: str
    category: str
    cpu_mhz: Whole = Field(gt=0)
    memory_mb: Whole = Field(gt=0)


class HostDefinition(_Part):
    """A logical server; `machine` is the master machine registered for it, `chassis/slot`."""

    name: str
    model: str
    machine: str = Field(default=NO_MACHINE, pattern=r"^[^/\s]+/[0-9]+$")
    """Left out: none yet; a free blade takes the place when the group is scaled out."""
    vcenter: str
    inventory_name: str | None = None
    """Name in vCenter where it differs."""
    capacity: Whole | None = Field(default=None, ge=1, le=1_000_000)
    """What it is worth where its group's placement has a `capacity`; left out: what the group says."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Words of the site's own, such as `rack: a3`; a policy's scope may ask for them."""


class Group(_Part):
    """An operation group: the unit that policies are scoped to."""

    name: str
    hosts: tuple[HostDefinition, ...]
    placement: Placement = Placement()
    """Rules that every placement of its VMs keeps to."""
    pool: tuple[str, ...] = ()
    """Blades that are kept for this group, `chassis1/3`; free blades in no pool are common."""


class Category(_Part):
    """A folder of groups."""

    name: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a host definition stands in the estate."""

    host: HostDefinition
    group: str
    category: str
    chassis: Chassis | None
    slot: Slot | None

    @property
    def id(self) -> ObjectId:
        """`host:esx1`."""
        return ids.object_id(Kind.HOST, self.host.name)

    @property
    def machine(self) -> ObjectId:
        """`machine:chassis1/1`."""
        return ids.object_id(Kind.MACHINE, self.host.machine)

    @property
    def inventory_name(self) -> str:
        """The host's name in vCenter: as the hypervisor on its blade calls itself, where the estate says that."""
        if self.slot is not None and self.slot.hypervisor is not None:
            return self.slot.hypervisor.name
        return self.host.inventory_name or self.host.name


class Site(_Part):
    """The declared estate: estate.yaml without its simulation block."""

    vcenters: tuple[Vcenter, ...] = ()
    chassis: tuple[Chassis, ...] = ()
    models: tuple[Model, ...] = ()
    categories: tuple[Category, ...] = ()

    @cached_property
    def standings(self) -> dict[str, Standing]:
        """Every host definition by name, with its group and the slot of its master machine."""
        slots = {f"{chassis.name}/{slot.slot}": (chassis, slot) for chassis in self.chassis for slot in chassis.slots}
        found: dict[str, Standing] = {}
        for category in self.categories:
            for group in category.groups:
                for host in group.hosts:
                    chassis, slot = slots.get(host.machine, (None, None))
                    found[host.name] = Standing(host, group.name, category.name, chassis, slot)
        return found

    @cached_property
    def placements(self) -> dict[str, Placement]:
        """The placement rules of each group."""
        return {group.name: group.placement for category in self.categories for group in category.groups}

    @cached_property
    def by_machine(self) -> dict[str, str]:
        """Host definition by the master machine registered for it, `chassis1/3`."""
        return {place.host.machine: name for name, place in self.standings.items() if place.host.machine != NO_MACHINE}

    @cached_property
    def by_hypervisor(self) -> dict[str, str]:
        """Host definition by the name of the hypervisor on the blade that serves it."""
        slots = ((name, place.slot) for name, place in self.standings.items() if place.slot is not None)
        return {slot.hypervisor.name: name for name, slot in slots if slot.hypervisor is not None}

    @cached_property
    def by_inventory(self) -> dict[tuple[str, str], str]:
        """Host definition by (vCenter, name in its inventory)."""
        return {(place.host.vcenter, place.inventory_name): name for name, place in self.standings.items()}


class Power(StrEnum):
    """Power as somebody reports it; an unknown word is UNKNOWN, never OFF."""

    ON = "on"
    OFF = "off"
    SUSPENDED = "suspended"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> "Power":
        return cls.UNKNOWN


class Connection(StrEnum):
    """How vCenter sees a host or VM."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    NOT_RESPONDING = "not_responding"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> "Connection":
        return cls.UNKNOWN


class LiveHost(_Part):
    """A host as vCenter shows it (data of an `inventory.host` event)."""

    name: str
    """Inventory name."""
    ref: str
    """Managed object id; dies with re-registration."""
    vcenter: str
    uuid: str
    """hardware.systemInfo.uuid."""
    connection: Connection
    power: Power
    maintenance: bool
    cluster: str | None = None
    cluster_ref: str | None = None
    pool_ref: str | None = None
    """Root resource pool of its compute resource."""
    ha: bool = False
    """vSphere HA is enabled on its cluster."""
    cpu_mhz: int
    """Capacity: cores x MHz."""
    memory_mb: int
    cpu_used_mhz: int = 0
    memory_used_mb: int = 0
    datastores: tuple[str, ...] = ()
    """Names of datastores that it mounts."""
    removed: bool = False


class LiveVm(_Part):
    """A VM as vCenter shows it (data of an `inventory.vm` event)."""

    name: str
    ref: str
    vcenter: str
    instance_uuid: str
    host: str | None
    """Inventory name of the host that it is registered on."""
    power: Power
    connection: Connection
    template: bool = False
    path: str
    """vmPathName: `[san1] VM-01/VM-01.vmx`."""
    datastores: tuple[str, ...]
    folder_ref: str | None = None
    pool_ref: str | None = None
    cpus: int
    memory_mb: int
    cpu_used_mhz: int = 0
    ha_protected: bool | None = None
    """runtime.dasVmProtection.dasProtected; None where vSphere HA is off."""
    change_version: str = ""
    removed: bool = False


class LiveDatastore(_Part):
    """A datastore as vCenter shows it (data of an `inventory.datastore` event)."""

    name: str
    ref: str
    vcenter: str
    url: str
    accessible: bool
    shared: bool
    """Mounted by more than one host."""
    capacity_mb: int
    free_mb: int
    hosts: tuple[str, ...]
    used_percent: float = 0.0
    removed: bool = False


def _by_name(vms: dict[str, LiveVm]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for uuid, vm in vms.items():
        found[vm.name] = (*found.get(vm.name, ()), uuid)
    return found


class Estate(BaseModel):
    """The live picture at one moment. Keys are object names: host definitions' own, VM names, datastore names."""

    model_config = ConfigDict(frozen=True)

    site: Site
    hosts: dict[str, LiveHost] = Field(default_factory=dict)
    """By host definition name."""
    vms: dict[str, LiveVm] = Field(default_factory=dict)
    """By instance_uuid."""
    named: dict[str, tuple[str, ...]] = Field(default_factory=lambda data: _by_name(data["vms"]))
    """instance_uuids by VM name: an index over `vms` that the projection keeps."""
    datastores: dict[str, LiveDatastore] = Field(default_factory=dict)
    ran: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """By host that vCenter has lost: instance_uuids of the VMs that ran there while it was last connected."""
    statuses: dict[str, str] = Field(default_factory=dict)
    """By object id: its hardware status, `faulted` or `degraded`; absent: ready."""
    _records: tuple[object, dict[tuple[str, str], list[LiveVm]]] = PrivateAttr(default=(None, {}))

    def records(self, vcenter: str, inventory_name: str) -> tuple[LiveVm, ...]:
        """VMs registered on a host, templates too; by an index that is made once per state of `vms`."""
        source, index = self._records
        if source is not self.vms:
            index = {}
            for vm in self.vms.values():
                if vm.host is not None:
                    index.setdefault((vm.vcenter, vm.host), []).append(vm)
            self._records = (self.vms, index)
        return tuple(index.get((vcenter, inventory_name), ()))
