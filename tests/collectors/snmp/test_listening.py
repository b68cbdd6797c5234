"""The listener over a real UDP socket: hears, refuses with a reason, keeps on disk, publishes once, answers Informs."""

import asyncio
import socket

import pytest

from collectors.snmp import composing, mapping, spool
from collectors.snmp import listening as hearing
from collectors.snmp.composing import BladeOf
from collectors.snmp.listening import TrapListener, TrapSettings
from engine.bus.memory import MemoryBus
from engine.clients import snmp
from engine.clock import SystemClock
from engine.model.errors import ConfigurationError, Transient
from tests.collectors.snmp import traps
from tests.collectors.snmp.traps import MAPS, ORIGINS, blade, notification
from tests.collectors.snmp.wires import RefusingBus, listening


def test_a_trap_becomes_an_event_on_the_bus(tmp_path):
    async def go():
        async with listening(tmp_path) as wire:
            wire.send(blade(22056, 1))
            await wire.until(published=1)
            return await wire.events()

    assert [(event.type, event.subject) for event in asyncio.run(go())] == [("blade.power.lost", "machine:chassis1/1")]


def test_the_source_says_when_it_was_heard_and_what_was_lost_by_reason(tmp_path):
    async def go():
        async with listening(tmp_path) as wire:
            before = wire.listener.source()
            wire.send(b"hello, world")
            wire.send(blade(22056, 1, community=b"guess"))
            await wire.until(received=2)
            refused = wire.listener.source()
            wire.send(blade(22056, 1))
            await wire.until(published=1)
            return before, refused, wire.listener.source(), wire.listener.counts()

    before, refused, after, counts = asyncio.run(go())
    assert (before.age, before.drops, before.blind) == (None, {}, None)
    assert refused.age is None, "what is refused is not heard"
    assert 0 <= after.age < 5
    assert after.drops == counts.rejected
    assert after.drops["community"] == 1
    assert sum(after.drops.values()) == 2


def test_garbage_is_counted_by_its_reason_and_stops_nothing(tmp_path):
    async def go():
        async with listening(tmp_path) as wire:
            for datagram in (b"", b"\x00", b"\x30\x82\xff\xff", b"hello, world", blade(22056, 1)[:-3]):
                wire.send(datagram)
            wire.send(blade(22056, 1, community=b"guess"))
            wire.send(blade(22056, 2))
            await wire.until(received=7, published=1)
            return wire.listener.counts(), await wire.events(), wire.listener.samples()

    counts, events, samples = asyncio.run(go())
    assert sum(counts.rejected.values()) == 6
    assert counts.rejected["community"] == 1
    assert [event.subject for event in events] == ["machine:chassis1/2"]
    assert len(samples) == 6


def test_a_datagram_that_brings_out_a_fault_of_ours_costs_no_other_one_also_not_at_the_next_start(
    tmp_path, monkeypatch
):
    whole, odd = mapping.to_event, {1}

    def faulty(heard, tables):
        if heard.notification.uptime in odd:
            raise ZeroDivisionError
        return whole(heard, tables)

    async def go(*uptimes):
        async with listening(tmp_path) as wire:
            for uptime in uptimes:
                wire.send(blade(22056, uptime, uptime=uptime))
            await wire.until(published=1)
            return wire.listener.counts(), [event.subject for event in await wire.events()]

    monkeypatch.setattr(mapping, "to_event", faulty)
    counts, subjects = asyncio.run(go(1, 2))
    assert (counts.rejected, subjects) == ({"fault": 1}, ["machine:chassis1/2"])
    odd.add(2)  # what is kept on disk is not understood by a later version
    counts, subjects = asyncio.run(go(3))
    assert (counts.unreadable, subjects) == (1, ["machine:chassis1/3"])


def test_what_is_refused_is_told_with_its_sender_and_a_sample_but_never_with_a_password(tmp_path):
    async def go():
        async with listening(tmp_path, communities=("hush-hush",)) as wire:
            wire.send(blade(22056, 1, community=b"hush-hush")[:-3])
            wire.send(blade(22056, 1, community=b"somebody-elses"))
            await wire.until(received=2, told=2)
            return {event.data["reason"]: event.data for event in await wire.everything()}

    told = asyncio.run(go())
    refused, foreign = told["length"], told["community"]
    assert refused["sender"] == foreign["sender"] == "127.0.0.1"
    assert bytes.fromhex(refused["sample"]) == blade(22056, 1, community=b"*********")[:-3]
    assert "sample" not in foreign


def test_a_stranger_is_not_heard(tmp_path):
    async def go():
        async with listening(tmp_path, sources=("192.0.2.0/24",)) as wire:
            wire.send(blade(22056, 1))
            await wire.until(received=1)
            return wire.listener.counts().rejected

    assert asyncio.run(go()) == {"source": 1}


def test_an_inform_is_answered_once_its_event_is_durable(tmp_path):
    async def go():
        async with listening(tmp_path) as wire:
            wire.send(notification(f"{traps.C7000}.22056", [(f"{traps.SLOT}.1.1", 1)], inform=True, request=77))
            answer = await asyncio.to_thread(wire.out.recv, 2000)
            return answer, await wire.events()

    answer, events = asyncio.run(go())
    assert answer == snmp.response_to(
        notification(f"{traps.C7000}.22056", [(f"{traps.SLOT}.1.1", 1)], inform=True, request=77)
    )
    assert len(events) == 1


def test_an_inform_that_the_store_refuses_is_not_answered_however_often_it_comes(tmp_path):
    inform = notification(f"{traps.C7000}.22056", [(f"{traps.SLOT}.1.1", 1)], inform=True, request=78)

    async def go():
        bus = RefusingBus(SystemClock())
        async with listening(tmp_path, bus) as wire:
            wire.out.setblocking(False)
            for sent in (1, 2):
                wire.send(inform)
                await wire.until(refused=sent)
                with pytest.raises(BlockingIOError):
                    wire.out.recv(2000)
            bus.taking = True
            wire.send(inform)
            await wire.until(published=1)
            wire.out.settimeout(5)
            return await asyncio.to_thread(wire.out.recv, 2000), await wire.events(), wire.listener.counts()

    answer, events, counts = asyncio.run(go())
    assert answer == snmp.response_to(inform)
    assert len(events) == 1
    assert (counts.refused, counts.duplicates) == (2, 0)


def test_neither_of_two_equal_informs_is_answered_if_the_store_refuses_their_event(tmp_path):
    inform = notification(f"{traps.C7000}.22056", [(f"{traps.SLOT}.1.1", 1)], inform=True, request=79)

    async def go():
        async with listening(tmp_path, RefusingBus(SystemClock())) as wire:
            wire.out.bind(("127.0.0.1", 0))
            wire.out.setblocking(False)
            for _ in range(2):
                wire.listener._hear(inform, "127.0.0.1", wire.out.getsockname()[1])
            await wire.until(refused=1, duplicates=1)
            with pytest.raises(BlockingIOError):
                wire.out.recv(2000)

    asyncio.run(go())


class AwayBus(MemoryBus):
    """A bus that takes nothing until it is told that it is back."""

    back = False

    async def publish(self, event):
        if not self.back:
            raise Transient("the bus is away", retry_after=0.05)
        return await super().publish(event)


def test_while_the_bus_is_away_traps_are_kept_and_published_later(tmp_path):
    async def go():
        bus = AwayBus(SystemClock())
        async with listening(tmp_path, bus) as wire:
            for slot in range(1, 6):
                wire.send(blade(22056, slot))
            await wire.until(spooled=5)
            bus.back = True
            await wire.until(published=5)
            return await wire.events()

    assert len(asyncio.run(go())) == 5


def test_what_a_dead_listener_had_heard_is_published_by_the_next_one(tmp_path):
    async def go():
        bus = AwayBus(SystemClock())
        async with listening(tmp_path, bus) as wire:
            wire.send(blade(22056, 3))
            await wire.until(spooled=1)
        bus.back = True
        async with listening(tmp_path, bus) as wire:
            await wire.until(published=1)
            return await wire.events()

    assert [event.subject for event in asyncio.run(go())] == ["machine:chassis1/3"]


def filled(kept):
    """Append until the spool is full; how many it took."""
    taken = 0
    while True:
        try:
            kept.append([spool.Record(traps.NOW, "127.0.0.1", 1, bytes([taken % 256]) * 100)])
        except spool.Full:
            return taken
        taken += 1


def test_a_full_spool_refuses_and_keeps_all_that_it_took(tmp_path):
    kept = spool.Spool(tmp_path / "s", spool.SpoolSize(limit=4096))
    taken = filled(kept)
    kept.close()
    again = spool.Spool(tmp_path / "s", spool.SpoolSize(limit=4096))
    assert 0 < taken < 41
    found, _ = again.read(0, 1000)
    assert [record.datagram[0] for record in found] == list(range(taken))
    again.close()


def test_a_taken_port_is_one_sentence_with_what_to_do(tmp_path):
    async def go(port):
        settings = TrapSettings(spool_dir=tmp_path / "spool", bind="127.0.0.1", port=port)
        await TrapListener(settings, MAPS, ORIGINS, MemoryBus(SystemClock()), SystemClock()).run(asyncio.Event())

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ConfigurationError, match=r"is already taken: stop the other receiver"):
            asyncio.run(go(taken.getsockname()[1]))


def test_a_drill_trap_reads_back_as_the_fault_it_names():
    for number, kind in ((22056, "blade.power.lost"), (22070, "blade.power.off"), (22069, "blade.power.on")):
        datagram = composing.c7000(number, BladeOf("chassis1", "ENCL-SER-1", 2), b"public")
        event = traps.mapped(datagram).event
        assert (event.type, event.subject) == (kind, "machine:chassis1/2")
    with pytest.raises(ConfigurationError, match="no trap of CPQRACK-MIB"):
        composing.c7000(1, BladeOf("chassis1", "S", 1), b"public")


def test_a_port_that_does_not_hear_its_own_heartbeat_is_deaf_and_one_that_does_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(hearing, "BEAT_EVERY", 0.01)

    class Turned(SystemClock):
        ahead = 0.0

        def monotonic(self):
            return super().monotonic() + self.ahead

    clock = Turned()

    async def go():
        async with listening(tmp_path, MemoryBus(clock), clock) as wire:
            clock.ahead = 60.0
            await asyncio.sleep(0.2)
            hears = wire.listener.source()
            wire.listener._mark = b"the heartbeat of another process"
            await asyncio.sleep(0.05)
            clock.ahead = 120.0
            return hears, wire.listener.source(), wire.listener.counts()

    hears, deaf, counts = asyncio.run(go())
    assert (hears.blind, hears.beat < 5, hears.age) == (None, True, None)
    assert "has not heard its own heartbeat for 60 s" in deaf.blind
    assert counts.received == sum(counts.rejected.values()), "a heartbeat of ours is no datagram of others"
