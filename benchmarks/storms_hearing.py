"""The receivers of the storm benchmark, each a process: `python -m benchmarks.storms_hearing WHO JSON`.

WHO is `toban` or `pysnmp`. Says its port on standard output, hears until its standard input is closed, finishes what it
has begun, and says what it counted: numbers heard, processor time of all its threads, seconds that it needed after the
last trap was sent.
"""

import asyncio
import contextlib
import json
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import uvloop
from pyasn1.type import univ
from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config, engine
from pysnmp.entity.rfc3413 import ntfrcv

from benchmarks import storms_sealing, storms_sending
from collectors.snmp import maps
from collectors.snmp.admitting import Limits
from collectors.snmp.listening import TrapListener, TrapSettings
from collectors.snmp.origins import Origins
from collectors.snmp.unsealing import TrapUser
from engine.bus import jetstream
from engine.clock import SystemClock
from engine.model import catalogue
from toban import logs

STEADY = 1.0
"""Seconds without a change after which nothing more is under way."""
Count = Callable[[], dict[str, object]]


def origins() -> Origins:
    """The 16 chassis."""
    return Origins(
        chassis_by_serial={storms_sending.serial(n): f"bench{n}" for n in range(storms_sending.CHASSIS)},
        chassis_by_address={storms_sending.address(n): f"bench{n}" for n in range(storms_sending.CHASSIS)},
    )


@asynccontextmanager
async def toban(told: dict[str, str]) -> AsyncIterator[tuple[int, Count]]:
    """What `toban run` hears traps with, over a real broker. A second life stores what the first had still to tell."""
    clock = SystemClock()
    limits = Limits() if told["kind"].startswith("storm") else Limits(declared=(5000.0, 20_000.0), total=20_000.0)
    places = {storms_sealing.engine(n): (storms_sending.address(n),) for n in range(storms_sending.CHASSIS)}
    sealed = told["kind"].endswith(storms_sending.SEALED)
    chosen = TrapSettings(
        spool_dir=Path(told["folder"]),
        bind="127.0.0.1",
        port=0,
        communities=() if sealed else (storms_sending.COMMUNITY,),
        users=(TrapUser(storms_sealing.user(), places),) if sealed else (),
        limits=limits,
    )
    login = {"user": told["user"], "password": told["password"]}
    async with jetstream.connect(told["url"], clock=clock, name="bench", **login) as bus:
        for life in range(2):
            listener, ready = (
                TrapListener(chosen, maps.shipped(catalogue.shipped()), origins(), bus, clock),
                asyncio.Event(),
            )
            async with asyncio.TaskGroup() as group:
                hearing = group.create_task(listener.run(ready))
                await ready.wait()
                if life == 0:
                    yield listener.address[1], lambda heard=listener: asdict(heard.counts())
                else:
                    await steady(lambda again=listener: asdict(again.counts()))
                hearing.cancel()


@asynccontextmanager
async def pysnmp(told: dict[str, str]) -> AsyncIterator[tuple[int, Count]]:
    """The library's own notification receiver, as its documentation shows it, which only notes the numbers."""
    heard: set[int] = set()

    def noted(
        _engine: object, _reference: object, _context: object, _name: object, varbinds: object, _: object
    ) -> None:
        heard.add(int(varbinds[0][1]))  # type: ignore[index]

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    snmp = engine.SnmpEngine()
    config.add_transport(snmp, udp.DOMAIN_NAME, udp.UdpTransport().open_server_mode(("127.0.0.1", port)))
    config.add_v1_system(snmp, "bench", told["community"])
    for number in range(storms_sending.CHASSIS if told["kind"].endswith(storms_sending.SEALED) else 0):
        auth = (config.USM_AUTH_HMAC192_SHA256, storms_sealing.AUTH_PHRASE)
        privacy = (config.USM_PRIV_CFB128_AES, storms_sealing.PRIVACY_PHRASE)
        where = univ.OctetString(storms_sealing.engine(number))
        config.add_v3_user(snmp, storms_sealing.USER, *auth, *privacy, securityEngineId=where)
    receiver = ntfrcv.NotificationReceiver(snmp, noted)
    await asyncio.sleep(0.5)
    yield port, lambda: {"heard": len(heard)}
    receiver.close(snmp)
    snmp.close_dispatcher()


async def hear(who: str, told: dict[str, str]) -> dict[str, object]:
    """Until standard input is closed and nothing changes any more."""
    async with {"toban": toban, "pysnmp": pysnmp}[who](told) as (port, count):
        sys.stdout.write(json.dumps({"port": port}) + "\n")
        sys.stdout.flush()
        used = time.process_time()
        await asyncio.to_thread(sys.stdin.read)
        after = await steady(count)
        used = time.process_time() - used
    return {"counts": count(), "cpu_seconds": used, "seconds_after": after}


async def steady(count: Count) -> float:
    """Wait until nothing changes any more; how many seconds it did."""
    ended = changed = time.perf_counter()
    before = count()
    while time.perf_counter() - changed < STEADY:
        await asyncio.sleep(0.05)
        if count() != before:
            before, changed = count(), time.perf_counter()
    return changed - ended


if __name__ == "__main__":
    logs.configure(as_json=True, level="error")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(runner.run(hear(sys.argv[1], json.loads(sys.argv[2])))) + "\n")
