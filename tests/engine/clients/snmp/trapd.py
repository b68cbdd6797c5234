"""net-snmp's snmptrapd as a second opinion: what it prints about a datagram, read back into values."""

import os
import re
import select
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager

import pytest

FORMATS = """\
disableAuthorization yes
format1 BEGIN\\t1\\t%a\\t%N\\t%w\\t%q\\t%T\\t%v\\tEND\\n
format2 BEGIN\\t2\\t%v\\tEND\\n
"""
NUMBERS = ("INTEGER", "Counter32", "Gauge32", "Counter64", "UInteger32")


class Trapd:
    """A running snmptrapd."""

    def __init__(self, child, out, port):
        self._child, self._out, self._port = child, out, port
        self._said = b""

    def reads(self, datagram, seconds=10.0):
        """What it reads in a datagram, in the words of `oracle.we_read` without the community; None if nothing."""
        self._out.sendto(datagram, ("127.0.0.1", self._port))
        end = time.monotonic() + seconds
        while b"\tEND\n" not in self._said:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._child.stdout], [], [], left)[0]:
                return None
            self._said += os.read(self._child.stdout.fileno(), 65536)
        line, _, self._said = self._said.partition(b"\tEND\n")
        return _notification(line.decode("latin-1").partition("BEGIN\t")[2])


@contextmanager
def running(folder, users=()):
    """snmptrapd on a free port; skips with a reason where it is not installed."""
    path = shutil.which("snmptrapd", path=f"{os.environ['PATH']}:/usr/sbin")
    if path is None:
        pytest.skip("net-snmp's snmptrapd is not installed (Debian package snmptrapd)")
    (folder / "trapd.conf").write_text(FORMATS + "".join(f"createUser -e 0x{user}\n" for user in users))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "MIBS": "", "SNMPCONFPATH": str(folder)}
    env["SNMP_PERSISTENT_DIR"] = str(folder / "persistent")
    options = ["-f", "-Lo", "-n", "-On", "-Ox", "-Oe", "-C", "-c", str(folder / "trapd.conf")]
    child = subprocess.Popen(
        [path, *options, f"udp:127.0.0.1:{port}"], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        while b"NET-SNMP version" not in (line := child.stdout.readline()):
            assert line, "snmptrapd ended at its start"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            yield Trapd(child, out, port)
    finally:
        child.terminate()
        child.wait(10)
        child.stdout.close()


def _notification(line):
    version, *fields = line.split("\t")
    found = {}
    if version == "1":
        agent, enterprise, generic, specific, uptime, *fields = fields
        number = int(specific.lstrip("."))
        found = {
            "agent": agent,
            "enterprise": enterprise.lstrip("."),
            "generic": int(generic),
            "specific": number - 2**64 if number >= 2**63 else number,
            "uptime": int(uptime),
        }
    found["varbinds"] = [_varbind(field) for field in fields if field]
    return found


def _varbind(field):
    name, _, said = field.partition(" = ")
    return name.lstrip("."), _value(said)


def _value(said):
    kind, _, rest = said.partition(": ")
    if kind in NUMBERS:
        return int(rest)
    if kind == "Timeticks":
        return int(re.match(r"\((\d+)\)", rest)[1])
    if kind in ("Hex-STRING", "OPAQUE"):
        return bytes.fromhex(rest)
    if kind == "OID":
        return rest.lstrip(".")
    if kind == "IpAddress":
        return rest
    if said == '""':
        return b""
    assert said == "NULL" or said.startswith("No "), said
    return None
