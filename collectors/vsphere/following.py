"""Following a vCenter's events from the durable cursor on: no gap, no repeat, in order per object."""

from datetime import datetime, timedelta
from functools import partial

import structlog
from pydantic import ValidationError

from collectors.vsphere import cursor as cursors
from collectors.vsphere.alarm_memory import AlarmMemory
from collectors.vsphere.contact import Counts
from collectors.vsphere.cursor import OVERLAP, Cursor
from collectors.vsphere.interpreting import Interpreter
from collectors.vsphere.mapping import Place
from collectors.vsphere.remembering import Memory
from collectors.vsphere.telling import Teller
from engine.clients import vsphere_events
from engine.clients.offload import Offloaded
from engine.clients.vsphere_events import EventFeed, VcenterEvent
from engine.clients.vsphere_faults import Unreadable
from engine.clock import Clock

log = structlog.get_logger()
SAVE_EVERY = 200
"""Published events after which the cursor is stored: so many at most are read again after a kill."""
LOOK_BACK = timedelta(seconds=60)
"""How far before a hole in the newest events is read again."""
FRUITLESS, PATIENCE = 3, 60.0
"""After so many holes that no reading filled, keys are not dense: one is looked for every PATIENCE seconds at most."""
NARROWEST = timedelta(milliseconds=2)
MOST_UNREADABLE = 10_000


class EventFollower:
    """Publishes mapped events in key order; the cursor moves only after the event is durable."""

    def __init__(
        self, teller: Teller, memory: Memory, place: Place, meaning: Interpreter, clock: Clock, counts: Counts
    ) -> None:
        """One follower per session; `meaning` and `counts` outlive it."""
        self._teller, self._memory, self._place, self._clock = teller, memory, place, clock
        self._meaning, self._counts = meaning, counts
        self._cursor: Cursor | None = None
        self._saved: Cursor | None = None
        self._stored_as: Cursor | None = None
        self._told: frozenset[str] = frozenset()
        """Ids that an earlier life published after it stored its cursor."""
        self._fruitless, self._searched = 0, clock.monotonic() - PATIENCE
        self.alarms = AlarmMemory(memory, place, meaning.colours)
        self.reverted: str | None = None
        """Why this vCenter is not the one whose events were followed before, or None."""

    async def catch_up(self, offload: Offloaded, feed: EventFeed) -> None:
        """Start from the stored cursor: read what was missed, however much it is. Without one, begin now.

        Another vCenter begins now too. One whose newest event is older than what was read already, or that uses a
        number twice, was restored from a backup: it is followed on by time, as its numbers count anew.
        """
        await self.alarms.begin()
        stored, latest = await self._stored(), await offload(feed.latest)
        if stored is None:
            await self._begin_now(latest, await offload(lambda: feed.page() or []))
            return
        self._cursor = self._saved = stored
        self._told = await self._memory.told_since()
        if latest is not None and cursors.is_newer(stored.key, latest.key):
            why = f"the newest event of vCenter {self._place.name} is older than what was read before: was it restored?"
            await self._resume_by_time(offload, feed, stored, why)
        else:
            await self._read_past(offload, feed, stored.created - OVERLAP)

    async def _resume_by_time(self, offload: Offloaded, feed: EventFeed, stored: Cursor, why: str) -> None:
        self.reverted = why
        past = await offload(lambda: feed.past(stored.created))
        try:
            later = [event for event in await offload(past.more) if event.created > stored.created]
        finally:
            await offload(past.close)
        if not later:
            await self._begin_now(await offload(feed.latest), await offload(lambda: feed.page() or []))
            return
        self._cursor = cursors.just_before(min(later, key=lambda event: event.created), stored.instance)
        await self._read_past(offload, feed, stored.created)

    async def _begin_now(self, latest: VcenterEvent | None, page: list[VcenterEvent]) -> None:
        """The first start ever: what happened before is not ours. `latestEvent` alone is not always kept up to date."""
        newest: Cursor | None = None
        for event in [latest, *page]:
            if event is None:
                continue
            if newest is None or cursors.is_newer(event.key, newest.key):
                newest = Cursor(instance=self._place.instance, key=event.key, created=event.created)
        if newest is not None:
            self._cursor = newest
            await self._save()

    async def take(self, offload: Offloaded, feed: EventFeed, page: list[VcenterEvent]) -> None:
        """Publish what a page brings; what the page does not reach back to is read first, however much it is."""
        if self._cursor is None:
            if not page:
                return
            first = min(page, key=lambda event: event.created)
            self._cursor = cursors.just_before(first, self._place.instance)
        found = cursors.wanted(page, self._cursor)
        hole = cursors.first_hole(found, self._cursor)
        if hole is not None and self._worth_a_search(overflow=len(found) >= vsphere_events.PAGE):
            await self._search(offload, feed, hole, found)
        await self._publish(page)

    async def probe(self, offload: Offloaded, feed: EventFeed) -> bool:
        """Whether the feed shows what there is; a feed that stopped without a word is read past, then made anew."""
        latest = await offload(feed.latest)
        if latest is None or self._cursor is None or not cursors.is_newer(latest.key, self._cursor.key):
            return True
        await self._read_past(offload, feed, self._cursor.created - LOOK_BACK)
        return False

    async def read_around(self, offload: Offloaded, feed: EventFeed) -> None:
        """The page holds an event that cannot be parsed: read one after the other, and leave only that one out."""
        if self._cursor is not None:
            await self._read_past(offload, feed, self._cursor.created - LOOK_BACK, at_once=1)

    def _worth_a_search(self, *, overflow: bool) -> bool:
        waited = self._clock.monotonic() - self._searched >= PATIENCE
        return overflow or waited or self._fruitless < FRUITLESS

    async def _search(self, offload: Offloaded, feed: EventFeed, hole: datetime, found: list[VcenterEvent]) -> None:
        """Read what lies between the cursor and the newest of these events."""
        was = self._cursor
        if was is None:
            return
        log.info("vcenter.events.hole", vcenter=self._place.name, cursor=was.key)
        await self._read_past(offload, feed, min(hole, was.created) - LOOK_BACK, until=found[-1].key)
        if self._leaves_a_hole(found):
            await self._read_slices(offload, feed, was.created, found[-1].created)
        self._fruitless = self._fruitless + 1 if self._leaves_a_hole(found) else 0
        self._searched = self._clock.monotonic()

    def _leaves_a_hole(self, found: list[VcenterEvent]) -> bool:
        now = self._cursor
        return now is not None and (bool(now.gaps) or cursors.first_hole(cursors.wanted(found, now), now) is not None)

    async def _read_past(
        self, offload: Offloaded, feed: EventFeed, begin: datetime, *, at_once: int = 0, until: int | None = None
    ) -> None:
        try:
            await self._pages(offload, feed, begin, at_once or vsphere_events.MOST, until)
        except Unreadable:
            if at_once == 1:
                raise
            await self._pages(offload, feed, begin, 1, until)

    async def _pages(
        self, offload: Offloaded, feed: EventFeed, begin: datetime, at_once: int, until: int | None
    ) -> None:
        past, left_out = await offload(lambda: feed.past(begin)), 0
        try:
            while True:
                try:
                    events = await offload(lambda: past.more(at_once))
                except Unreadable as error:
                    left_out += 1
                    if at_once > 1 or left_out > MOST_UNREADABLE:
                        raise
                    self._counts.unreadable += 1
                    log.warning("vcenter.event.unreadable", vcenter=self._place.name, error=str(error))
                    continue
                self._check(events)
                self._learn(events)
                await self._publish(events)
                if not events or (until is not None and self._reached(until)):
                    return
        finally:
            await offload(past.close)

    def _reached(self, key: int) -> bool:
        return self._cursor is not None and not cursors.is_newer(key, self._cursor.key)

    async def _read_slices(self, offload: Offloaded, feed: EventFeed, begin: datetime, end: datetime) -> None:
        """By one-shot queries of ever shorter stretches of time, oldest first: for a vCenter that does not page."""
        stretches = [(begin, end)]
        while stretches:
            first, last = stretches.pop()
            events = await offload(partial(feed.between, first, last))
            if len(events) >= vsphere_events.MOST and last - first > NARROWEST:
                middle = first + (last - first) / 2
                stretches += [(middle, last), (first, middle)]
            else:
                await self._publish(events)

    def _learn(self, events: list[VcenterEvent]) -> None:
        """What an earlier life has told already still says what was planned and which alarms are raised."""
        if self._cursor is not None and self._cursor == self._stored_as:
            told = [one for one in events if not cursors.is_newer(one.key, self._cursor.key)]
            for one in sorted(told, key=lambda event: event.created):
                self._meaning.again(one)

    def _check(self, events: list[VcenterEvent]) -> None:
        stored = self._stored_as
        if stored is not None and any(one.key == stored.key and one.created != stored.created for one in events):
            name = self._place.name
            self.reverted = f"vCenter {name} uses event numbers again that it used before: was it restored?"

    async def _publish(self, events: list[VcenterEvent]) -> None:
        """What of these was not published yet."""
        rest = cursors.wanted(events, self._cursor) if self._cursor is not None else []
        while rest:
            portion, rest = rest[:SAVE_EVERY], rest[SAVE_EVERY:]
            mapped = [self._meaning.of(one) for one in portion]
            fresh = [event for event in mapped if event is not None and event.id not in self._told]
            await self._teller.publish_all(fresh)
            self._counts.unmapped += mapped.count(None)
            for happened in portion:
                self._cursor = cursors.moved(self._cursor, happened) if self._cursor is not None else None
            await self._save()
        if self._cursor is not None:
            self._cursor, lost = cursors.given_up(self._cursor)
            self._counts.lost += lost
        await self._save()

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
        self._stored_as = cursor
        return cursor

    async def _save(self) -> None:
        if self._cursor is not None and self._cursor != self._saved:
            await self.alarms.keep()
            await self._memory.save(self._cursor.model_dump_json().encode())
            self._saved = self._cursor
