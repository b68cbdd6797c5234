"""Trap storms over UDP: Toban's receiver, pysnmp's and net-snmp's `snmptrapd` hear the same traps in one run.

The receiver has one core to itself, sender and broker another one. Each trap carries a number, so a loss is seen, not
guessed. `storm`: 256 blades say the same again and again, every 10 s the opposite; Toban receives, maps and collapses
them with its limits as they are, and stores each change of state once. `distinct`: every trap is another failed drive;
each becomes an event in JetStream, whose broker flushes each answer to disk. Both in v2c, and in SNMPv3
(`-v3`), where each trap is proven, decrypted and held against replay first.

`python -m benchmarks.storms [SECONDS [KIND...]]`
"""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from benchmarks import storms_sealing, storms_sending
from engine.bus import codec, embedded, jetstream, subjects
from engine.clients import snmp
from engine.clients.snmp_v3 import Sealed
from engine.clock import SystemClock
from engine.model.event import Event

SECONDS = 60.0
PEER_SECONDS = 10.0
RATES = {"storm": 12_000.0, "distinct": 3_500.0, "storm-v3": 10_000.0, "distinct-v3": 2_500.0}
PATIENCE = 120.0
TOLD = frozenset({"trap.repeated", "trap.dropped"})
TICKS = os.sysconf("SC_CLK_TCK")
BUFFER = 8 * 1024 * 1024
_NUMBER = re.compile(rb"Timeticks: \((\d+)\)")


def run(seconds: float = SECONDS, kinds: Sequence[str] = tuple(RATES)) -> dict[str, object]:
    """These cases for ours, and the peers at the same rates."""
    found: dict[str, object] = {
        "name": "trap-storms",
        "cores": "receiver 0; sender and broker 1",
        "peers": {"pysnmp": version("pysnmp"), "snmptrapd": _version()},
    }
    for kind in kinds:
        rate = RATES[kind]
        sys.stderr.write(f"  {kind} at {rate:.0f}/s: toban {seconds:.0f} s, peers {PEER_SECONDS:.0f} s each\n")
        ours = _ours(kind, rate, seconds)
        peers = {"pysnmp": _pysnmp(kind, rate), "snmptrapd": _snmptrapd(kind, rate)}
        found[kind] = {"toban": ours, "peers": peers, "ratio": {name: _ratio(ours, one) for name, one in peers.items()}}
    return found


def _ratio(ours: dict[str, object], peer: dict[str, object] | None) -> float | None:
    """Of traps in a second of processor time."""
    if peer is None:
        return None
    return round(float(str(ours["traps_per_cpu_second"])) / float(str(peer["traps_per_cpu_second"])), 2)


def _ours(kind: str, rate: float, seconds: float) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="toban-bench-") as folder:
        return asyncio.run(_stored(Path(folder), kind, rate, seconds))


async def _stored(folder: Path, kind: str, rate: float, seconds: float) -> dict[str, object]:
    clock = SystemClock()
    async with embedded.running(folder / "nats", clock=clock) as server:
        _pin(int((folder / "nats" / "server.pid").read_text(encoding="ascii")), 1)
        told = {"kind": kind, "folder": str(folder / "spool"), "url": server.url}
        told |= {"user": server.user, "password": server.password}
        found = await asyncio.to_thread(_through, "toban", told, rate, seconds)
        login = {"user": server.user, "password": server.password}
        async with jetstream.connect(server.url, clock=clock, name="reader", **login) as bus:
            arrivals = [codec.decode(record) async for record in bus.replay(subjects.ALL_EVENTS)]
    events = [one.event for one in arrivals]
    late = sorted((one.stored_at - one.event.time).total_seconds() for one in arrivals if one.event.type not in TOLD)
    counts, sent = found.pop("counts"), found["sent"]
    assert isinstance(counts, dict)  # noqa: S101
    assert isinstance(sent, int)  # noqa: S101
    proof = _storm_proof(events, seconds) if kind.startswith("storm") else _distinct_proof(events, sent)
    kept = {name: number for name, number in counts.items() if number}
    delay = {
        name: round(late[int(share * (len(late) - 1))], 3) for name, share in (("p50", 0.5), ("p99", 0.99), ("most", 1))
    }
    said = {"lost": sent - counts["received"], "seconds_until_stored": delay}
    return _rates(found, counts["received"]) | said | proof | {"counts": kept}


def _storm_proof(events: list[Event], seconds: float) -> dict[str, object]:
    """Each blade's changes of state, all of them and in order; the counts add up."""
    types = Counter(event.type for event in events)
    again = sum(int(str(event.data["count"])) for event in events if event.type == "trap.repeated")
    states: dict[str, list[str]] = {}
    for event in events:
        if event.type.startswith("blade.power."):
            states.setdefault(event.subject, []).append(event.type)
    flips = -int(-seconds // storms_sending.FLIP)
    wanted = [("blade.power.lost", "blade.power.on")[number % 2] for number in range(flips)]
    wrong = sum(_changes(told) != wanted for told in states.values()) + storms_sending.BLADES - len(states)
    told = sum(map(len, states.values()))
    return {"stored": dict(types), "told_and_counted": told + again, "blades_with_a_wrong_history": wrong}


def _changes(told: list[str]) -> list[str]:
    return [one for at, one in enumerate(told) if at == 0 or told[at - 1] != one]


def _distinct_proof(events: list[Event], sent: int) -> dict[str, object]:
    """The numbers of all traps, read back from JetStream."""
    numbers = set()
    for event in events:
        if event.type == "disk.failed":
            numbers.add(storms_sending.number_in(_uptime(bytes.fromhex(str(event.data["raw"])))))
    return {"stored": len(numbers), "not_stored": len(set(range(sent)) - numbers)}


def _uptime(raw: bytes) -> int:
    """Of a trap as it is kept: v3 is without its seals."""
    decoded = snmp.decode(raw)
    if isinstance(decoded, Sealed):
        decoded = snmp.scoped(raw[slice(*decoded.payload)], [])
    assert isinstance(decoded, snmp.Notification)  # noqa: S101
    return decoded.uptime or 0


def _pysnmp(kind: str, rate: float) -> dict[str, object]:
    found = _through("pysnmp", {"kind": kind, "community": storms_sending.COMMUNITY}, rate, PEER_SECONDS)
    counts, sent = found.pop("counts"), found["sent"]
    assert isinstance(counts, dict)  # noqa: S101
    assert isinstance(sent, int)  # noqa: S101
    return _rates(found, counts["heard"]) | {"lost": sent - counts["heard"]}


def _snmptrapd(kind: str, rate: float) -> dict[str, object] | None:
    """Debian's, from its package, that writes a line for each trap; None where it is not installed."""
    if (program := _program()) is None:
        return None
    with tempfile.TemporaryDirectory(prefix="toban-bench-") as folder, socket.socket(type=socket.SOCK_DGRAM) as probe:
        log = Path(folder) / "traps.log"
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        conf = Path(folder) / "users.conf"
        conf.write_text("".join(map(_created, range(storms_sending.CHASSIS))), encoding="ascii")
        options = [f"--serverRecvBuf={BUFFER}", "--disableAuthorization=yes", "-f", "-n", "-C", "-c", str(conf)]
        options += ["-On", "-m", "", "-F", "%v\n", "-Lf", str(log)]
        command = [program, *options, f"udp:127.0.0.1:{port}"]
        env = {"MIBS": "", "PATH": "", "SNMP_PERSISTENT_DIR": folder}
        with subprocess.Popen(command, env=env) as process:
            try:
                _pin(process.pid, 0)
                time.sleep(1.0)
                used = _cpu(process.pid)
                sent = _send(port, rate, PEER_SECONDS, kind)
                heard, after = _settled(log)
                used = _cpu(process.pid) - used
            finally:
                process.terminate()
    found = {**sent, "cpu_seconds": used, "seconds_after": after}
    return _rates(found, heard) | {"lost": int(sent["sent"]) - heard}


def _created(chassis: int) -> str:
    """How snmptrapd is told of a user."""
    auth, privacy = storms_sealing.AUTH_PHRASE, storms_sealing.PRIVACY_PHRASE
    place = storms_sealing.engine(chassis).hex()
    return f'createUser -e 0x{place} {storms_sealing.USER} SHA-256 "{auth}" AES "{privacy}"\n'


def _version() -> str | None:
    if (program := _program()) is None:
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return (re.findall(r"Version:\s*(\S+)", said.stdout + said.stderr) or [None])[0]


def _program() -> str | None:
    return shutil.which("snmptrapd") or shutil.which("snmptrapd", path="/usr/sbin")


def _settled(log: Path) -> tuple[int, float]:
    """How many numbers are in the log once it grows no more, and after how many seconds that was."""
    began = changed = time.perf_counter()
    size = -1
    while time.perf_counter() - changed < 1.0:
        time.sleep(0.05)
        if log.stat().st_size != size:
            size, changed = log.stat().st_size, time.perf_counter()
    return len(set(_NUMBER.findall(log.read_bytes()))), changed - began


def _through(who: str, told: dict[str, str], rate: float, seconds: float) -> dict[str, object]:
    with _hearing(who, told) as process:
        assert process.stdout is not None  # noqa: S101
        assert process.stdin is not None  # noqa: S101
        port = int(json.loads(process.stdout.readline())["port"])
        sent = _send(port, rate, seconds, told["kind"])
        process.stdin.close()
        return {**sent, **json.loads(process.stdout.readline())}


@contextmanager
def _hearing(who: str, told: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "benchmarks.storms_hearing", who, json.dumps(told)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        _pin(process.pid, 0)
        try:
            yield process
        finally:
            process.terminate()


def _send(port: int, rate: float, seconds: float, kind: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.storms_sending", "127.0.0.1", str(port), str(rate), str(seconds), kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        _pin(process.pid, 1)
        said, _ = process.communicate(timeout=seconds + PATIENCE)
    found: dict[str, float] = json.loads(said)
    return found


def _rates(found: dict[str, object], received: int) -> dict[str, object]:
    sent, took, used = (float(str(found[name])) for name in ("sent", "seconds", "cpu_seconds"))
    after = float(str(found["seconds_after"]))
    return {
        "sent": int(sent),
        "sent_per_s": round(sent / took),
        "received_per_s": round(received / (took + after)),
        "traps_per_cpu_second": round(received / used),
        "cpu_share": round(used / (took + after), 2),
        "seconds_after_the_last": round(after, 2),
    }


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _pin(pid: int, core: int) -> None:
    """All threads of a process; where there is one core only, they share it."""
    if core in os.sched_getaffinity(0):
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {core})


if __name__ == "__main__":
    asked = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    print(json.dumps(run(asked, sys.argv[2:] or tuple(RATES)), indent=2))  # noqa: T201  # the result is this program's output
