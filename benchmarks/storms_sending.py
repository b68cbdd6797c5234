"""A dying datacenter: traps of 16 chassis at a steady rate from 16 addresses, each with its number in sysUpTime.

A process of its own: `python -m benchmarks.storms_sending HOST PORT RATE SECONDS KIND`, KIND `storm` or `distinct` in
v2c, `storm-v3` or `distinct-v3` in SNMPv3.
"""

import json
import socket
import sys
import time
from collections.abc import Callable

from benchmarks import storms_sealing
from engine.clients import ber
from engine.clients.snmp_encoding import TRAP_OID, UPTIME

CHASSIS, BLADES = 16, 256
COMMUNITY = "toban"
SEALED = "-v3"
"""How the kinds in SNMPv3 end."""
FLIP = 10.0
"""Seconds for which all blades of a storm say the same; then they say the opposite."""
TICK = 0.002
RACK = "1.3.6.1.4.1.232.22.2"
DRIVE = "1.3.6.1.4.1.232.3.2.5.1.1"
POWER_LOST, POWER_ON, DRIVE_CHANGED = 22056, 22069, 3046
FIRST = 1 << 24
"""What is added to each number, so that it always takes four octets."""
NUMBER, DIGITS = b"\x7fNUM", b"123454321"
"""Where the number goes in a template, in octets and in digits."""


def address(chassis: int) -> str:
    """From where a chassis sends."""
    return f"127.0.1.{chassis + 1}"


def serial(chassis: int) -> str:
    """Its serial number."""
    return f"BENCH-{chassis}"


def storm(rate: float) -> Callable[[int], bytes]:
    """Power lost, said by all blades again and again; after FLIP seconds all say power on, and so forth."""
    places = [(number % CHASSIS, number // CHASSIS + 1) for number in range(BLADES)]
    said = [[_blade(chassis, slot, trap) for chassis, slot in places] for trap in (POWER_LOST, POWER_ON)]

    def numbered(number: int) -> bytes:
        flips = int(number / rate / FLIP)
        return said[flips % 2][number % BLADES].replace(NUMBER, (FIRST + number).to_bytes(4, "big"))

    return numbered


def distinct(number: int) -> bytes:
    """One drive after the other fails, each of them once."""
    drive = _DRIVE.replace(NUMBER, (FIRST + number).to_bytes(4, "big"))
    return drive.replace(DIGITS, f"{number:09d}".encode())


def number_in(uptime: int) -> int:
    """The number that a trap carries."""
    return uptime - FIRST


def _blade(chassis: int, slot: int, trap: int) -> bytes:
    return _trap(trap, ((f"{RACK}.3.1.1.1.7.1", serial(chassis)), (f"{RACK}.4.1.1.1.8.1.{slot}", slot)))


def _trap(trap: int, fields: tuple[tuple[str, int | str], ...]) -> bytes:
    body = _varbind(UPTIME, ber.encoded(0x43, NUMBER)) + _varbind(
        TRAP_OID, ber.encoded_oid(f"1.3.6.1.4.1.232.0.{trap}")
    )
    for name, value in fields:
        octets = ber.encoded_integer(value) if isinstance(value, int) else ber.encoded(ber.OCTETS, value.encode())
        body += _varbind(name, octets)
    header = ber.encoded(ber.INTEGER, NUMBER) + ber.encoded_integer(0) * 2
    pdu = ber.encoded(0xA7, header + ber.encoded(ber.SEQUENCE, body))
    return ber.encoded(ber.SEQUENCE, ber.encoded_integer(1) + ber.encoded(ber.OCTETS, COMMUNITY.encode()) + pdu)


def _varbind(name: str, value: bytes) -> bytes:
    return ber.encoded(ber.SEQUENCE, ber.encoded_oid(name) + value)


_DRIVE = _trap(
    DRIVE_CHANGED,
    (
        ("1.3.6.1.2.1.1.5.0", "blade1"),
        (f"{DRIVE}.64.0.1", f"Bay {DIGITS.decode()}"),
        (f"{DRIVE}.51.0.1", f"S{DIGITS.decode()}"),
        (f"{DRIVE}.6.0.1", 3),
    ),
)


def send(to: tuple[str, int], rate: float, seconds: float, made: Callable[[int], bytes]) -> dict[str, float]:
    """Send at this rate; how many, and how long it took."""
    out = []
    for chassis in range(CHASSIS):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((address(chassis), 0))
        one.connect(to)
        out.append(one.send)
    total, number = round(rate * seconds), 0
    began = time.perf_counter()
    while number < total:
        due = min(total, int((time.perf_counter() - began) * rate) + 1)
        while number < due:
            out[number % CHASSIS](made(number))
            number += 1
        time.sleep(TICK)
    return {"sent": number, "seconds": time.perf_counter() - began}


if __name__ == "__main__":
    host, port, asked, lasts, what = sys.argv[1:]
    made = storm(float(asked)) if what.startswith("storm") else distinct
    if what.endswith(SEALED):
        made = storms_sealing.sealed(made, float(asked), CHASSIS)
    print(json.dumps(send((host, int(port)), float(asked), float(lasts), made)))  # noqa: T201  # this is its output
