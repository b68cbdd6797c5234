"""What can come on a site: the event types that its trap maps, its vCenter table and Toban itself bring."""

from collectors.redfish import messages
from collectors.snmp import maps
from collectors.vsphere import alarms, mapping
from collectors.webhook import rules
from engine.model.catalogue import Catalogue

OWN = frozenset(
    {
        "host.load",
        "vm.load",
        "host.performance",
        "vm.performance",
        "host.unreachable",
        "source.silent",
        "source.ok",
        "bmc.unreachable",
        "bmc.reachable",
        "bmc.identity.wrong",
        "bmc.identity.right",
        "bmc.power.off",
        "bmc.power.on",
        "probe.down",
        "probe.up",
        "source.blind",
        "source.seeing",
        "trap.unmapped",
        "trap.repeated",
        "trap.dropped",
        "vcenter.unmapped",
        "vcenter.reverted",
        "vcenter.certificate.refused",
        "vcenter.login.refused",
    }
    | {"inventory.host", "inventory.vm", "inventory.datastore", "inventory.status", "inventory.assignment"}
)
"""Brought by the collectors' own observation, and by a person's mark."""


def emitted(catalogue: Catalogue) -> frozenset[str]:
    """Every type that something brings."""
    told = {name for name in catalogue.types if name.startswith("toban.")}
    table = {entry.type for entry in mapping.table().values()}
    table |= {kind for alarm in alarms.shipped().values() for kind in (alarm.red, alarm.yellow, alarm.green) if kind}
    posted = rules.types(rules.load(catalogue, ()), catalogue)
    controllers = {messages.RECEIVED, *messages.load(catalogue, ()).values()}
    return frozenset(OWN | told | table | maps.types(maps.shipped(catalogue)) | posted | controllers)
