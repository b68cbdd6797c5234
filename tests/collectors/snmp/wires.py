"""A trap listener on a free port with a bus of its own, and what is sent to it."""

import asyncio
import os
import shutil
import socket
import time
from contextlib import asynccontextmanager

import pytest

from collectors.snmp import losing
from collectors.snmp.listening import TrapListener, TrapSettings
from engine.bus import codec, subjects
from engine.bus.memory import MemoryBus
from engine.clock import SystemClock
from engine.model.errors import Permanent
from tests.collectors.snmp.traps import MAPS, ORIGINS


class Wire:
    """A listener, its bus, and a sender."""

    def __init__(self, listener, bus):
        self.listener, self.bus = listener, bus
        self.out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.out.settimeout(5)

    def send(self, datagram):
        self.out.sendto(datagram, self.listener.address)

    async def until(self, **counts):
        end = time.monotonic() + 5
        while any(getattr(self.listener.counts(), name) < number for name, number in counts.items()):
            assert time.monotonic() < end, self.listener.counts()
            await asyncio.sleep(0.01)

    async def events(self):
        return [event for event in await self.everything() if event.subject != losing.SUBJECT]

    async def everything(self):
        """Also what the listener says about itself."""
        return [codec.decode(record).event async for record in self.bus.replay(subjects.ALL_EVENTS)]


@asynccontextmanager
async def listening(folder, bus=None, clock=None, **changes):
    settings = TrapSettings(spool_dir=folder / "spool", bind="127.0.0.1", port=0, **changes)
    clock = clock or SystemClock()
    store = bus or MemoryBus(clock)
    listener = TrapListener(settings, MAPS, ORIGINS, store, clock)
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(listener.run(ready))
        await ready.wait()
        wire = Wire(listener, store)
        try:
            yield wire
        finally:
            wire.out.close()
            task.cancel()


class RefusingBus(MemoryBus):
    """A bus that takes no event until it is told to."""

    taking = False

    async def publish(self, event):
        if not self.taking:
            raise Permanent("the stream takes nothing")
        return await super().publish(event)


class NetSnmp:
    """net-snmp's own programs, with their state in a folder of the test."""

    def __init__(self, folder):
        self._folder = folder
        self._env = {"PATH": os.environ["PATH"], "HOME": str(folder), "MIBS": "", "SNMPCONFPATH": str(folder)}
        self._env["SNMP_PERSISTENT_DIR"] = str(folder / "net-snmp")

    async def run(self, program, *arguments):
        """The exit code and what was said on both channels."""
        path = shutil.which(program)
        if path is None:
            pytest.skip(f"net-snmp's {program} is not installed (Debian package snmp)")
        child = await asyncio.create_subprocess_exec(
            path, *arguments, env=self._env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await asyncio.wait_for(child.communicate(), 30)
        return child.returncode, said.decode()
