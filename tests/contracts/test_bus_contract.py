"""One suite for the bus: what holds on JetStream holds in memory, and the other way round."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client

from engine.bus import codec, embedded, jetstream, subjects
from engine.bus.jetstream_batching import Batches, Message
from engine.bus.jetstream_streams import config_of
from engine.bus.leases import BusLeases
from engine.bus.memory import MemoryBus, Storage
from engine.bus.port import Bus, Record
from engine.clock import SystemClock
from engine.model.errors import ConfigurationError, Conflict, Permanent, Transient
from engine.model.event import Event, Severity

NOW = datetime(2026, 11, 24, tzinfo=UTC)
Scene = Callable[[Callable[[Bus], Awaitable[None]]], None]


def event(name: str, subject: str = "host:esx1", kind: str = "host.unreachable", **data: object) -> Event:
    return Event(id=name, type=kind, source="test", subject=subject, time=NOW, data=data)


class Place:
    """Where a bus lives: what is stored there outlives each connection."""

    def __init__(self, kind: str, folder) -> None:
        self.kind, self.folder, self.storage = kind, folder, Storage()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Bus]:
        clock = SystemClock()
        if self.kind == "memory":
            yield MemoryBus(clock, self.storage)
            return
        async with (
            embedded.running(self.folder, clock=clock) as server,
            jetstream.connect(
                server.url, clock=clock, name="contract", user=server.user, password=server.password
            ) as bus,
        ):
            yield bus

    def run(self, scene: Callable[[Bus], Awaitable[None]]) -> None:
        async def act() -> None:
            async with asyncio.timeout(60), self.open() as bus:
                await scene(bus)

        asyncio.run(act())


@pytest.fixture(params=["memory", "jetstream"])
def place(request, tmp_path) -> Place:
    return Place(request.param, tmp_path / "nats")


async def everything(bus: Bus, subject: str, **how: object) -> list[Record]:
    return [record async for record in bus.replay(subject, **how)]


def test_an_event_published_twice_is_stored_once_also_after_a_restart(place) -> None:
    async def first(bus: Bus) -> None:
        assert not (await bus.publish(event("a"))).duplicate
        assert (await bus.publish(event("a"))).duplicate

    async def second(bus: Bus) -> None:
        assert (await bus.publish(event("a"))).duplicate
        assert len(await everything(bus, subjects.ALL_EVENTS)) == 1

    place.run(first)
    place.run(second)


def test_a_replay_gives_all_that_was_stored_in_order_and_ends(place) -> None:
    async def scene(bus: Bus) -> None:
        for number in range(600):
            await bus.publish(event(f"e{number}", subject=f"host:esx{number % 3}", number=number))
        numbers = [codec.decode(r).event.data["number"] for r in await everything(bus, subjects.ALL_EVENTS)]
        assert numbers == list(range(600))
        last = await everything(bus, subjects.ALL_EVENTS, last_per_subject=True)
        assert sorted(codec.decode(r).event.data["number"] for r in last) == [597, 598, 599]
        later = NOW.now(UTC) + timedelta(hours=1)
        assert await everything(bus, subjects.ALL_EVENTS, since=later) == []

    place.run(scene)


def test_the_first_writer_of_a_decision_wins_and_the_second_is_told(place) -> None:
    async def scene(bus: Bus) -> None:
        subject = subjects.decision("m1", 0)
        position = await bus.append(subject, b"act", expected=0, nonce="one")
        assert await bus.append(subject, b"act", expected=0, nonce="one") == position, "our own write is recognised"
        with pytest.raises(Conflict):
            await bus.append(subject, b"hold", expected=0, nonce="two")
        stored = await bus.last(subject)
        assert stored is not None
        assert stored.body == b"act"

    place.run(scene)


def test_a_journal_is_written_by_one_writer_at_a_time(place) -> None:
    async def scene(bus: Bus) -> None:
        position = other = 0
        for number in range(5):
            position = await bus.append(subjects.run("r1"), b"%d" % number, expected=position, nonce=f"n{number}")
            await bus.append(subjects.run("other"), b"x", expected=other, nonce=f"o{number}")
            other = (await bus.last(subjects.run("other"))).sequence
        with pytest.raises(Conflict):
            await bus.append(subjects.run("r1"), b"zombie", expected=1, nonce="z")
        assert [r.body for r in await everything(bus, subjects.run("r1"))] == [b"0", b"1", b"2", b"3", b"4"]

    place.run(scene)


def test_a_delivery_not_acked_comes_again_and_an_acked_one_never(place) -> None:
    async def first(bus: Bus) -> None:
        for name in ("a", "b", "c"):
            await bus.publish(event(name))
        async with bus.subscription("reader", subjects.ALL_EVENTS) as reader:
            seen = []
            while len(seen) < 3:
                seen += await reader.fetch(10, 1)
            await seen[0].ack()
            await seen[1].nak(0.1)
            await asyncio.sleep(0.3)
            again = await reader.fetch(10, 2)
            assert [d.record.sequence for d in again] == [seen[1].record.sequence]
            assert again[0].delivered == 2
            await again[0].ack()
            await seen[2].ack()

    async def second(bus: Bus) -> None:
        async with bus.subscription("reader", subjects.ALL_EVENTS) as reader:
            assert await reader.fetch(10, 0.3) == []

    place.run(first)
    place.run(second)


def test_a_terminated_delivery_is_kept_as_a_dead_letter_with_its_story(place) -> None:
    async def scene(bus: Bus) -> None:
        await bus.publish(event("a"))
        async with bus.subscription("reader", subjects.ALL_EVENTS) as reader:
            (delivery,) = await reader.fetch(1, 2)
            await delivery.term("it does not parse")
            assert await reader.fetch(1, 0.3) == []
        (letter,) = await everything(bus, subjects.ALL_DEAD)
        assert b"it does not parse" in letter.body
        assert b"host.unreachable" in letter.body

    place.run(scene)


def test_a_delivery_that_is_never_done_ends_as_a_dead_letter(place) -> None:
    async def scene(bus: Bus) -> None:
        await bus.publish(event("poison"))
        async with bus.subscription("reader", subjects.ALL_EVENTS, max_deliver=3) as reader:
            for _ in range(3):
                (delivery,) = await reader.fetch(1, 2)
                await delivery.nak(0.01)
                await asyncio.sleep(0.05)
            assert await reader.fetch(1, 0.5) == []
        assert len(await everything(bus, subjects.ALL_DEAD)) == 1

    place.run(scene)


def test_a_follower_sees_what_is_stored_after_it_began(place) -> None:
    async def scene(bus: Bus) -> None:
        await bus.publish(event("before"))
        seen: list[str] = []

        async def follow() -> None:
            async for record in bus.follow(subjects.ALL_EVENTS):
                seen.append(codec.decode(record).event.id)

        async with asyncio.TaskGroup() as group:
            task = group.create_task(follow())
            await asyncio.sleep(0.5)
            await bus.publish(event("after"))
            async with asyncio.timeout(5):
                while not seen:
                    await asyncio.sleep(0.02)
            task.cancel()
        assert seen == ["after"]

    place.run(scene)


def test_inventory_keeps_the_latest_word_about_each_object(place) -> None:
    async def scene(bus: Bus) -> None:
        for number in range(3):
            await bus.publish(event(f"v{number}", "vm:VM-01", "inventory.vm", number=number))
        await bus.publish(event("h", "host:esx1", "inventory.host"))
        records = await everything(bus, subjects.ALL_INVENTORY)
        assert [codec.decode(r).event.id for r in records] == ["v2", "h"]

    place.run(scene)


def test_a_key_is_read_back_as_last_written_and_swapped_only_from_what_was_seen(place) -> None:
    async def scene(bus: Bus) -> None:
        assert await bus.get("CONTROL", "stop") is None
        await bus.put("CONTROL", "stop", b"one")
        await bus.put("CONTROL", "stop", b"two")
        entry = await bus.get("CONTROL", "stop")
        assert entry is not None
        assert entry.value == b"two"
        await bus.swap("CONTROL", "stop", b"three", expected=entry.revision)
        with pytest.raises(Conflict):
            await bus.swap("CONTROL", "stop", b"four", expected=entry.revision)

    place.run(scene)


def test_a_lease_has_one_holder_and_its_token_only_grows(place) -> None:
    async def scene(bus: Bus) -> None:
        clock = SystemClock()
        one, two = BusLeases(bus, clock, "one", life=3), BusLeases(bus, clock, "two", life=3)
        order: list[str] = []

        async def second() -> None:
            async with two.hold("host:esx1") as lease:
                order.append("two")
                tokens.append(lease.guard())

        tokens: list[int] = []
        async with asyncio.TaskGroup() as group, one.hold("host:esx1") as lease:
            tokens.append(lease.guard())
            group.create_task(second())
            await asyncio.sleep(1.5)
            order.append("one")
        assert order == ["one", "two"]
        assert tokens[1] > tokens[0]

    place.run(scene)


def test_a_dead_holders_lease_runs_out_and_is_taken_over(place) -> None:
    async def scene(bus: Bus) -> None:
        await bus.swap("LEASES", "host:esx1", b"dead", expected=0, life=1)
        async with asyncio.timeout(10), BusLeases(bus, SystemClock(), "heir", life=3).hold("host:esx1") as lease:
            assert lease.guard() > 0

    place.run(scene)


def test_a_lease_that_was_not_renewed_in_time_guards_nothing(place) -> None:
    async def scene(bus: Bus) -> None:
        async with BusLeases(bus, SystemClock(), "me", life=3).hold("host:esx1") as lease:
            lease.since -= 2.5
            with pytest.raises(Transient):
                lease.guard()

    place.run(scene)


def test_any_object_name_makes_a_subject_and_comes_back_from_it(place) -> None:
    async def scene(bus: Bus) -> None:
        for name in ("vm:ホスト 1", "host:a.b*c>", "vm:=x", "machine:chassis1/1"):
            await bus.publish(event(subjects.token(name)[:40].replace("=", "_"), name))
            assert subjects.untoken(subjects.token(name)) == name
        assert len(await everything(bus, subjects.ALL_EVENTS)) == 4

    place.run(scene)


def test_nothing_acked_is_lost_when_the_broker_is_killed_and_the_client_goes_on(tmp_path) -> None:
    async def scene() -> None:
        clock = SystemClock()
        async with (
            asyncio.timeout(60),
            embedded.running(tmp_path / "nats", clock=clock) as server,
            jetstream.connect(server.url, clock=clock, name="t", user=server.user, password=server.password) as bus,
        ):
            for number in range(20):
                await bus.publish(event(f"a{number}"))
            pid = int((tmp_path / "nats" / "server.pid").read_text())
            os.kill(pid, signal.SIGKILL)
            for number in range(20):
                await bus.publish(event(f"b{number}"))
            ids = [codec.decode(r).event.id for r in await everything(bus, subjects.ALL_EVENTS)]
            assert sorted(ids) == sorted([f"a{n}" for n in range(20)] + [f"b{n}" for n in range(20)])

    asyncio.run(scene())


def test_a_broker_that_dies_while_it_starts_again_is_started_once_more(tmp_path) -> None:
    flawed = tmp_path / "flawed"
    flawed.write_text(
        f"""#!/bin/sh
starts=$(cat "$0.starts" 2>/dev/null || echo 0); echo $((starts + 1)) > "$0.starts"
[ "$starts" = 1 ] && exit 9
exec {embedded.find()} "$@"
"""
    )
    flawed.chmod(0o700)

    async def scene() -> None:
        clock = SystemClock()
        async with (
            embedded.running(tmp_path / "nats", clock=clock, binary=flawed) as server,
            jetstream.connect(
                server.url, clock=clock, name="contract", user=server.user, password=server.password
            ) as bus,
        ):
            os.kill(int((tmp_path / "nats" / "server.pid").read_text()), signal.SIGKILL)
            await bus.publish(event("after"))
            assert (tmp_path / "flawed.starts").read_text().strip() == "3"

    asyncio.run(scene())


def test_a_second_process_on_the_same_store_is_refused_in_one_sentence(tmp_path) -> None:
    async def scene() -> None:
        clock = SystemClock()
        async with embedded.running(tmp_path / "nats", clock=clock):
            with pytest.raises(ConfigurationError, match="another Toban is on duty"):
                async with embedded.running(tmp_path / "nats", clock=clock):
                    pass

    asyncio.run(scene())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"specversion":"0.3"}',
        b'{"specversion":"1.0","id":"a","type":"x","source":"s","subject":"h","time":"now"}',
        b'{"specversion":"1.0","id":"a","type":"x","source":"s","subject":"h","time":"2026-01-01T00:00:00"}',
        b'{"specversion":"1.0","id":"a","type":"x","source":"s","subject":"h","time":"2026-01-01T00:00:00Z","x":1}',
        b'{"a":' * 5000,
        b"x" * 70_000,
        b'{"specversion":"1.0","id":"../a","type":"x","source":"s","subject":"h","time":"2026-01-01T00:00:00Z"}',
    ],
)
def test_what_is_not_an_event_is_refused_in_one_sentence(body) -> None:
    with pytest.raises(Permanent):
        codec.parse(body)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5, alphabet="abc"), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.builds(
        Event,
        id=st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
        type=st.just("host.unreachable"),
        source=st.just("t"),
        subject=st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
        time=st.datetimes(timezones=st.just(UTC), min_value=datetime(1990, 1, 1)),  # noqa: DTZ001
        severity=st.sampled_from(Severity),
        data=st.dictionaries(st.text(alphabet="abcdef", min_size=1, max_size=6), json_values, max_size=4),
        correlationid=st.none() | st.just("c"),
        synthetic=st.booleans(),
    )
)
def test_an_event_reads_back_as_it_was_written(written) -> None:
    assert codec.parse(codec.encode(written)) == written


def test_many_events_at_once_are_stored_once_each_and_in_order_per_object(place) -> None:
    many = [event(f"e{number}", f"host:esx{number % 7}", n=number) for number in range(700)]

    async def scene(bus: Bus) -> None:
        await bus.publish(many[3])
        await bus.publish_all(many[:20])
        await bus.publish_all([*many, many[5], many[0]])
        await bus.publish_all([])
        found = [codec.decode(record).event for record in await everything(bus, subjects.ALL_EVENTS)]
        assert sorted(one.data["n"] for one in found) == list(range(700))
        for host in range(1, 7):
            told = [one.data["n"] for one in found if one.subject == f"host:esx{host}"]
            assert told[1:] == sorted(told[1:])

    place.run(scene)


def test_of_many_inventory_records_at_once_the_last_of_each_object_stays(place) -> None:
    many = [event(f"i{number}", f"vm:VM-{number % 5}", "inventory.vm", n=number) for number in range(600)]

    async def scene(bus: Bus) -> None:
        await bus.publish_all(many)
        kept = await everything(bus, subjects.ALL_INVENTORY, last_per_subject=True)
        assert sorted(codec.decode(record).event.data["n"] for record in kept) == [595, 596, 597, 598, 599]
        assert len(await everything(bus, subjects.ALL_INVENTORY)) == 5

    place.run(scene)


def test_of_many_events_none_is_stored_if_one_of_them_can_never_be(place) -> None:
    async def scene(bus: Bus) -> None:
        with pytest.raises(Permanent):
            await bus.publish_all([*(event(f"e{n}") for n in range(20)), event("large", text="x" * 70_000)])
        assert await everything(bus, subjects.ALL_EVENTS) == []

    place.run(scene)


def test_a_stream_that_takes_no_batches_learns_it_or_is_used_one_by_one(tmp_path) -> None:
    async def scene() -> None:
        clock = SystemClock()
        async with embedded.running(tmp_path / "nats", clock=clock) as server:
            login = {"clock": clock, "name": "contract", "user": server.user, "password": server.password}
            client = Client()
            await client.connect(server.url, user=server.user, password=server.password)
            js = client.jetstream()
            plain = config_of(next(plan for plan in subjects.STREAMS if plan.name == "EVENTS")).evolve(
                allow_atomic=False
            )
            await js.add_stream(config=plain)
            async with jetstream.connect(server.url, **login) as bus:
                await bus.publish_all([event(f"a{number}") for number in range(20)])
                assert (await js.stream_info("EVENTS")).config.allow_atomic
                some = [Message(f"events.0.x{number}", b"{}", f"m{number}", "EVENTS") for number in range(9)]
                assert await Batches(client).stored(some, 5.0), "one answer for all of them"
                assert not await Batches(client).stored(some, 5.0), "an id that is stored spoils the batch"
                await js.update_stream(config=plain)
                await bus.publish_all([event(f"b{number}") for number in range(20)])
                assert len(await everything(bus, subjects.ALL_EVENTS)) == 49
            await client.close()

    asyncio.run(scene())
