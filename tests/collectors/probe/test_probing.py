"""Rounds on virtual time: deaths and returns are told once, over outages and lives; and we know when we are blind."""

import asyncio

import pytest

from collectors.probe.asking import Asking, Outcome
from collectors.probe.probing import Prober, ProbeSettings
from collectors.publishing import Memory
from engine.bus import codec, subjects
from engine.bus.memory import MemoryBus, Storage
from engine.clock import SystemClock
from tests import virtual
from tests.away import Away
from tests.collectors.probe.wires import answering, silent
from tests.virtual import LoopClock

A, S, U = Outcome.ANSWERED, Outcome.SILENT, Outcome.UNKNOWN


class Network(Asking):
    """Answers as a test says; a question takes 0.1 s, one without an answer 3 s."""

    def __init__(self, words: dict[str, Outcome]) -> None:
        super().__init__((443,), None, 3.0, LoopClock())
        self.words, self.most, self._now = words, 0, 0

    async def ask(self, address: str) -> Outcome:
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(0.1 if self.words[address] is A else 3.0)
        self._now -= 1
        return self.words[address]


class Lives:
    """Probers on one storage."""

    def __init__(self, hosts: int = 2, **settings) -> None:
        self.storage, self.known = Storage(), b""
        names = [f"esx{n}" for n in range(1, hosts + 1)]
        self.network = Network(dict.fromkeys([*names, "router"], A))
        self.settings = ProbeSettings(targets={name: name for name in names}, **settings)
        self.again()

    def again(self) -> None:
        self.bus = Away(LoopClock(), self.storage)

        async def load():
            return self.known

        async def save(body):
            self.known = body

        self.prober = Prober(self.settings, self.network, self.bus, Memory(load, save), LoopClock())

    async def rounds(self, number: int = 1, **words: Outcome) -> None:
        self.network.words |= words
        for _ in range(number):
            await self.prober.round()

    async def told(self):
        found = [codec.decode(record).event async for record in self.bus.replay(subjects.ALL_EVENTS)]
        return [(event.type, event.subject) for event in found]


def test_three_silent_rounds_are_told_once_and_so_is_the_first_answer_after_them() -> None:
    async def go():
        here = Lives()
        await here.rounds(2, esx1=S)
        before = await here.told()
        await here.rounds(5, esx1=S)
        await here.rounds(3, esx1=A)
        return before, await here.told()

    assert virtual.run(go()) == ([], [("probe.down", "host:esx1"), ("probe.up", "host:esx1")])


def test_what_the_bus_did_not_take_is_told_after_a_later_round() -> None:
    async def go():
        here = Lives()
        await here.rounds(2, esx1=S)
        here.bus.away = 2
        await here.rounds(2, esx1=S)
        during = await here.told()
        await here.rounds(2)
        return during, await here.told()

    assert virtual.run(go()) == ([], [("probe.down", "host:esx1")])


def test_a_death_that_an_earlier_life_told_ends_in_the_next_by_an_answer_only() -> None:
    async def go():
        here = Lives()
        await here.rounds(3, esx1=S)
        here.again()
        await here.rounds(3, esx1=U)
        during = await here.told()
        await here.rounds(1, esx1=A)
        return during, await here.told()

    during, after = virtual.run(go())
    assert during == [("probe.down", "host:esx1")]
    assert after == [*during, ("probe.up", "host:esx1")]


def test_a_host_that_is_no_target_any_more_is_not_down_for_ever() -> None:
    async def go():
        here = Lives(hosts=3)
        await here.rounds(3, esx3=S)
        here.settings = ProbeSettings(targets={"esx1": "esx1", "esx2": "esx2"})
        here.again()
        await here.rounds(1)
        return await here.told()

    assert virtual.run(go())[-1] == ("probe.up", "host:esx3")


def test_when_nothing_answers_nobody_is_called_down_and_the_source_is_blind() -> None:
    async def go():
        here = Lives()
        await here.rounds(5, esx1=S, esx2=S)
        blind = here.prober.source().blind
        look = await here.prober.look("esx1")
        await here.rounds(1, esx2=A)
        return blind, look, here.prober.source().blind, await here.told()

    blind, look, after, told = virtual.run(go())
    assert blind == "none of 2 targets answers: our own network may be gone"
    assert (look, after, told) == (None, None, [])


def test_a_look_at_decision_time_counts_silence_only_of_a_host_that_was_silent_before() -> None:
    async def go():
        here = Lives()
        before = await here.prober.look("esx1")
        await here.rounds(1)
        here.network.words["esx1"] = S
        first = await here.prober.look("esx1")
        await here.rounds(1)
        second, other = await here.prober.look("esx1"), await here.prober.look("esx2")
        return before, first, second, other, await here.prober.look("nobody")

    before, first, second, other, nobody = virtual.run(go())
    assert (before, first, nobody) == (None, None, None)
    assert (second.witness, second.down, other.down) == ("probe", True, False)


def test_a_thousand_dead_hosts_are_asked_side_by_side_within_one_interval() -> None:
    async def go():
        here = Lives(hosts=1000, anchors=("router",), every=10.0)
        await here.rounds(1, **{f"esx{n}": S for n in range(1, 1001)})
        return asyncio.get_running_loop().time(), here.network.most

    took, most = virtual.run(go())
    assert took < 10.0
    assert 500 < most <= 1001


def test_no_more_than_allowed_are_asked_at_once_and_a_round_that_takes_too_long_is_counted() -> None:
    async def go():
        here = Lives(hosts=40, anchors=("router",), every=10.0, side_by_side=8)
        here.network.words |= {f"esx{n}": S for n in range(1, 41)}
        async with asyncio.TaskGroup() as group:
            running = group.create_task(here.prober.run())
            await asyncio.sleep(40)
            running.cancel()
        return here.network.most, here.prober.source()

    most, source = virtual.run(go())
    assert most <= 8
    assert source.drops["overrun"] >= 2


def test_when_no_round_is_complete_for_three_intervals_it_is_blind() -> None:
    async def go():
        here = Lives()
        begun = here.prober.source()
        await asyncio.sleep(31)
        first = here.prober.source()
        await here.rounds(1)
        good = here.prober.source()
        await asyncio.sleep(31)
        return begun, first, good, here.prober.source()

    begun, first, good, late = virtual.run(go())
    assert (begun.blind, good.blind, good.age) == (None, None, 0.0)
    assert first.blind == late.blind == "no round was complete for 31 s"


@pytest.mark.parametrize("hosts", [1, 300])
def test_over_real_sockets_the_silent_ones_are_found_among_those_that_answer(hosts) -> None:
    async def go(port, deaf):
        clock = SystemClock()
        bus = MemoryBus(clock)
        targets = {f"esx{n}": f"127.0.{n // 250}.{n % 250 + 1}" for n in range(hosts)}

        async def load():
            return b""

        async def save(body):
            saved.append(body)

        saved: list[bytes] = []
        settings = ProbeSettings(targets=targets, every=0.4, failures=2, anchors=("127.0.0.1",))
        asking = Asking((port,), None, 0.3, clock)
        prober = Prober(settings, asking, bus, Memory(load, save), clock)
        await prober.round()
        asking._ports = (deaf,)
        prober._settings = ProbeSettings(targets=targets, every=0.4, failures=2)
        await prober.round()
        blind = prober.source().blind
        asking._ports = (port,)
        await prober.round()
        return blind, prober.source(), saved

    with answering() as port, silent() as deaf:
        blind, source, saved = asyncio.run(go(port, deaf))
    assert (blind is not None) is (hosts > 1)
    assert (source.blind, source.drops, saved) == (None, {}, [])
