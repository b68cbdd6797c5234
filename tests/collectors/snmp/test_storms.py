"""Storms over a real UDP socket: repetitions counted, urgent traps let in, every loss counted and told."""

import asyncio
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.snmp import spool
from collectors.snmp.accounting import Accounts
from collectors.snmp.admitting import Limits, Rates
from collectors.snmp.collapsing import Collapsing
from collectors.snmp.counting import Tally
from collectors.snmp.keeping import WaitingRoom
from collectors.snmp.receiving import Receiver
from collectors.snmp.recognising import Recogniser
from engine.bus import codec
from engine.clients import snmp
from engine.clients.ber import Malformed
from engine.clock import HandClock, SystemClock
from tests.collectors.snmp import traps, wires
from tests.collectors.snmp.traps import blade, notification

RECOGNISER = Recogniser(traps.TABLES)
SAMPLES = [
    blade(22056, 3, sequence=7),
    blade(22069, 3),
    traps.pet(552705, bytes(range(46)) + b"\xc1"),
    notification("1.3.6.1.4.1.232.0.3046", [("1.3.6.1.4.1.232.3.2.5.1.1.6.1", 3)]),
    notification("1.3.6.1.4.1.99999.0.1", [("1.3.6.1.4.1.99999.1.1", b"\xff\x00text")]),
]


def test_a_storm_of_one_condition_is_one_event_and_a_count(tmp_path):
    async def go():
        async with wires.listening(tmp_path) as wire:
            for uptime in range(400):
                wire.send(blade(22056, 1, uptime=uptime))
            await wire.until(received=400, published=1)
            wire.send(blade(22069, 1))
            await wire.until(published=2)
            counts = wire.listener.counts()
        return counts, wire

    async def after():
        counts, wire = await go()
        async with wires.listening(tmp_path, wire.bus) as again:
            await again.until(told=1)
            return counts, await wire.everything()

    counts, events = asyncio.run(after())
    assert (counts.accepted, counts.collapsed) == (2, 399)
    assert [event.type for event in events] == ["blade.power.lost", "blade.power.on", "trap.repeated"]
    repeated = events[-1]
    assert (repeated.subject, repeated.data["count"]) == ("machine:chassis1/1", 399)
    assert repeated.data["repeats"] == "blade.power.lost"
    assert repeated.data["first_at"] <= repeated.data["last_at"]


def test_an_inform_is_answered_however_often_it_is_said(tmp_path):
    async def go():
        async with wires.listening(tmp_path) as wire:
            answers = []
            for request in range(20):
                wire.send(
                    notification(f"{traps.C7000}.22056", [(f"{traps.SLOT}.1.1", 1)], inform=True, request=request)
                )
                answers.append(await asyncio.to_thread(wire.out.recv, 2000))
            return len(set(answers)), wire.listener.counts()

    answers, counts = asyncio.run(go())
    assert answers == 20
    assert (counts.published, counts.duplicates, counts.collapsed) == (1, 19, 0)


def test_when_a_source_is_too_loud_its_critical_traps_still_come_in_and_the_rest_is_told_as_lost(tmp_path):
    limits = Limits(strangers=(0.001, 40.0), declared=(0.001, 40.0))

    async def go():
        async with wires.listening(tmp_path, limits=limits) as wire:
            for number in range(60):
                wire.send(notification("1.3.6.1.4.1.99999.0.1", [("1.3.6.1.4.1.99999.1.1", number)]))
            await wire.until(received=60)
            wire.send(blade(22056, 7))
            wire.send(blade(22069, 7))
            await wire.until(received=62, published=32)
            await wire.until(told=1)
            return wire.listener.counts(), await wire.everything()

    counts, events = asyncio.run(go())
    assert counts.dropped_by_rate == 30, "a quarter of the tokens is for what is urgent"
    assert [event.type for event in events if event.subject == "machine:chassis1/7"] == [
        "blade.power.lost",
        "blade.power.on",
    ]
    (lost,) = [event for event in events if event.type == "trap.dropped"]
    assert (lost.data["reason"], lost.data["count"]) == ("rate", 30)


def test_what_one_source_floods_us_with_is_not_even_read(tmp_path):
    async def go():
        async with wires.listening(tmp_path, limits=Limits(flood=(0.001, 5.0))) as wire:
            for _ in range(9):
                wire.send(b"\x30\x82")
            await wire.until(received=9)
            return wire.listener.counts()

    counts = asyncio.run(go())
    assert (sum(counts.rejected.values()), counts.dropped_by_flood) == (5, 4)
    assert counts.drops()["flood"] == 4


def test_a_full_waiting_room_is_kept_for_urgent_traps_and_says_what_it_lost(tmp_path):
    async def go():
        async with wires.listening(tmp_path, waiting=8) as wire:
            room = wire.listener._room
            release = asyncio.Event()

            def broken():
                if not release.is_set():
                    raise OSError(28, "No space left on device")

            room.prepare = lambda: broken
            for number in range(20):
                wire.send(notification("1.3.6.1.4.1.99999.0.1", [("1.3.6.1.4.1.99999.1.1", number)]))
            await wire.until(received=20)
            wire.send(blade(22056, 7))
            await wire.until(received=21)
            before = wire.listener.counts()
            release.set()
            await wire.until(published=7, told=1)
            return before, await wire.everything()

    before, events = asyncio.run(go())
    assert (before.accepted, before.backlog_lost) == (7, 14)
    assert "blade.power.lost" in {event.type for event in events}
    assert [event.data["count"] for event in events if event.type == "trap.dropped"] == [14]


def test_what_the_kernel_drops_is_counted():
    async def go():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            heard = []
            opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            opened.setblocking(False)
            opened.bind(("127.0.0.1", 0))
            receiver = Receiver(opened, lambda data, *_: heard.append(data))
            receiver.start()
            for _ in range(100):
                out.sendto(b"x" * 500, opened.getsockname())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            dropped = receiver.dropped()
            receiver.close()
            return len(heard), dropped

    heard, dropped = asyncio.run(go())
    if dropped is None:
        pytest.skip("this kernel does not say what it dropped")
    assert heard + dropped == 100
    assert dropped > 0


def test_the_kernels_counter_may_go_round():
    tally = Tally()
    accounts = Accounts(Collapsing(), tally, SystemClock())
    for counter in (2**32 - 5, 2**32 - 5, 3):
        accounts.look(counter, damaged=0)
    assert tally.counts().kernel_lost == 2**32 + 3
    (event,) = [codec.parse(record.datagram) for record in accounts.due()]
    assert event.data["reason"] == "kernel"


@pytest.mark.parametrize(
    ("known", "urgent", "admitted"), [(False, False, 50), (True, False, 75), (True, True, 100), (False, True, 75)]
)
def test_tokens_are_kept_for_declared_senders_and_for_what_is_urgent(known, urgent, admitted):
    rates = Rates((1000.0, 1000.0), 100.0, (1000.0, 1000.0))
    assert sum(rates.admits("192.0.2.1", known, 0.0, urgent=urgent) for _ in range(200)) == admitted


def test_a_sender_without_a_clock_that_fails_and_recovers_within_the_minute_is_heard_each_time(tmp_path):
    async def go():
        async with wires.listening(tmp_path) as wire:
            for number in (22056, 22069) * 3:
                wire.send(blade(number, 1, uptime=0, request=1))
            await wire.until(received=6, published=6)
            return [event.type for event in await wire.events()]

    assert asyncio.run(go()) == ["blade.power.lost", "blade.power.on"] * 3


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_whatever_the_octets_say_the_edge_raises_nothing(data):
    raw = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(0, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded = snmp.decode(bytes(raw))
    except Malformed:
        return
    if isinstance(decoded, snmp.Notification):
        said, mapped = RECOGNISER.said(decoded, "192.0.2.20", traps.NOW, bytes(raw))
        again, unmapped = RECOGNISER.said(decoded, "192.0.2.20", traps.NOW, bytes(raw))
        assert again == said
        assert mapped is None or unmapped is None or mapped == unmapped


def test_of_a_batch_that_is_too_large_for_the_spool_as_much_is_kept_as_fits(tmp_path):
    async def go():
        clock, tally = HandClock(traps.NOW), Tally()
        kept = spool.Spool(tmp_path, spool.SpoolSize(limit=20_000))
        room, wrote = WaitingRoom(1000, clock, tally), asyncio.Event()
        room.add([spool.Record(traps.NOW, "192.0.2.20", 162, bytes([number]) * 500) for number in range(100)])
        async with asyncio.TaskGroup() as group:
            task = group.create_task(room.keep(kept, wrote.set))
            await wrote.wait()
            task.cancel()
        found, _ = kept.read(0, 1000)
        kept.close()
        return [record.datagram[0] for record in found]

    assert asyncio.run(go()) == list(range(25)), "a quarter of a hundred"
