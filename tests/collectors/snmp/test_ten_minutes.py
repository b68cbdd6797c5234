"""Ten minutes of wall time without a broker, at 200 traps a second: what issue 5 asks the spool to survive."""

import asyncio
import collections
import gc
import json
import os
import signal
import socket
import sys
import time
from contextlib import asynccontextmanager

import pytest

from benchmarks import storms_hearing, storms_sending
from collectors.snmp import maps
from collectors.snmp.listening import TrapListener, TrapSettings
from engine.bus import codec, embedded, jetstream, subjects
from engine.clients import snmp
from engine.clock import SystemClock
from engine.model import catalogue

RATE = 200
AWAY = 600.0
BEFORE, AFTER = 10.0, 20.0
"""Seconds for which the sender is heard with a broker, before and after."""
PATIENCE = 300.0
USER, PASSWORD = "toban", "only here"


class Broker:
    """A real nats-server that stays dead until somebody starts it again."""

    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url, self._folder, self._process = f"nats://127.0.0.1:{port}", folder, None
        folder.mkdir()
        (folder / "server.conf").write_text(
            f'host: 127.0.0.1\nport: {port}\nlogfile: "{folder / "server.log"}"\n'
            f'authorization {{ user: {USER}, password: "{PASSWORD}" }}\n'
            f'jetstream {{ store_dir: "{folder / "data"}", max_file_store: 4GB, sync_interval: always }}\n'
        )

    async def start(self):
        program, conf = str(embedded.find()), str(self._folder / "server.conf")
        self._process = await asyncio.create_subprocess_exec(program, "--config", conf)
        host, port = self.url.removeprefix("nats://").split(":")
        async with asyncio.timeout(60):
            while True:
                try:
                    _, line = await asyncio.open_connection(host, int(port))
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    line.close()
                    await line.wait_closed()
                    return

    async def kill(self):
        os.kill(self._process.pid, signal.SIGKILL)
        await self._process.wait()


@asynccontextmanager
async def brokered(folder):
    broker = Broker(folder)
    await broker.start()
    try:
        login = {"user": USER, "password": PASSWORD}
        async with jetstream.connect(broker.url, clock=SystemClock(), name="outage", **login) as bus:
            yield broker, bus
    finally:
        await broker.kill()
        gc.collect()


@asynccontextmanager
async def hearing(folder, bus):
    """What a site gets that declares its chassis and changes no limit."""
    chosen = TrapSettings(folder, bind="127.0.0.1", port=0, communities=(storms_sending.COMMUNITY,))
    known, ready = maps.shipped(catalogue.shipped()), asyncio.Event()
    listener = TrapListener(chosen, known, storms_hearing.origins(), bus, SystemClock())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(listener.run(ready))
        await ready.wait()
        try:
            yield listener
        finally:
            task.cancel()


async def sending(port, seconds):
    """The process that sends; how many it sent, once it is through."""
    told = ("127.0.0.1", str(port), str(RATE), str(seconds), "distinct")
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.storms_sending", *told, stdout=pipe)
    said, _ = await child.communicate()
    return int(json.loads(said)["sent"])


async def numbers_by_object(bus):
    found = collections.defaultdict(list)
    async for record in bus.replay(subjects.ALL_EVENTS):
        event = codec.decode(record).event
        if event.type == "disk.failed":
            uptime = snmp.decode(bytes.fromhex(event.data["raw"])).uptime
            found[event.subject].append(storms_sending.number_in(uptime))
    return found


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_broker_that_is_dead_for_ten_minutes_at_200_traps_a_second_costs_not_one_of_them(tmp_path):
    async def go():
        async with brokered(tmp_path / "nats") as (broker, bus), hearing(tmp_path / "spool", bus) as listener:
            async with asyncio.TaskGroup() as group:
                sender = group.create_task(sending(listener.address[1], BEFORE + AWAY + AFTER))
                await asyncio.sleep(BEFORE)
                await broker.kill()
                died, told = time.monotonic(), listener.counts().published
                await asyncio.sleep(AWAY)
                away, waiting = time.monotonic() - died, listener.counts().spooled - told
                await broker.start()
                back = time.monotonic()
            sent = sender.result()
            async with asyncio.timeout(PATIENCE):
                while listener.counts().published < sent:
                    await asyncio.sleep(0.1)
            caught_up = time.monotonic() - back
            return sent, (away, waiting, caught_up), listener.counts(), await numbers_by_object(bus)

    sent, (away, waiting, caught_up), counts, stored = asyncio.run(go())
    print(f"{sent} sent; {away:.0f} s dead, {waiting} waited; all stored {caught_up:.0f} s after the start")  # noqa: T201
    assert sent == round(RATE * (BEFORE + AWAY + AFTER))
    assert waiting >= RATE * (AWAY - 5)
    assert all(numbers == sorted(numbers) for numbers in stored.values()), "in order per object"
    assert sorted(number for numbers in stored.values() for number in numbers) == list(range(sent)), "each once"
    assert counts.drops() == {}
