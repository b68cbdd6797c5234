"""SNMP v2c notifications as datagrams, encoded by pysnmp: for drills, never on the hot path."""

from collections.abc import Sequence

from pyasn1.codec.ber import encoder
from pysnmp.proto import api

UPTIME = "1.3.6.1.2.1.1.3.0"
TRAP_OID = "1.3.6.1.6.3.1.1.4.1.0"


def trap_v2c(community: bytes, trap: str, fields: Sequence[tuple[str, int | str]]) -> bytes:
    """An SNMPv2-Trap-PDU (RFC 3416 section 4.2.6) with these varbinds after sysUpTime and snmpTrapOID."""
    protocol = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]
    name = protocol.ObjectIdentifier
    varbinds = [(name(UPTIME), protocol.TimeTicks(0)), (name(TRAP_OID), name(trap))]
    for oid, value in fields:
        typed = protocol.Integer(value) if isinstance(value, int) else protocol.OctetString(value)
        varbinds.append((name(oid), typed))
    pdu = protocol.TrapPDU()
    protocol.apiTrapPDU.set_defaults(pdu)
    protocol.apiTrapPDU.set_varbinds(pdu, varbinds)
    message = protocol.Message()
    protocol.apiMessage.set_defaults(message)
    protocol.apiMessage.set_community(message, community)
    protocol.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))
