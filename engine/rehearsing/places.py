"""The estate of a scenario in compact form: hosts with their VMs, chassis by chassis."""

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field, field_validator, model_validator

from engine.model.pattern import Part


class Vm(Part):
    """A VM of the scenario's estate."""

    name: str
    """Its name; a name alone is enough for a VM."""
    on: str = "shared"
    """Where its files are: `shared`, on the datastore of all hosts; `local`, on its host's own disk; or a name."""
    power: Literal["on", "off"] = "on"
    """Whether it runs."""
    cpu_mhz: int = Field(default=1000, ge=0)
    """What it uses."""
    memory_mb: int = Field(default=4096, gt=0)
    """What it uses."""
    ha: bool = False
    """Whether vSphere HA protects it."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value


class Host(Part):
    """A host of the scenario's estate: the blade in the slot of its place in the list."""

    group: str | None = None
    """Another group than the estate's."""
    vms: tuple[Vm, ...] = ()
    """The VMs on it."""
    maintenance: bool = False
    """Whether it is in maintenance."""
    connected: bool = True
    """Whether vCenter reaches it."""
    power: Literal["on", "off"] = "on"
    """`off`: it is shut down, so nobody reaches it."""
    status: Literal["ready", "faulted", "degraded"] = "ready"
    """Its hardware status."""
    ha: bool = False
    """Whether vSphere HA is on in its cluster."""
    chassis: str | None = None
    """Another chassis than the one that its place in the list gives."""
    labels: dict[str, str] = Field(default_factory=dict)
    """What its definition carries, for `scope: {labels}`."""
    cpu_mhz: int = Field(default=20000, gt=0)
    """What it has."""
    cpu_used_mhz: int = Field(default=2500, ge=0)
    """What is used of it."""
    memory_mb: int = Field(default=65536, gt=0)
    """What it has."""


class Place(Part):
    """The scenario's estate: blades in chassis1, chassis2, ... in this order, all on one shared datastore `san1`.

    `esx[1-40]: {vms: [VM-#]}` writes forty hosts, esx1 with VM-1 to esx40 with VM-40.
    """

    group: str = "esx"
    """The group of all hosts that name no other."""
    category: str = "tutorial"
    """The category of the group."""
    hosts: dict[str, Host] = Field(min_length=1, max_length=200)
    """By name."""
    per_chassis: int = Field(default=16, ge=1, le=64)
    """Blades in each chassis."""
    spares: int = Field(default=0, ge=0, le=16)
    """Blades behind the last host's that serve as no host."""
    datastores: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Further shared datastores, and the hosts that mount each."""

    @field_validator("hosts", mode="before")
    @classmethod
    def _written_out(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        return dict(pair for name, host in value.items() for pair in _hosts(str(name), host))

    @model_validator(mode="after")
    def _known_names(self) -> "Place":
        for name, host in self.hosts.items():
            for vm in host.vms:
                if vm.on not in ("shared", "local") and name not in self.datastores.get(vm.on, ()):
                    msg = f"{vm.name} is on {vm.on!r}, which {name} does not mount; write it under datastores"
                    raise ValueError(msg)
        strangers = {name for seers in self.datastores.values() for name in seers} - set(self.hosts)
        if strangers:
            msg = f"a datastore is mounted by {min(strangers)}, which is no host of this estate"
            raise ValueError(msg)
        return self


def _hosts(name: str, host: object) -> Iterator[tuple[str, object]]:
    """`esx[1-3]` is three hosts; `#` in the names of their VMs stands for the number."""
    head, bracket, rest = name.partition("[")
    if not bracket:
        yield name, host
        return
    span, closed, tail = rest.partition("]")
    begin, _, end = span.partition("-")
    if not (closed and begin.isdigit() and end.isdigit() and 0 <= int(end) - int(begin) < 200):
        msg = f"{name!r} is no range of hosts; write for example esx[1-40]"
        raise ValueError(msg)
    for number in range(int(begin), int(end) + 1):
        yield f"{head}{number}{tail}", _numbered(host, number)


def _numbered(value: object, number: int) -> object:
    if isinstance(value, str):
        return value.replace("#", str(number))
    if isinstance(value, Mapping):
        return {key: _numbered(one, number) for key, one in value.items()}
    return [_numbered(one, number) for one in value] if isinstance(value, list | tuple) else value


TUTORIAL = Place.model_validate({"hosts": {"esx1": {"vms": ["VM-01", "VM-02"]}, "esx2": {"vms": ["VM-03"]}}})
"""The estate of a scenario that states none."""
