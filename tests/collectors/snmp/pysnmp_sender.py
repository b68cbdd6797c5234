"""A process that sends one SNMPv3 notification by pysnmp: PORT KIND AUTH PRIVACY; exit code 1 if it was not answered.

A process of its own, because pysnmp keeps files and sockets open until its end.
"""

import asyncio
import sys

from pysnmp.hlapi.v3arch.asyncio import (
    USM_AUTH_HMAC96_SHA,
    USM_AUTH_HMAC384_SHA512,
    USM_PRIV_CFB128_AES,
    USM_PRIV_CFB192_AES,
    USM_PRIV_CFB256_AES,
    USM_PRIV_CFB256_AES_BLUMENTHAL,
    ContextData,
    NotificationType,
    ObjectIdentity,
    ObjectType,
    OctetString,
    SnmpEngine,
    UdpTransportTarget,
    UsmUserData,
    send_notification,
)
from pysnmp.proto.rfc1902 import Integer32

from tests.collectors.snmp.sealing import ENGINE, PHRASES
from tests.collectors.snmp.traps import SERIAL, SLOT

AUTH = {"sha1": USM_AUTH_HMAC96_SHA, "sha512": USM_AUTH_HMAC384_SHA512}
PRIVACY = {
    "aes128": USM_PRIV_CFB128_AES,
    "aes192-reeder": USM_PRIV_CFB192_AES,
    "aes256-reeder": USM_PRIV_CFB256_AES,
    "aes256": USM_PRIV_CFB256_AES_BLUMENTHAL,
}


async def send(port: int, kind: str, auth: str, privacy: str) -> bool:
    """Whether it went well."""
    told = UsmUserData("oa", *PHRASES, authProtocol=AUTH[auth], privProtocol=PRIVACY[privacy])
    trap = NotificationType(ObjectIdentity("1.3.6.1.4.1.232.0.22056")).add_varbinds(
        ObjectType(ObjectIdentity(f"{SLOT}.1.1"), Integer32(1)),
        ObjectType(ObjectIdentity(f"{SERIAL}.1"), OctetString("ENCL-SER-1")),
    )
    target = await UdpTransportTarget.create(("127.0.0.1", port), timeout=5, retries=0)
    engine = SnmpEngine(OctetString(ENGINE))
    error, status, _, _ = await send_notification(engine, told, target, ContextData(), kind, trap)
    return not error and not status


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(send(int(sys.argv[1]), *sys.argv[2:5])) else 1)
