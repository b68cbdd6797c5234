"""What others read in the same octets: pysnmp's decoder, and beside it our own reading in the same words."""

from pyasn1.codec.ber import decoder
from pyasn1.type import univ
from pysnmp.proto import api
from pysnmp.proto.mpmod import rfc3412

EXCEPTIONS = {"NoSuchObject", "NoSuchInstance", "EndOfMibView", "Null"}


def pysnmp_reads(datagram, version):
    if version == 3:
        return _pysnmp_reads_v3(datagram)
    module = api.PROTOCOL_MODULES[api.decodeMessageVersion(datagram)]
    message, _ = decoder.decode(datagram, asn1Spec=module.Message())
    pdu = module.apiMessage.get_pdu(message)
    found = {
        "community": bytes(module.apiMessage.get_community(message)),
        "varbinds": [(str(name), plain(value)) for name, value in module.apiTrapPDU.get_varbinds(pdu)],
    }
    if module is api.v1:
        found["enterprise"] = str(api.v1.apiTrapPDU.get_enterprise(pdu))
        found["agent"] = api.v1.apiTrapPDU.get_agent_address(pdu).prettyPrint()
        found["generic"] = int(api.v1.apiTrapPDU.get_generic_trap(pdu))
        found["specific"] = int(api.v1.apiTrapPDU.get_specific_trap(pdu))
        found["uptime"] = int(api.v1.apiTrapPDU.get_timestamp(pdu))
    return found


def _pysnmp_reads_v3(datagram):
    message, _ = decoder.decode(datagram, asn1Spec=rfc3412.SNMPv3Message())
    pdu = message["msgData"]["plaintext"]["data"].getComponent()
    varbinds = [(str(name), plain(value)) for name, value in api.v2c.apiPDU.get_varbinds(pdu)]
    return {"community": b"", "varbinds": varbinds}


def plain(value):
    kind = type(value).__name__
    if hasattr(value, "getComponent") and kind not in EXCEPTIONS:
        return plain(value.getComponent())
    if kind in EXCEPTIONS or kind.endswith("Null"):
        return None
    if kind == "IpAddress":
        return value.prettyPrint()
    if kind == "ObjectIdentifier":
        return str(value)
    return int(value) if isinstance(value, univ.Integer) else bytes(value)


def we_read(decoded):
    found = {"community": decoded.community, "varbinds": [(item.oid, item.value) for item in decoded.varbinds]}
    if decoded.version == 0:
        found |= {name: getattr(decoded, name) for name in ("enterprise", "agent", "generic", "specific", "uptime")}
    return found
