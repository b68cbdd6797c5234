"""Origins: which chassis or machine a serial number, address or system GUID belongs to; made from the estate."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlsplit

from engine.model import ids
from engine.model.estate import Site
from engine.model.ids import Kind


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Origins:
    """What the site declares about who can be behind a trap. A key that two parts share is in none of the tables."""

    chassis_by_serial: Mapping[str, str] = field(default_factory=_nothing)
    """Enclosure serial number, upper case, to chassis name."""
    chassis_by_address: Mapping[str, str] = field(default_factory=_nothing)
    """IP address of the chassis manager to chassis name."""
    machines_by_guid: Mapping[str, str] = field(default_factory=_nothing)
    """System GUID, lower case and dashed, to machine id (`machine:chassis1/3`)."""
    machines_by_serial: Mapping[str, str] = field(default_factory=_nothing)
    """Serial number of a blade, upper case, to machine id."""
    machines_by_address: Mapping[str, str] = field(default_factory=_nothing)
    """IP address of a BMC to machine id."""
    hosts: frozenset[str] = field(default_factory=frozenset)
    """Host definitions."""
    objects: frozenset[str] = field(default_factory=frozenset)
    """Object ids of every declared chassis, machine and host."""
    proxies: frozenset[str] = field(default_factory=frozenset)
    """Forwarders whose snmpTrapAddress is believed."""

    def known(self, address: str) -> bool:
        """Somebody declared lives at this address."""
        return address in self.chassis_by_address or address in self.machines_by_address or address in self.proxies


def declared(site: Site, proxies: Iterable[str] = ()) -> Origins:
    """The origins of a declared site."""
    slots = [(ids.machine_id(chassis.name, slot.slot), slot) for chassis in site.chassis for slot in chassis.slots]
    return Origins(
        chassis_by_serial=_unique((chassis.serial.strip().upper(), chassis.name) for chassis in site.chassis),
        chassis_by_address=_unique((chassis.address, chassis.name) for chassis in site.chassis),
        machines_by_guid=_unique((slot.uuid.lower(), machine) for machine, slot in slots),
        machines_by_serial=_unique((slot.serial.strip().upper(), machine) for machine, slot in slots),
        machines_by_address=_unique((urlsplit(slot.bmc.url).hostname or "", machine) for machine, slot in slots),
        hosts=frozenset(site.standings),
        objects=frozenset(
            [
                *(ids.object_id(Kind.CHASSIS, chassis.name) for chassis in site.chassis),
                *(machine for machine, _ in slots),
                *(place.id for place in site.standings.values()),
            ]
        ),
        proxies=frozenset(proxies),
    )


def _unique(pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    shared: set[str] = set()
    for key, name in pairs:
        if not key or found.setdefault(key, name) != name:
            shared.add(key)
    return MappingProxyType({key: name for key, name in found.items() if key not in shared})
