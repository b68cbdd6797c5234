"""Hardware as the site declares it: enclosures, the blades in their slots, and what runs and answers on each."""

from pydantic import BaseModel, ConfigDict, Field

from engine.model.scalars import Whole


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Bmc(_Part):
    """Where a blade's management controller answers."""

    url: str = Field(pattern=r"^(https|ipmi)://[^\s/]+$")
    """`https://` speaks Redfish, `ipmi://` IPMI 2.0. A chassis manager has one address for all its blades."""
    system: str = "1"
    """Id below /redfish/v1/Systems; IPMI has none."""


class Hypervisor(_Part):
    """The hypervisor that is installed on a blade: what a spare joins vCenter as."""

    name: str = Field(min_length=1, pattern=r"^[^\s/:]+$")
    """The address under which vCenter reaches it, and so its name in vCenter's inventory."""
    thumbprint: str = Field(pattern=r"^[0-9A-F]{2}(:[0-9A-F]{2}){19,31}$")
    """Of its certificate, `AB:CD:...`: vCenter gives its password to no other machine."""


class Slot(_Part):
    """A chassis slot and the blade that belongs in it: identity is proven against serial and uuid (safety rule S6)."""

    slot: Whole = Field(ge=1, le=64)
    serial: str
    uuid: str
    bmc: Bmc
    model: str | None = None
    """What kind of machine it is; only a blade whose model is declared can be registered for another host."""
    hypervisor: Hypervisor | None = None
    """Needed of a spare that is to join vCenter by itself."""


class Chassis(_Part):
    """A blade enclosure."""

    name: str
    vendor: str
    serial: str
    address: str
    slots: tuple[Slot, ...]
