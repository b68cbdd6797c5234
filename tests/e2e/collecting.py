"""One vCenter collector as a process of its own, so that it can be killed. For tests only.

python -m tests.e2e.collecting BROKER VCENTER CA
"""

import asyncio
import sys
from pathlib import Path

from collectors.vsphere.collecting import VsphereCollector, VsphereSettings
from collectors.vsphere.remembering import BusMemory
from engine.bus import jetstream
from engine.clients.vsphere import Account
from engine.clock import SystemClock


async def collect(broker: str, vcenter: str, ca: str) -> None:
    clock = SystemClock()
    account = Account(vcenter, "toban@vsphere.local", "duty-officer", Path(ca))
    async with jetstream.connect(broker, clock=clock, name="collector") as bus:
        memory = BusMemory(bus, "vcenter/vc1", clock)
        await VsphereCollector(VsphereSettings("vc1", account), bus, memory, clock).run(None)


if __name__ == "__main__":
    asyncio.run(collect(*sys.argv[1:]))
