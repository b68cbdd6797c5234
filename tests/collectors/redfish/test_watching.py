"""The watch over controllers on real wires: the simulated site's BMCs over Redfish, and what breaks on them."""

import asyncio
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from collectors.publishing import Memory
from collectors.redfish import watching
from collectors.redfish.watching import BmcWatch, Controlled
from engine.bus import codec, subjects
from engine.clients.redfish import Bmc, BmcAccount
from engine.clock import SystemClock
from engine.estate import loading
from engine.model.catalogue import shipped
from engine.model.errors import Transient
from tests.away import Away
from toban import example
from toban.simulator.datacenter import Datacenter

PASSWORD = "blade-keys"


@dataclass
class Site:
    world: Datacenter
    blades: tuple[Controlled, ...]
    bus: Away = field(default_factory=lambda: Away(SystemClock()))
    kept: bytes = b""

    def again(self) -> BmcWatch:
        """A new life of the watch, on what the earlier ones kept."""

        async def load():
            return self.kept

        async def save(body):
            self.kept = body

        return BmcWatch(self.blades, self.bus, Memory(load, save), shipped(), SystemClock())

    def rounds(self, *steps, watch: BmcWatch | None = None) -> BmcWatch:
        """A round after each step; a step is faults, or nothing."""
        watch = watch or self.again()

        async def go():
            for step in steps:
                for fault, target in step:
                    self.world.faults.apply(fault, target)
                try:
                    await watch.round()
                except Transient:
                    assert self.bus.away == 0

        asyncio.run(go())
        return watch

    def told(self):
        async def read():
            return [codec.decode(record).event async for record in self.bus.replay(subjects.ALL_EVENTS)]

        return [(event.type, event.subject) for event in asyncio.run(read())]


@contextmanager
def opened(folder: Path, password: str = PASSWORD):
    example.write(folder, example.free_ports(), armed=True, quick=True)
    site = loading.load(folder / "estate.yaml")
    with Datacenter(folder / "estate.yaml", folder / "datacenter") as world:
        account = BmcAccount("toban", password, Path(world.ready["ca"]))

        def read(slot):
            return lambda: Bmc(slot.bmc.url, slot.bmc.system, account, timeout=3).read()

        blades = [Controlled(f"{one.name}/{slot.slot}", slot, read(slot)) for one in site.chassis for slot in one.slots]
        yield Site(world, tuple(blades))


@pytest.fixture
def site(tmp_path):
    with opened(tmp_path) as found:
        yield found


def test_a_well_site_is_no_news(site) -> None:
    watch = site.rounds((), ())
    assert site.told() == []
    assert (watch.source().blind, watch.source().drops) == (None, {})


def test_power_health_and_silence_are_told_and_so_is_their_end(site) -> None:
    first = "chassis1/1"
    watch = site.rounds(
        (), [("blade-power-lost", first)], [("bmc-health:Critical", first), ("bmc-dead", "chassis1/2")], ()
    )
    site.rounds([("bmc-restored", "chassis1/2"), ("bmc-health:OK", first)], watch=watch)
    assert site.told() == [
        ("bmc.power.off", "machine:chassis1/1"),
        ("blade.health.critical", "machine:chassis1/1"),
        ("bmc.unreachable", "machine:chassis1/2"),
        ("blade.health.ok", "machine:chassis1/1"),
        ("bmc.reachable", "machine:chassis1/2"),
    ]
    assert watch.source().drops == {"unanswered": 2}


def test_when_no_controller_answers_the_network_is_in_doubt_and_nobody_is_called_unreachable(site) -> None:
    watch = site.rounds([("bmc-dead", "chassis1/1"), ("bmc-dead", "chassis1/2")], (), ())
    assert site.told() == []
    assert watch.source().blind == "none of 2 controllers answers: the management network may be gone"


def test_what_changed_while_nobody_looked_is_told_by_the_next_life(site) -> None:
    site.rounds(())
    site.rounds([("blade-power-lost", "chassis1/2")])
    site.rounds((), ())
    assert site.told() == [("bmc.power.off", "machine:chassis1/2")]


def test_what_the_bus_did_not_take_is_told_after_a_later_round(site) -> None:
    watch = site.rounds(())
    site.bus.away = 1
    site.rounds([("blade-power-lost", "chassis1/1")], (), (), watch=watch)
    assert site.told() == [("bmc.power.off", "machine:chassis1/1")]


def test_a_controller_that_refuses_our_login_is_not_hammered(tmp_path) -> None:
    with opened(tmp_path, password="guessed") as site:
        watch = site.rounds((), (), ())
        assert [kind for kind, _ in site.told()] == ["bmc.unreachable"] * 2
        assert watch.source().drops == {"unanswered": 2}, "each was asked once in three rounds"
        assert watch._wait.keys() == {"chassis1/1", "chassis1/2"}


def test_a_memory_of_no_use_is_as_none(site) -> None:
    site.kept = b'{"chassis1/1": {"colour": "blue"}}'
    site.rounds((), ())
    assert site.told() == []


def test_what_could_not_be_kept_is_kept_after_a_later_round_and_its_end_is_told_by_a_later_life(site) -> None:
    first, refuse = "chassis1/1", [True]

    async def load() -> bytes:
        return b""

    async def save(body: bytes) -> None:
        if refuse and refuse.pop():
            raise Transient("no broker")
        site.kept = body

    watch = BmcWatch(site.blades, site.bus, Memory(load, save), shipped(), SystemClock())
    site.rounds([("bmc-health:Critical", first)], (), watch=watch)
    site.world.faults.apply("bmc-health:OK", first)
    site.rounds(())
    assert site.told() == [
        ("blade.health.critical", "machine:chassis1/1"),
        ("blade.health.ok", "machine:chassis1/1"),
    ]


def test_a_controller_that_was_not_asked_since_others_hang_is_not_silent(site, monkeypatch) -> None:
    monkeypatch.setattr(watching, "THREADS", 1)
    monkeypatch.setattr(watching, "DEADLINE", 0.3)
    first, second = site.blades
    hanging = Controlled(first.machine, first.slot, lambda: time.sleep(1.0))
    site.blades = (hanging, second)
    watch = site.rounds((), (), ())
    assert site.told() == []
    assert watch.source().drops["unasked"] > 0
    assert "take all threads and hang" in watch.source().blind
