"""An order that nobody waits for any more is not sent by a thread that comes to it late."""

import asyncio
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from actuators.redfish import blades
from actuators.redfish.blades import Blades, FencePatience
from actuators.vsphere import sessions
from actuators.vsphere.sessions import VCenters
from engine.clients.offload import Offload
from engine.clients.redfish import Bmc, BmcAccount, Power
from engine.clients.vsphere import Account, Login
from engine.clock import HandClock
from engine.model.command import Command
from engine.model.errors import InDoubt, Transient

SECRET = "secret"
ORDER = Command(
    id="r1.fence.1",
    step="fence",
    verb="machine.power_off",
    target="machine:chassis1/1",
    parameters={"bmc_url": "https://bmc", "system": "1", "chassis": "c", "serial": "S1", "uuid": "u1"},
    deadline=600.0,
)


class Slow(Bmc):
    """A controller that takes its time before, or after, the order has reached it."""

    def __init__(self, *, after: bool = False) -> None:
        super().__init__("https://bmc", "1", BmcAccount("u", SECRET, Path("ca")))
        self.after, self.begun, self.go_on, self.over = after, threading.Event(), threading.Event(), threading.Event()
        self.sent: list[str] = []

    def read(self) -> Power:
        return Power("S1", "u1", "", on=True, word="On", resets=frozenset({"ForceOff"}))

    @contextmanager
    def _opened(self):
        try:
            if not self.after:
                self._wait()
            yield SimpleNamespace(reset_system=self._taken)
        finally:
            self.over.set()

    def _taken(self, kind) -> None:
        self.sent.append(kind.value)
        if self.after:
            self._wait()

    def _wait(self) -> None:
        self.begun.set()
        assert self.go_on.wait(10)


async def called(_: str) -> None:
    return


def switching(bmc: Slow):
    blade = Blades(lambda *_: bmc, Offload("bmc", 4), HandClock(datetime(2026, 11, 24, tzinfo=UTC)), FencePatience())
    return blade.switch(ORDER, "ForceOff", called, on=False)


async def late(bmc: Slow) -> None:
    bmc.go_on.set()
    assert await asyncio.to_thread(bmc.over.wait, 10)


def test_a_blade_whose_controller_was_too_slow_is_not_switched_off_later(monkeypatch):
    monkeypatch.setattr(blades, "DEADLINE", 0.2)

    async def go(bmc: Slow) -> None:
        with pytest.raises(Transient):
            await switching(bmc)
        await late(bmc)

    bmc = Slow()
    asyncio.run(go(bmc))
    assert bmc.sent == []


def test_an_order_that_has_reached_a_slow_controller_is_in_doubt(monkeypatch):
    monkeypatch.setattr(blades, "DEADLINE", 0.2)

    async def go(bmc: Slow) -> None:
        with pytest.raises(InDoubt):
            await switching(bmc)
        await late(bmc)

    bmc = Slow(after=True)
    asyncio.run(go(bmc))
    assert bmc.sent == ["ForceOff"]


def test_a_run_that_is_cancelled_switches_nothing_off_afterwards():
    async def go(bmc: Slow) -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(switching(bmc))
            assert await asyncio.to_thread(bmc.begun.wait, 10)
            task.cancel()
        await late(bmc)

    bmc = Slow()
    asyncio.run(go(bmc))
    assert bmc.sent == []


def test_an_order_for_which_vcenter_let_nobody_in_in_time_is_not_sent_later(monkeypatch):
    monkeypatch.setattr(sessions, "READ_DEADLINE", 0.2)
    go_on, over, sent = threading.Event(), threading.Event(), []

    def slow(_: Login):
        try:
            assert go_on.wait(10)
        finally:
            over.set()

    async def go() -> None:
        clock = HandClock(datetime(2026, 11, 24, tzinfo=UTC))
        centers = VCenters({"vc1": Account("https://vc1", "u", SECRET, Path("ca"))}, clock)
        centers._answered["vc1"] = clock.monotonic()
        monkeypatch.setattr(Login, "session", slow)
        with pytest.raises(Transient):
            await centers.order("vc1", sent.append)
        go_on.set()
        assert await asyncio.to_thread(over.wait, 10)
        await asyncio.sleep(0.1)  # the thread has time to do what it must not

    asyncio.run(go())
    assert sent == []
