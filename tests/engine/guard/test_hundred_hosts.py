"""A hundred hosts: we are blind, two machines died, or one that answers again; only the dead ones are fenced."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from engine.bus import codec, outbox, subjects
from engine.clock import HandClock
from engine.deciding import DeciderSettings
from engine.model import catalogue
from engine.model.decision import Observation
from engine.model.estate import Standing
from engine.model.event import Arrival, Event
from engine.model.notice import Notice
from engine.model.policy import Policy
from engine.model.run import Outcome
from engine.rehearsing import picturing
from engine.rehearsing.places import Host, Place, Vm
from engine.rehearsing.staging import Setting, Stage, Told
from tests.engine.runs.crash import plans

NIGHT = datetime(2026, 11, 25, 2, tzinfo=UTC)
HOSTS = tuple(f"esx{n}" for n in range(1, 101))
POLICY = plans.shipped()["host-down-failover"]
WORDS = catalogue.shipped()


@dataclass
class Sight:
    """What each class of witness sees when the engine looks once more, and whether the engine doubts its own eyes."""

    clock: HandClock
    vcenter: set[str] = field(default_factory=set)
    """Hosts that vCenter does not see any more."""
    off: set[str] = field(default_factory=set)
    """Hosts whose blade is off by its own controller's word."""
    doubt: str | None = None

    async def look(self, place: Standing) -> tuple[Observation, ...]:
        name, now = place.host.name, self.clock.now()
        seen = {"vcenter": name in self.vcenter, "bmc": name in self.off}
        return tuple(
            Observation(witness=witness, subject=place.id, down=down, at=now, says=f"{witness} says so")
            for witness, down in seen.items()
        )

    def blind(self, place: Standing) -> str | None:
        return self.doubt


class Night:
    """The shipped failover policy on duty over a hundred hosts with two VMs each."""

    def __init__(self, policy: Policy = POLICY) -> None:
        vms = {name: tuple(Vm(name=f"{name}-{n}", memory_mb=4096, cpu_mhz=200) for n in (1, 2)) for name in HOSTS}
        place = Place(hosts={name: Host(vms=vms[name]) for name in HOSTS}, per_chassis=16)
        self.clock = HandClock(NIGHT)
        self.sight = Sight(self.clock)
        guard = DeciderSettings(armed=True, orders_age=0.0)
        ours = frozenset({"toban"})
        setting = Setting(self.clock, picturing.picture(place), self.sight, guard, ours, runs_take=120.0)
        self.stage = Stage(setting, (policy,), WORDS)
        self._count = 0

    def arrival(self, kind: str, host: str) -> Arrival:
        self._count += 1
        now = self.clock.now()
        event = Event(id=f"e{self._count}", type=kind, source="vcenter/vc1", subject=f"host:{host}", time=now)
        return Arrival(event=event, sequence=self._count, stored_at=now)

    async def hear(self, kind: str, *hosts: str) -> None:
        for host in hosts:
            await self.stage.hear(self.arrival(kind, host))

    async def wait(self, **span: float) -> None:
        await self.stage.pass_to(self.clock.now() + timedelta(**span))

    def acts(self) -> list[Told]:
        return [one for one in self.stage.findings.told if one.decision.kind == "act"]

    async def pages(self) -> list[str]:
        events = [codec.decode(record).event async for record in self.stage.bus.replay(subjects.ALL_EVENTS)]
        return [str(event.data["text"]) for event in events if event.type == "toban.page"]

    async def notices(self) -> list[Notice]:
        return [outbox.read(record) async for record in self.stage.bus.replay(subjects.ALL_NOTICES)]


def fenced(night: Night) -> list[str]:
    return [told.about for told in night.acts() if any(line.startswith("machine.power_off") for line in told.does)]


def blind_night(night: Night) -> None:
    """vCenter goes blind: to it every host is gone at the same moment, and they all run on."""

    async def go() -> None:
        night.sight.vcenter = set(HOSTS)
        night.sight.doubt = "vCenter vc1 has told nothing for 95 s"
        await night.hear("host.unreachable", *HOSTS)
        await night.wait(minutes=5)

    asyncio.run(go())


def test_a_hundred_hosts_lost_because_the_observer_is_blind_are_no_fence_and_one_page() -> None:
    night = Night()
    blind_night(night)
    assert fenced(night) == []
    assert night.acts() == []
    (page,) = asyncio.run(night.pages())
    assert "holds 100 objects" in page
    assert len(asyncio.run(night.notices())) == 1


def test_they_are_no_fence_and_one_page_also_when_the_engine_does_not_know_that_it_is_blind() -> None:
    night = Night()

    async def go() -> None:
        night.sight.vcenter = night.sight.off = set(HOSTS)  # a management network that is gone lies on every wire
        await night.hear("host.unreachable", *HOSTS)
        await night.wait(minutes=4)

    asyncio.run(go())
    assert fenced(night) == []
    assert len(asyncio.run(night.pages())) == 1


def test_two_real_deaths_among_ninety_eight_quiet_hosts_are_both_handled() -> None:
    night = Night()

    async def go() -> None:
        night.sight.vcenter = night.sight.off = {"esx7", "esx60"}
        await night.hear("host.unreachable", "esx7", "esx60")
        await night.wait(minutes=10)

    asyncio.run(go())
    assert fenced(night) == ["host:esx7", "host:esx60"]
    assert [told.outcome for told in night.acts()] == [Outcome.SUCCESS, Outcome.SUCCESS]
    first, second = night.acts()
    assert second.at - first.at >= 120, "one fence in flight per cluster"
    moved = [line for told in night.acts() for line in told.does if line.startswith("vm.power_on")]
    assert sorted(moved) == [f"vm.power_on vm:{host}-{n}" for host in ("esx60", "esx7") for n in (1, 2)]


def test_a_host_that_answers_again_at_the_last_moment_is_left_alone() -> None:
    night = Night()

    async def go() -> None:
        night.sight.vcenter = night.sight.off = {"esx7"}
        await night.hear("host.unreachable", "esx7")
        await night.wait(seconds=40)
        night.sight.vcenter = night.sight.off = set()
        await night.wait(minutes=5)

    asyncio.run(go())
    assert fenced(night) == []


def test_a_host_that_flaps_is_in_quarantine_over_time_until_a_person_releases_it() -> None:
    night = Night()

    async def go() -> None:
        night.sight.vcenter = night.sight.off = {"esx7"}
        for kind in ("host.unreachable", "host.reachable", "host.unreachable"):
            await night.hear(kind, "esx7")
            await night.wait(seconds=20)
        await night.wait(minutes=20)
        assert fenced(night) == []
        assert len([page for page in await night.pages() if "went up or down 3 times" in page]) == 1
        await night.stage.control.release("host:esx7")
        await night.wait(minutes=5)

    asyncio.run(go())
    assert fenced(night) == ["host:esx7"]


def test_a_restart_that_takes_a_host_down_and_up_once_is_no_flapping() -> None:
    night = Night()

    async def go() -> None:
        night.sight.vcenter = night.sight.off = {"esx7"}
        await night.hear("host.unreachable", "esx7")
        await night.wait(seconds=20)
        await night.hear("host.reachable", "esx7")
        await night.wait(minutes=11)
        await night.hear("host.unreachable", "esx7")
        await night.wait(minutes=5)

    asyncio.run(go())
    assert fenced(night) == ["host:esx7"]


def test_one_class_of_witness_is_never_enough() -> None:
    night = Night()

    async def go() -> None:
        night.sight.vcenter = {"esx7"}
        await night.hear("host.unreachable", "esx7")
        await night.wait(minutes=5)

    asyncio.run(go())
    assert fenced(night) == []


@pytest.mark.parametrize("broken", ["witnesses", "mass", "blind"])
def test_without_its_guards_the_same_night_goes_wrong(broken, monkeypatch) -> None:
    """The battery's own check: with all three guards of a blind night broken, hosts are fenced; each alone holds it."""
    from engine.guard import bounding, deciding, suppressing

    checks = {"blind": bounding.blind, "mass": bounding.mass, "witnesses": suppressing.witnessed}
    others = {name: check for name, check in checks.items() if name != broken}

    def without(*gone):
        monkeypatch.setattr(deciding.bounding, "BOUNDS", tuple(c for c in bounding.BOUNDS if c not in gone))
        monkeypatch.setattr(deciding.suppressing, "IN_DOUBT", tuple(c for c in suppressing.IN_DOUBT if c not in gone))

    without(*others.values())  # only one guard is left
    night = Night()
    blind_night(night)
    assert fenced(night) == [], f"{broken} alone holds a blind night"
    monkeypatch.undo()
    without(*checks.values())
    night = Night()
    blind_night(night)
    assert fenced(night) != [], "with all of them gone the scenario must go red"
