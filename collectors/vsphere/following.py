"""Following a vCenter's events from the durable cursor on: no gap, no repeat."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import structlog
from pydantic import ValidationError

from collectors.vsphere import mapping
from collectors.vsphere.mapping import Cursor, Place
from collectors.vsphere.remembering import Memory
from collectors.vsphere.telling import Teller
from engine.clients import vsphere_events
from engine.clients.vsphere import Session
from engine.clients.vsphere_events import EventFeed, VcenterEvent
from engine.clock import Clock
from engine.model.catalogue import Catalogue

log = structlog.get_logger()
T = TypeVar("T")


class Offloaded(Protocol):
    """Runs a blocking call elsewhere."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]:
        """Its result."""
        ...


class EventFollower:
    """Publishes mapped events in key order; the cursor moves only after the event is durable."""

    def __init__(self, teller: Teller, memory: Memory, place: Place, words: Catalogue, clock: Clock) -> None:
        """One follower per session."""
        self._teller, self._memory, self._place, self._words, self._clock = teller, memory, place, words, clock
        self._table = mapping.table()
        self._cursor: Cursor | None = None
        self.unmapped: Counter[str] = Counter()
        """Events that no table knows, by their id."""
        self.reverted: str | None = None
        """Why this vCenter is not the one whose events were followed before, or None."""

    def open(self, session: Session, longest_wait: float) -> EventFeed:
        """The feed of a session. Blocking."""
        return EventFeed(session, longest_wait)

    async def catch_up(self, offload: Offloaded, feed: EventFeed) -> None:
        """Start from the stored cursor: read what was missed. Without one, begin now.

        A vCenter that is another one than before, or whose newest event is older than what was read already, was set
        up anew or restored from a backup: what it says of the time between is not known, so it begins now as well.
        """
        stored, latest = await self._stored(), await offload(feed.latest)
        if stored is not None and latest is not None and mapping.is_newer(stored.key, latest.key):
            name = self._place.name
            self.reverted = f"the newest event of vCenter {name} is older than what was read before: was it restored?"
            stored = None
        if stored is None:
            await self._begin_now(latest, await offload(lambda: feed.page() or []))
            return
        self._cursor = stored
        missed = await offload(lambda: feed.between(stored.created - mapping.OVERLAP))
        await self._publish(mapping.newer(missed, stored))

    async def _begin_now(self, latest: VcenterEvent | None, page: list[VcenterEvent]) -> None:
        """The first start ever: what happened before is not ours. `latestEvent` alone is not always kept up to date."""
        for event in [latest, *page]:
            if event is None:
                continue
            if self._cursor is None or mapping.is_newer(event.key, self._cursor.key):
                self._cursor = self._at(event)
        if self._cursor is not None:
            await self._keep(self._cursor)

    async def take(self, offload: Offloaded, feed: EventFeed, page: list[VcenterEvent]) -> None:
        """Publish what a page brings; a page that does not reach back to the cursor is completed by a query."""
        if self._cursor is None:
            if not page:
                return
            first = min(page, key=lambda event: event.created)
            self._cursor = Cursor(instance=self._place.instance, key=first.key - 1, created=first.created)
        cursor, found = self._cursor, list(page)
        if mapping.has_hole(page, cursor, vsphere_events.PAGE):
            log.warning("vcenter.events.overflow", vcenter=self._place.name, cursor=cursor.key)
            found += await offload(lambda: feed.between(cursor.created - mapping.OVERLAP))
        await self._publish(mapping.newer(found, cursor))

    async def _publish(self, events: list[VcenterEvent]) -> None:
        for happened in events:
            event = mapping.to_event(happened, self._table, self._words, self._place)
            if event is not None:
                await self._teller.publish(event)
            else:
                self.unmapped[happened.kind] += 1
            if self._cursor is not None:
                self._cursor = mapping.moved(self._cursor, happened)
        if events and self._cursor is not None:
            await self._keep(self._cursor)

    async def _stored(self) -> Cursor | None:
        body = await self._memory.load()
        if body is None:
            return None
        try:
            cursor = Cursor.model_validate_json(body)
        except ValidationError:
            log.warning("vcenter.cursor.unreadable", vcenter=self._place.name)
            return None
        if cursor.instance != self._place.instance:
            log.warning("vcenter.another", vcenter=self._place.name, was=cursor.instance, now=self._place.instance)
            self.reverted = f"vCenter {self._place.name} is another one than before, by its instance UUID"
            return None
        return cursor

    def _at(self, event: VcenterEvent) -> Cursor:
        return Cursor(instance=self._place.instance, key=event.key, created=event.created)

    async def _keep(self, cursor: Cursor) -> None:
        self._cursor = cursor
        await self._memory.save(cursor.model_dump_json().encode())
