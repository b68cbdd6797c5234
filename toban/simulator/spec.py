"""What datacenter to be: the estate file's hardware and its `simulation` block; our own reading, not the product's."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError


class SpecError(Exception):
    """The estate file cannot be simulated; the sentence says where and why."""


class _Loose(BaseModel):
    """Parts of the estate that only the product reads are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Bmc(_Loose):
    """Where a blade's management controller answers."""

    url: str
    system: str = "1"


class Slot(_Loose):
    """One blade."""

    slot: int
    serial: str
    uuid: str
    bmc: Bmc


class Chassis(_Loose):
    """One enclosure."""

    name: str
    serial: str
    slots: tuple[Slot, ...]


class Endpoint(_Loose):
    """A vCenter's address."""

    name: str
    url: str


class HostDefinition(_Loose):
    """Which blade a host runs on, and its name in vCenter if that differs."""

    name: str
    machine: str
    inventory_name: str | None = None


class Group(_Loose):
    """Hosts of one group."""

    hosts: tuple[HostDefinition, ...] = ()


class Category(_Loose):
    """Groups of one category."""

    groups: tuple[Group, ...] = ()


class User(_Strict):
    """A login of the vCenter."""

    user: str
    password: str


class VCenter(_Strict):
    """How the vCenter behaves."""

    name: str = "vc1"
    datacenter: str = "dc1"
    cluster: str = "cluster"
    ha: bool = False
    ha_restart_after: float = 5.0
    detect_after: float = 60.0
    """Seconds without a heartbeat until a host is called notResponding."""
    return_after: float = 1.0
    boot_after: float = 3.0
    """Seconds from power on until a host answers again."""
    shutdown_after: float = 2.0
    """Seconds from an accepted shutdown until the blade's power is gone."""
    asks_moved: tuple[str, ...] = ()
    """VMs whose first start after a registration asks whether they were moved or copied."""
    first_event_key: int = Field(default=1, ge=-(2**31), lt=2**31)
    """Keys of events are int32, count on from here and wrap around."""
    merges_bursts: bool = False
    """Of more than 30 identical events within 30 s the rest is shown to live collectors only, never to queries."""
    samples_every: float = Field(default=20.0, gt=0)
    """Seconds between two samples of performance; on the wire each stands for 20 s."""
    most_metrics: int = 10_000
    """How many statistics one query may ask for."""
    users: tuple[User, ...]


class BmcAccount(_Strict):
    """The login of every BMC."""

    user: str
    password: str


class Snmp(_Strict):
    """Where traps go."""

    version: str = "v2c"
    community: str = "public"
    target: str


class TaskSeconds(_Strict):
    """How long tasks take."""

    power: float = 0.5
    relocate: float = 3.0
    check: float = 0.1
    """A move that is only checked."""
    register_vm: float = Field(default=0.5, alias="register")
    disconnect: float = 0.5
    remove: float = 0.5
    maintenance: float = 1.0
    shutdown: float = 0.3


class DatastoreSpec(_Strict):
    """One datastore and who mounts it."""

    name: str
    shared: bool = True
    capacity_gb: int = 1000
    hosts: tuple[str, ...]


class HostSpec(_Strict):
    """The machine behind a host definition."""

    name: str
    cores: int = 8
    mhz: int = 2500
    memory_mb: int = 65536
    machine: str | None = None
    """The blade, where no host definition says it: a spare."""
    thumbprint: str = ""
    """Of its certificate; only who knows it may add the host to a vCenter."""
    joined: bool = True
    """VCenter has it in its inventory when the datacenter begins."""
    answers: str | None = None
    """ADDRESS:PORT at which its hypervisor accepts connections while it can be reached."""
    on: bool = True
    vmotion: bool = True
    """A VMkernel port serves vMotion."""
    vmotion_licensed: bool = True
    vmotion_address: str | None = None
    """Of that port, such as 10.1.0.11/24; hosts without one count as being on one LAN with everybody."""
    networks: tuple[str, ...] = ("VM Network",)
    """Port groups."""
    newest_hardware: int = 21
    """The newest VM hardware version that it can run."""
    cpu: int = 1
    """Generation of its CPU; a VM with a running state goes to no older one than that where it was started."""


class VmSpec(_Strict):
    """One VM and its load."""

    name: str
    host: str
    datastore: str
    cpus: int = 2
    memory_mb: int = 4096
    demand_mhz: int = 500
    on: bool = True
    disk_gb: int = 20
    tools_after: float | None = 0.0
    """Seconds from its start until its guest tools run; null: they never do."""
    network: str = "VM Network"
    hardware: int = 19
    """VM hardware version."""


class Simulation(_Strict):
    """The `simulation` block."""

    seed: int = 1
    vcenter: VCenter
    bmc: BmcAccount
    hypervisor: BmcAccount | None = None
    """The login of every hypervisor."""
    snmp: Snmp
    task_seconds: TaskSeconds = TaskSeconds()
    datastores: tuple[DatastoreSpec, ...]
    hosts: tuple[HostSpec, ...]
    vms: tuple[VmSpec, ...] = ()


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class Spec(_Loose):
    """Everything the datacenter is built from."""

    vcenters: Annotated[tuple[Endpoint, ...], BeforeValidator(_plain)]
    chassis: tuple[Chassis, ...]
    categories: tuple[Category, ...]
    simulation: Simulation

    def machine_of(self, host: str) -> str:
        """`chassis1/1` for a host's name in vCenter; raises SpecError for a host that the estate does not define."""
        for category in self.categories:
            for group in category.groups:
                for one in group.hosts:
                    if host in (one.name, one.inventory_name):
                        return one.machine
        msg = f"the simulated host {host} is no host definition of the estate"
        raise SpecError(msg)


def read(path: Path) -> Spec:
    """Read an estate file; raises `SpecError` with one sentence."""
    try:
        document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        return Spec.model_validate(document)
    except OSError as error:
        msg = f"cannot read {path}: {error.strerror}"
        raise SpecError(msg) from error
    except YAMLError as error:
        first = str(error).splitlines()[0]
        msg = f"{path} is not YAML: {first}"
        raise SpecError(msg) from error
    except ValidationError as error:
        first_error = error.errors()[0]
        where = ".".join(str(part) for part in first_error["loc"])
        msg = f"{path}: {where}: {first_error['msg']}"
        raise SpecError(msg) from error
