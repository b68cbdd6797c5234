"""kill -9 of the vCenter collector while events stream in: each is stored exactly once, in order per object."""

import asyncio
import contextlib
import json
import sys
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from pyVmomi import vim

from engine.bus import codec, jetstream, subjects
from engine.clients import vsphere
from engine.clients.vsphere import Account
from engine.clock import SystemClock
from tests.e2e.site import Process, broker, site

MARK = "number "
VMS = ("VM-01", "VM-02", "VM-03")
WRAP = 2**31


class Posting(threading.Thread):
    """Posts events over vCenter's own wire, one VM after the other, as fast as one client can."""

    def __init__(self, account: Account, count: int) -> None:
        super().__init__(name="posting")
        self.account, self.count, self.done = account, count, 0

    def run(self) -> None:
        session = vsphere.log_in(self.account)
        refs = {row.get("name"): row.ref for row in session.read(vim.VirtualMachine, ["name"])}
        at = session.now()
        arguments = [vim.event.VmEventArgument(name=name, vm=vim.VirtualMachine(refs[name])) for name in VMS]
        for number in range(self.count):
            kind = vim.event.VmPoweredOffEvent if number % 2 else vim.event.VmPoweredOnEvent
            event = kind(key=0, chainId=0, createdTime=at, userName="", template=False, vm=arguments[number % len(VMS)])
            event.fullFormattedMessage = f"{MARK}{number}"
            session.content.eventManager.PostEvent(event)
            self.done = number + 1
        session.log_out()

    def until(self, done: int) -> None:
        while self.done < done and self.is_alive():
            time.sleep(0.01)


async def stored(url: str) -> list[tuple[str, int]]:
    """(object, number) of what was posted, in the order of storage."""
    found = []
    async with jetstream.connect(url, clock=SystemClock(), name="reading") as bus:
        async for record in bus.replay(subjects.ALL_EVENTS):
            event = codec.decode(record).event
            message = str(event.data.get("message", ""))
            if message.startswith(MARK):
                found.append((event.subject, int(message.removeprefix(MARK))))
    return found


async def has_cursor(url: str) -> bool:
    async with jetstream.connect(url, clock=SystemClock(), name="reading") as bus:
        return await bus.last(subjects.cursor("vcenter/vc1")) is not None


def until(true, within: float = 60.0) -> None:
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.2)


@contextlib.contextmanager
def collector(folder: Path, *arguments: str):
    process = Process(folder / "collector.log", [sys.executable, "-m", "tests.e2e.collecting", *arguments])
    try:
        yield process
    finally:
        process.child.kill()
        process.child.wait()


def play(folder: Path, count: int, kills: int) -> dict:
    """Post so many events over the wrap of their keys while the collector is killed so often; what was stored."""
    here = site(
        folder / "site",
        estate=lambda document: document["simulation"]["vcenter"].update({"first_event_key": WRAP - count // 2}),
    )
    with broker(folder / "broker") as url, here.datacenter():
        ready = json.loads((here.state / "ready.json").read_text(encoding="utf-8"))
        account = Account(ready["vcenter"], "toban@vsphere.local", "duty-officer", Path(ready["ca"]))
        here.ask(do="fault", fault="maintenance-entered", target="esx2")  # a vCenter without any event is no vCenter
        arguments = (url, ready["vcenter"], ready["ca"])
        with collector(folder, *arguments):
            until(lambda: asyncio.run(has_cursor(url)))
            posting, began = Posting(account, count), time.monotonic()
            posting.start()
            posting.until(count // (kills + 1))
        for life in range(2, kills + 1):
            time.sleep(0.3 if life % 2 else 4.0)  # more is missed than one answer of vCenter holds
            with collector(folder, *arguments):
                posting.until(life * count // (kills + 1))
                time.sleep(1.5)  # some die while they catch up, some while they follow
        with collector(folder, *arguments):
            posting.join()
            until(lambda: len(asyncio.run(stored(url))) >= count)
            took = time.monotonic() - began
            time.sleep(1.0)  # whatever would still be stored a second time
            return {"found": asyncio.run(stored(url)), "seconds": round(took, 1)}


def exactly_once_and_in_order(found: list[tuple[str, int]], count: int) -> None:
    times = Counter(number for _, number in found)
    assert sorted(times) == list(range(count)), "nothing is lost"
    assert [number for number, seen in times.items() if seen > 1] == [], "nothing is stored twice"
    by_object = defaultdict(list)
    for subject, number in found:
        by_object[subject].append(number)
    assert sorted(by_object) == [f"vm:{name}" for name in VMS]
    for numbers in by_object.values():
        assert numbers == sorted(numbers), "in order per object"


@pytest.mark.e2e
def test_a_collector_that_is_killed_twice_stores_each_event_once_in_order(tmp_path):
    exactly_once_and_in_order(play(tmp_path, 1500, 2)["found"], 1500)


@pytest.mark.soak
def test_ten_thousand_events_and_five_kills_each_event_once_in_order_across_the_wrap_of_their_numbers(tmp_path):
    found = play(tmp_path, 10_000, 5)
    sys.stderr.write(f"10,000 events, 5 kills: {found['seconds']} s from the first post to the last record\n")
    exactly_once_and_in_order(found["found"], 10_000)
