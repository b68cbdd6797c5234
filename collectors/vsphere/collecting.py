"""The vCenter collector: inventory and load in one session, events in another, silence watched from outside."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

import structlog

from collectors.publishing import BatchPublisher
from collectors.vsphere import mapping
from collectors.vsphere.alarms import Alarm
from collectors.vsphere.confronting import AlarmWatch
from collectors.vsphere.contact import Contact
from collectors.vsphere.following import EventFollower
from collectors.vsphere.interpreting import Interpreter
from collectors.vsphere.measuring import PerformanceSettings
from collectors.vsphere.metering import Meter
from collectors.vsphere.picturing import Inventory
from collectors.vsphere.remembering import Memory
from collectors.vsphere.telling import Teller
from engine.clients import vsphere, vsphere_faults, vsphere_inventory, vsphere_reading
from engine.clients.offload import Offload
from engine.clients.vsphere import Account, Login, Session
from engine.clients.vsphere_events import EventFeed
from engine.clients.vsphere_faults import CertificateRefused, LoginRefused, Unreadable
from engine.clients.vsphere_inventory import InventoryWatch
from engine.clients.vsphere_reading import HostFacts
from engine.clock import Clock
from engine.model import catalogue
from engine.model.errors import Permanent, TobanError, Transient

log = structlog.get_logger()
T = TypeVar("T")

CALL = 45.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
REFUSED_PAUSE = 600.0
"""Seconds before a refused login is tried again: accounts lock. A refused certificate locks nothing."""
UNREADABLE_PAUSE = 1.0
REFUSALS = {LoginRefused: "vcenter.login.refused", CertificateRefused: "vcenter.certificate.refused"}
LONGEST_WAIT = 20.0


@dataclass(frozen=True, slots=True)
class VsphereSettings:
    """One vCenter and how closely it is watched; seconds."""

    name: str
    account: Account
    load_every: float = 20.0
    reconcile_every: float = 60.0
    silent_after: float = 30.0
    performance: PerformanceSettings = field(default_factory=PerformanceSettings)
    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    """The site's own alarms by name."""
    ours: frozenset[str] = frozenset()
    """Accounts under which no person acts."""
    definitions: Mapping[str, str] = field(default_factory=dict)
    """Host definition by inventory name, where they differ."""


class VsphereCollector:
    """Watches one vCenter until cancelled; whatever happens to the vCenter, it goes on trying."""

    def __init__(self, settings: VsphereSettings, publisher: BatchPublisher, memory: Memory, clock: Clock) -> None:
        """Nothing is opened before `run`."""
        self.name, self._settings, self._clock, self._memory = settings.name, settings, clock, memory
        self._teller = Teller(settings.name, settings.definitions, publisher, clock)
        self._inventory = Inventory(settings.name)
        self._offload = Offload(f"vcenter-{settings.name}", threads=6)
        self._login = Login(settings.account)
        now = clock.monotonic()
        self.contact = Contact(settings.name, clock, settings.silent_after, heard=now, followed=now)
        self.contact.counts, self._teller.held_up = self._teller.counts, self.contact.excuse
        self._refused: set[str] = set()
        """Refusals that were told and are not over."""
        self._first_look = asyncio.Event()
        self._wait = max(1.0, min(LONGEST_WAIT, settings.silent_after / 2, settings.reconcile_every))

    async def run(self, ready: asyncio.Event | None) -> None:
        """Collect until cancelled; `ready` is set after the first full read."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep("inventory", self._watch), name=f"{self.name} inventory")
                group.create_task(self._keep("events", self._follow), name=f"{self.name} events")
                group.create_task(self._keep("load", self._loads), name=f"{self.name} load")
                if self._settings.performance.every > 0:
                    group.create_task(self._keep("performance", self._measure), name=f"{self.name} performance")
                group.create_task(self._listen_for_silence(), name=f"{self.name} silence")
                await self._first_look.wait()
                if ready is not None:
                    ready.set()
        finally:
            await self._end(self._login.close)

    async def host(self, name: str) -> HostFacts | None:
        """What vCenter says about a host right now; raises Transient or Permanent."""
        try:
            return await self._offload.call(
                lambda: self._login.use(lambda session: vsphere_reading.host_by_name(session, name)), deadline=5.0
            )
        except Exception as error:
            raise vsphere_faults.translated(error, f"vCenter {self.name}") from error

    async def _keep(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do it again and again, for ever.

        `work` opens no TaskGroup: in Python 3.11 one that fails may leave its task's `cancelling` raised, and the check
        below would take that for our own end.
        """
        pause = FIRST_PAUSE
        while True:
            began = self._clock.monotonic()
            error: TobanError = Permanent("the watch ended by itself")
            try:
                await work()
            except (TobanError, *vsphere_faults.ANY) as failed:
                error = vsphere_faults.of_a_watch(failed, f"vCenter {self._settings.account.url}")
            except Exception as failed:  # an answer of a kind that nobody thought of is no end of the watch either
                log.exception("vcenter.fault", vcenter=self.name, what=what)
                error = Transient(f"vCenter {self.name}: {type(failed).__name__}: {failed}"[:300])
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # an error that raced our own cancelling must not hide it
                raise asyncio.CancelledError
            log.warning("vcenter.lost", vcenter=self.name, what=what, error=str(error))
            await self._tell_refusal(error)
            if isinstance(error, Permanent) and what == "inventory":
                await self._say_silent(str(error))
            if self._clock.monotonic() - began > LONGEST_PAUSE:
                pause = FIRST_PAUSE
            await self._clock.sleep(REFUSED_PAUSE if isinstance(error, LoginRefused) else pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Session]:
        session = await self._briefly(lambda: vsphere.log_in(self._settings.account))
        self._refused.clear()
        try:
            yield session
        finally:
            await self._end(session.log_out)
            session.drop()

    async def _watch(self) -> None:
        async with self._session() as session:
            watch = await self._briefly(lambda: InventoryWatch(session, self._wait))
            try:
                await self._look_at_all(watch)
                await self._changes(watch)
            finally:
                await self._end(watch.cancel, watch.close)

    async def _look_at_all(self, watch: InventoryWatch) -> None:
        known = [] if self._first_look.is_set() else await self._memory.known()
        found = await self._offload.call(watch.everything, deadline=CALL)
        if not found and (known or not self._inventory.is_empty):
            self._distrust_emptiness()
        self._inventory.recall(known)
        self._inventory.replace(found)
        await self._heard()
        if not self._first_look.is_set():
            await self._teller.inventory(self._inventory, known)
            self._teller.reconciling.begin(self._teller.hosts(), known)
            if await self._memory.load() is None:
                await self._teller.lost_hosts(self._inventory)
            self._first_look.set()
        else:
            await self._teller.inventory(self._inventory)
            await self._teller.reconciled()

    def _distrust_emptiness(self) -> NoReturn:
        """An empty set is no answer (safety rule S11): a right that was taken away looks like a datacenter that is."""
        why = f"vCenter {self.name} shows no object at all any more: has its account lost its rights?"
        self.contact.distrust(why)
        raise Transient(why)

    async def _changes(self, watch: InventoryWatch) -> None:
        full = self._clock.monotonic() + self._settings.reconcile_every
        while True:
            if self._clock.monotonic() >= full:
                await self._look_at_all(watch)
                full = self._clock.monotonic() + self._settings.reconcile_every
                continue
            changes = await self._offload.call(watch.more, deadline=self._wait + CALL)
            await self._heard()
            if changes:
                self._inventory.apply(changes)
                await self._teller.inventory(self._inventory)

    async def _loads(self) -> None:
        await self._first_look.wait()
        while True:
            found = await self._briefly(lambda: self._login.use(vsphere_inventory.loads))
            await self._heard()
            await self._teller.load(self._inventory, found)
            await self._clock.sleep(self._settings.load_every)

    async def _measure(self) -> None:
        await self._first_look.wait()
        await Meter(self._settings.performance, self._login, self._teller, self._clock).run(
            self._briefly, self._inventory
        )

    async def _follow(self) -> None:
        await self._first_look.wait()
        async with self._session() as session:
            place = mapping.Place(self.name, session.instance_uuid, self._settings.definitions)
            meaning = Interpreter(place, catalogue.shipped(), self._settings.alarms, self._settings.ours)
            meaning.seed(self._teller.maintained(), await self._briefly(session.now))
            counts = self.contact.counts
            follower = EventFollower(self._teller, self._memory, place, meaning, self._clock, counts)
            feed = await self._briefly(lambda: EventFeed(session, self._wait))
            try:
                await follower.catch_up(self._briefly, feed)
                await self._doubt(follower)
                alarms = AlarmWatch(self._teller, meaning, follower.alarms, self._clock, self._settings.reconcile_every)
                while True:
                    await alarms.look_when_due(self._briefly, session)
                    await self._next_page(follower, feed)
                    self.contact.followed = self._clock.monotonic()
            finally:
                await self._end(feed.cancel, feed.close)

    async def _doubt(self, follower: EventFollower) -> None:
        if follower.reverted is not None:
            log.warning("vcenter.reverted", vcenter=self.name, text=follower.reverted)
            self.contact.distrust(follower.reverted)
            await self._teller.reverted(follower.reverted)

    async def _next_page(self, follower: EventFollower, feed: EventFeed) -> None:
        try:
            page = await self._offload.call(feed.page, deadline=self._wait + CALL)
        except Unreadable as error:
            log.warning("vcenter.page.unreadable", vcenter=self.name, error=str(error))
            await follower.read_around(self._briefly, feed)
            await self._clock.sleep(UNREADABLE_PAUSE)
            return
        if page is not None:
            await follower.take(self._briefly, feed, page)
        elif not await follower.probe(self._briefly, feed):
            msg = f"the event feed of vCenter {self.name} stopped without a word; it is made anew"
            raise Transient(msg)

    async def _briefly(self, work: Callable[[], T], /) -> T:
        return await self._offload.call(work, deadline=CALL)

    async def _end(self, *calls: Callable[[], None]) -> None:
        for call in calls:
            try:
                await self._offload.call(call, deadline=3.0)
            except (TobanError, *vsphere_faults.ANY) as error:
                log.debug("vcenter.end", vcenter=self.name, error=vsphere_faults.words(error))
                return

    async def _heard(self) -> None:
        if self.contact.answered():
            log.info("vcenter.back", vcenter=self.name)
            await self._teller.silence(f"vCenter {self.name} answers again", silent=False)

    async def _listen_for_silence(self) -> None:
        while True:
            await self._clock.sleep(1.0)
            quiet = self.contact.overdue()
            if quiet is not None and not self._teller.publishing:
                await self._say_silent(f"vCenter {self.name} has not answered for {quiet:.0f} s")

    async def _tell_refusal(self, error: TobanError) -> None:
        kind = next((name for refusal, name in REFUSALS.items() if isinstance(error, refusal)), None)
        if kind is not None and kind not in self._refused:
            self._refused.add(kind)
            await self._teller.refused(kind, str(error))

    async def _say_silent(self, text: str) -> None:
        if not self.contact.silent:
            self.contact.silent = True
            log.warning("vcenter.silent", vcenter=self.name, text=text)
            await self._teller.silence(text, silent=True)
