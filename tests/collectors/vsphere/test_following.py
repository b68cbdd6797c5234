"""What follows when a vCenter is not the one that it was."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from collectors.vsphere.contact import DISTRUST, Contact
from collectors.vsphere.following import EventFollower
from collectors.vsphere.mapping import Cursor, Place
from engine.clients.vsphere_events import VcenterEvent
from engine.clock import HandClock
from engine.model import catalogue

NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)
CLOCK = HandClock(NOW)


class Shelf:
    """Durable memory in a value."""

    def __init__(self, cursor: Cursor | None) -> None:
        self.body = cursor.model_dump_json().encode() if cursor is not None else None

    async def load(self):
        return self.body

    async def save(self, cursor: bytes) -> None:
        self.body = cursor

    async def known(self):
        return []


class Feed:
    """A vCenter with these events, oldest first."""

    def __init__(self, *keys: int) -> None:
        self.events = [happened(key) for key in keys]

    def latest(self):
        return self.events[-1] if self.events else None

    def page(self):
        return self.events

    def between(self, since):
        return self.events


class Words:
    def __init__(self) -> None:
        self.told = []

    async def publish(self, event) -> None:
        self.told.append(event)


def happened(key: int) -> VcenterEvent:
    moment = NOW + timedelta(seconds=key)
    return VcenterEvent(key=key, chain=key, created=moment, kind="HostConnectedEvent", user="", message="")


def followed(stored: Cursor | None, *keys: int, instance: str = "vc-1") -> tuple[EventFollower, Shelf]:
    shelf = Shelf(stored)
    follower = EventFollower(Words(), shelf, Place("vc1", instance, {}), catalogue.shipped(), CLOCK)

    async def here(work):
        return work()

    asyncio.run(follower.catch_up(here, Feed(*keys)))
    return follower, shelf


def test_the_first_start_and_a_start_after_a_pause_are_nothing_strange() -> None:
    assert followed(None, 5, 6)[0].reverted is None


@pytest.mark.parametrize("keys", [(3, 4), (1,)])
def test_a_vcenter_whose_newest_event_is_older_than_what_was_read_was_restored_and_is_followed_from_now(keys) -> None:
    follower, shelf = followed(Cursor(instance="vc-1", key=900, created=NOW), *keys)
    assert "older than what was read before" in str(follower.reverted)
    assert Cursor.model_validate_json(shelf.body).key == keys[-1], "what comes next is newer than the cursor again"


def test_another_vcenter_under_the_same_name_is_told() -> None:
    follower, _ = followed(Cursor(instance="vc-1", key=3, created=NOW), 5, instance="vc-2")
    assert "another one than before" in str(follower.reverted)


def test_a_vcenter_that_is_not_what_it_was_is_no_witness_for_ten_minutes_though_it_answers() -> None:
    clock = HandClock(NOW)
    contact = Contact("vc1", clock, 30.0, heard=0.0)
    contact.distrust("vCenter vc1 is another one than before.")
    contact.answered()
    assert "another one than before. Not believed for 600 s more" in str(contact.doubt())
    clock.turn(DISTRUST + 1)
    contact.answered()
    assert contact.doubt() is None
