"""The acknowledgement of a Platform Event Trap: one IPMI datagram outside of any session. Pure.

IPMI 2.0, PET Acknowledge (network function 04h, command 17h, table 30-10) over RMCP; numbers come least octet first,
where the trap has them the other way round. To be checked on a real controller: whether it takes it without a session.
"""

PORT = 623
FUNCTION, COMMAND = 0x04, 0x17
SHORTEST = 34
"""Octets of a block up to the three event data that an acknowledgement repeats."""
_RMCP = bytes((6, 0, 0xFF, 7))
_NO_SESSION = bytes(9)
"""Authentication type none, sequence number 0, session 0."""
_CONTROLLER, _REMOTE = 0x20, 0x81


def acknowledgement(block: bytes) -> bytes | None:
    """The datagram for the block of a trap; None if the block is too short to be named."""
    if len(block) < SHORTEST:
        return None
    said = block[17:15:-1] + block[21:17:-1] + bytes((block[25], block[27], block[28])) + block[31:34]
    head = bytes((_CONTROLLER, FUNCTION << 2))
    rest = bytes((_REMOTE, 0, COMMAND)) + said
    message = head + _checksum(head) + rest + _checksum(rest)
    return _RMCP + _NO_SESSION + bytes((len(message),)) + message


def _checksum(octets: bytes) -> bytes:
    """Two's complement: all of them and it add up to zero."""
    return bytes((-sum(octets) & 0xFF,))
