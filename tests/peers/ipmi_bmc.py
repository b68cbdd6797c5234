"""A third party's BMC (pyghmi's fake one) with a FRU, which it leaves out: a serial number to be known by.

Run as a process: ipmi_bmc.py PORT UUID SERIAL STATE. Session, authentication and chassis control are its own doing, but
for one thing: it answers a proposal of cipher suite 17 as if suite 3 had been proposed, where the specification (IPMI
2.0, table 13-10 and 13.20) wants "no matching cipher suite"; then clients propose suite 3.
"""

import sys
import uuid

from pyghmi.cmd.fakebmc import FakeBmc
from pyghmi.ipmi.private import serversession

NO_MATCH = 0x11
HMAC_SHA1 = 1
answered = serversession.ServerSession.create_open_session_response


def matching(self, request):
    """Refuse what it cannot do."""
    return answered(self, request) if request[12] == HMAC_SHA1 else bytearray([request[0], NO_MATCH])


serversession.ServerSession.create_open_session_response = matching


def fru(serial: str) -> bytes:
    """A FRU with a product area (Platform Management FRU Information Storage Definition, sections 8 and 12)."""
    fields = b"".join(bytes([0xC0 | len(text)]) + text for text in (b"ACME", b"Blade", b"P1", b"1", serial.encode()))
    body = bytes([1, 0, 25]) + fields + b"\xc1"
    body += b"\0" * (-(len(body) + 1) % 8)
    area = bytes([body[0], (len(body) + 1) // 8]) + body[2:]
    area += bytes([-sum(area) & 0xFF])
    header = bytes([1, 0, 0, 0, 1, 0, 0])
    return header + bytes([-sum(header) & 0xFF]) + area


class Blade(FakeBmc):
    def __init__(self, port: int, guid: str, serial: str, state: str) -> None:
        super().__init__({"toban": "secret-word"}, port)
        self.powerstate, self._guid, self._fru = state, uuid.UUID(guid), fru(serial)

    def get_system_guid(self) -> uuid.UUID:
        return self._guid

    def handle_raw_request(self, request, session) -> None:
        data = request["data"]
        if (request["netfn"], request["command"]) == (0x0A, 0x10):
            size = len(self._fru)
            session.send_ipmi_response(data=[size & 0xFF, size >> 8, 0])
        elif (request["netfn"], request["command"]) == (0x0A, 0x11):
            offset, count = data[1] | data[2] << 8, data[3]
            piece = self._fru[offset : offset + count]
            session.send_ipmi_response(data=[len(piece), *piece])
        else:
            super().handle_raw_request(request, session)


if __name__ == "__main__":
    Blade(int(sys.argv[1]), *sys.argv[2:]).listen()
