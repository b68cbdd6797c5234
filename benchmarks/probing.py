"""One round of probes over real sockets: 2,000 hosts, all alive and all silent; `python -m benchmarks.probing`."""

import asyncio
import json
import socket
import time
from contextlib import ExitStack

from collectors.probe.asking import Asking
from collectors.probe.probing import Prober, ProbeSettings
from collectors.publishing import Memory
from engine.bus.memory import MemoryBus
from engine.clients.icmp import Pinger
from engine.clock import SystemClock
from toban import files

HOSTS = 2000
EVERY, TIMEOUT = 10.0, 3.0


def run() -> dict[str, object]:
    """Seconds per round against the interval, and how long the loop was held up at most."""
    files.raise_limit()
    with ExitStack() as opened:
        alive = opened.enter_context(socket.create_server(("0.0.0.0", 0), backlog=4096))  # noqa: S104  all of loopback
        deaf = opened.enter_context(socket.socket())
        deaf.bind(("0.0.0.0", 0))  # noqa: S104
        deaf.listen(0)
        for _ in range(4):  # its queue is full: further requests get no answer at all
            one = opened.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", deaf.getsockname()[1]))
        port, silent = alive.getsockname()[1], deaf.getsockname()[1]
        found = {
            "tcp_all_alive": asyncio.run(_round((port,), icmp=False)),
            "tcp_all_silent": asyncio.run(_round((silent,), icmp=False)),
            "icmp_all_alive": asyncio.run(_round((), icmp=True)),
        }
    return {"name": "probe-round", "hosts": HOSTS, "every_s": EVERY, "timeout_s": TIMEOUT, **found}


async def _round(ports: tuple[int, ...], *, icmp: bool) -> dict[str, object]:
    clock, pinger = SystemClock(), Pinger(1)
    bus = MemoryBus(clock)
    targets = {f"esx{n}": f"127.1.{n // 250}.{n % 250 + 1}" for n in range(HOSTS)}
    if icmp:
        pinger.open()
        if not pinger.permitted:
            return {"skipped": "this process may not send ICMP echo"}
    asking = Asking(ports, pinger if icmp else None, TIMEOUT, clock)
    settings = ProbeSettings(targets=targets, every=EVERY, side_by_side=files.spare())
    prober = Prober(settings, asking, bus, Memory(_nobody, _keep), clock)
    began, cpu, stalls = time.perf_counter(), time.process_time(), [0.0]
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(_stalls(stalls))
        await prober.round()
        watching.cancel()
    took = time.perf_counter() - began
    pinger.close()
    answered = sum(one.answered for one in prober._healths.values())  # noqa: SLF001  the benchmark looks inside
    return {
        "round_s": round(took, 2),
        "within_interval": took < EVERY,
        "cpu_s": round(time.process_time() - cpu, 2),
        "longest_stall_ms": round(max(stalls) * 1000),
        "answered": answered,
    }


async def _stalls(found: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.005)
        found.append(time.perf_counter() - began - 0.005)


async def _nobody() -> bytes:
    return b""


async def _keep(_: bytes) -> None:
    return None


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))  # noqa: T201  the result is this program's output
