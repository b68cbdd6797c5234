"""No event is skipped, none repeated, whatever a vCenter shows; and what follows when it is not the one that it was."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from collectors.vsphere import mapping
from collectors.vsphere.contact import DISTRUST, Contact, Counts
from collectors.vsphere.cursor import Cursor
from collectors.vsphere.following import EventFollower
from collectors.vsphere.interpreting import Interpreter
from collectors.vsphere.mapping import Place
from collectors.vsphere.remembering import BusMemory
from engine.bus.memory import MemoryBus
from engine.clients.vsphere_events import VcenterEvent
from engine.clients.vsphere_faults import Unreadable
from engine.clock import HandClock
from engine.model import catalogue
from engine.model.event import Event

NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)
CLOCK = HandClock(NOW)


class Shelf:
    """Durable memory in a value."""

    def __init__(self, cursor: Cursor | None) -> None:
        self.body = cursor.model_dump_json().encode() if cursor is not None else None
        self.told: frozenset[str] = frozenset()

    async def load(self):
        return self.body

    async def save(self, cursor: bytes) -> None:
        self.body = cursor

    async def known(self):
        return []

    async def told_since(self):
        return self.told

    async def alarms(self):
        return None

    async def save_alarms(self, body: bytes) -> None:
        raise AssertionError("nobody looked at alarms")

    async def told_alarms(self):
        return []


class Past:
    """What is read on from a moment; `stuck` gives its first page for ever, `broken` keys cannot be parsed."""

    def __init__(self, feed: "Feed", begin: datetime) -> None:
        self.feed, self.left = feed, [one for one in feed.events if one.created >= begin]
        self.feed.open += 1

    def more(self, most: int = 1000):
        if self.feed.pages_no_more:
            return []
        page, self.left = self.left[:most], self.left[most:]
        if any(one.key in self.feed.broken for one in page):
            msg = "no such type"
            raise Unreadable(msg)
        return page

    def close(self) -> None:
        self.feed.open -= 1


class Feed:
    """A vCenter with these events, oldest first."""

    def __init__(self, *events: VcenterEvent, broken: tuple[int, ...] = (), pages_no_more: bool = False) -> None:
        self.events, self.broken, self.pages_no_more = list(events), broken, pages_no_more
        self.open = self.queries = 0

    def latest(self):
        return self.events[-1] if self.events else None

    def page(self):
        return self.events[-200:]

    def past(self, begin):
        return Past(self, begin)

    def between(self, begin, end=None):
        self.queries += 1
        return [one for one in self.events if begin <= one.created and (end is None or one.created <= end)][-1000:]


class Words:
    def __init__(self) -> None:
        self.told = []

    async def publish_all(self, events) -> None:
        self.told += events

    @property
    def keys(self) -> list[int]:
        return [event.data["chain"] for event in self.told]


def happened(key: int) -> VcenterEvent:
    moment = NOW + timedelta(seconds=key)
    names = {"host": "esx1"}
    return VcenterEvent(key, key, moment, kind="HostConnectedEvent", user="", message="", subjects=names)


def line(first: int, last: int) -> list[VcenterEvent]:
    return [happened(key) for key in range(first, last + 1)]


@dataclass
class Followed:
    follower: EventFollower
    shelf: Shelf
    words: Words
    feed: Feed
    counts: Counts


def at(key: int) -> Cursor:
    return Cursor(instance="vc-1", key=key, created=happened(key).created)


async def here(work):
    return work()


def followed(stored: Cursor | None, feed: Feed, instance: str = "vc-1", *work) -> Followed:
    """A follower that caught up, and then did this."""
    shelf, words, counts = Shelf(stored), Words(), Counts()
    place = Place("vc1", instance, {})
    meaning = Interpreter(place, catalogue.shipped(), {})
    follower = EventFollower(words, shelf, place, meaning, CLOCK, counts)

    async def go():
        await follower.catch_up(here, feed)
        for one in work:
            await one(follower, feed)

    asyncio.run(go())
    assert feed.open == 0, "a collector was left behind"
    return Followed(follower, shelf, words, feed, counts)


def showing(*keys: int):
    """The page shows these events, and vCenter has them."""

    async def take(follower, feed):
        feed.events += [happened(key) for key in keys if key not in {one.key for one in feed.events}]
        await follower.take(here, feed, [happened(key) for key in keys])

    return take


def test_the_first_start_tells_nothing_of_what_was_before() -> None:
    found = followed(None, Feed(*line(5, 6)))
    assert (found.words.told, found.follower.reverted) == ([], None)
    assert Cursor.model_validate_json(found.shelf.body).key == 6


def test_however_much_was_missed_is_read_in_pages_to_the_end() -> None:
    found = followed(at(10), Feed(*line(1, 5678)))
    assert found.words.keys == list(range(11, 5679))
    assert Cursor.model_validate_json(found.shelf.body) == at(5678)


def test_what_an_earlier_life_published_after_it_stored_its_cursor_is_not_published_again() -> None:
    shelf, words, place = Shelf(at(10)), Words(), Place("vc1", "vc-1", {})
    shelf.told = frozenset(mapping.identity(one, place) for one in line(11, 13))
    follower = EventFollower(words, shelf, place, Interpreter(place, catalogue.shipped(), {}), CLOCK, Counts())
    asyncio.run(follower.catch_up(here, Feed(*line(1, 15))))
    assert words.keys == [14, 15]
    assert Cursor.model_validate_json(shelf.body) == at(15)


def test_ids_that_the_broker_may_have_forgotten_are_read_back_from_what_it_stored() -> None:
    clock = HandClock(NOW)
    bus = MemoryBus(clock)
    memory = BusMemory(bus, "vcenter/vc1", clock)

    def told(number: int, source: str = "vcenter/vc1") -> Event:
        return Event(id=f"e{number}", type="host.reachable", source=source, subject="host:esx1", time=NOW)

    async def go():
        await bus.publish(told(1))
        clock.turn(600)
        await memory.save(b"{}")
        await bus.publish(told(2))
        await bus.publish(told(3, source="snmp/1"))
        assert await memory.told_since() == frozenset(), "the broker still knows them"
        clock.turn(3000)
        assert await memory.told_since() == {"e2"}

    asyncio.run(go())


def test_a_page_that_does_not_reach_back_to_the_cursor_is_completed_in_order() -> None:
    feed = Feed(*line(1, 10))

    async def burst(follower, feed):
        feed.events += line(11, 3000)
        await follower.take(here, feed, feed.page())

    found = followed(at(10), feed, "vc-1", burst)
    assert found.words.keys == list(range(11, 3001))


def test_a_vcenter_that_does_not_page_is_read_by_ever_shorter_stretches_of_time() -> None:
    feed = Feed(*line(1, 10), pages_no_more=True)

    async def burst(follower, feed):
        feed.events += line(11, 4000)
        await follower.take(here, feed, feed.page())

    found = followed(at(10), feed, "vc-1", burst)
    assert found.words.keys == list(range(11, 4001))
    assert found.feed.queries > 4


def test_an_event_that_vcenter_shows_late_is_told_late_and_once() -> None:
    found = followed(at(10), Feed(*line(1, 10)), "vc-1", showing(11, 13), showing(11, 12, 13), showing(12, 13, 14))
    assert found.words.keys == [11, 13, 12, 14]
    assert Cursor.model_validate_json(found.shelf.body).gaps == ()


def test_where_keys_are_not_dense_a_hole_is_not_looked_for_at_each_page() -> None:
    pages = [showing(*range(20, 20 + 2 * n, 2)) for n in range(1, 30)]
    found = followed(at(18), Feed(*line(1, 18)), "vc-1", *pages)
    assert found.words.keys == list(range(20, 78, 2))
    assert found.feed.queries <= 4


def test_an_event_that_cannot_be_parsed_costs_itself_only() -> None:
    found = followed(at(10), Feed(*line(1, 40), broken=(20,)))
    assert found.words.keys == [*range(11, 20), *range(21, 41)]
    assert found.counts.unreadable == 1


def test_a_feed_that_stopped_without_a_word_is_noticed_and_read_past() -> None:
    async def silently(follower, feed):
        assert await follower.probe(here, feed)
        feed.events += line(11, 12)
        assert not await follower.probe(here, feed)

    assert followed(at(10), Feed(*line(1, 10)), "vc-1", silently).words.keys == [11, 12]


def test_a_vcenter_whose_newest_event_is_older_than_what_was_read_was_restored_and_is_followed_by_time() -> None:
    stored = Cursor(instance="vc-1", key=900, created=happened(5).created)
    found = followed(stored, Feed(*line(1, 8)))
    assert "older than what was read before" in str(found.follower.reverted)
    assert found.words.keys == [6, 7, 8], "what happened after the last one that was read"
    assert Cursor.model_validate_json(found.shelf.body).key == 8


def test_a_restored_vcenter_without_a_newer_event_is_followed_from_now() -> None:
    stored = Cursor(instance="vc-1", key=900, created=happened(50).created)
    found = followed(stored, Feed(*line(1, 8)))
    assert (found.words.told, Cursor.model_validate_json(found.shelf.body).key) == ([], 8)


def test_a_number_that_is_used_twice_says_that_the_vcenter_was_restored() -> None:
    stored = Cursor(instance="vc-1", key=5, created=NOW)
    assert "uses event numbers again" in str(followed(stored, Feed(*line(1, 8))).follower.reverted)


def test_another_vcenter_under_the_same_name_is_told() -> None:
    found = followed(Cursor(instance="vc-1", key=3, created=NOW), Feed(happened(5)), "vc-2")
    assert "another one than before" in str(found.follower.reverted)


def test_a_vcenter_that_is_not_what_it_was_is_no_witness_for_ten_minutes_though_it_answers() -> None:
    clock = HandClock(NOW)
    contact = Contact("vc1", clock, 30.0, heard=0.0)
    contact.distrust("vCenter vc1 is another one than before.")
    contact.answered()
    assert "another one than before. Not believed for 600 s more" in str(contact.doubt())
    clock.turn(DISTRUST + 1)
    contact.answered()
    assert contact.doubt() is None
