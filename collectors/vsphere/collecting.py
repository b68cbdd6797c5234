"""The vCenter collector: inventory and load in one session, events in another, silence watched from outside."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import structlog

from collectors.publishing import Publisher
from collectors.vsphere import mapping
from collectors.vsphere.contact import Contact
from collectors.vsphere.following import EventFollower
from collectors.vsphere.picturing import Inventory
from collectors.vsphere.remembering import Memory
from collectors.vsphere.telling import Teller
from engine.clients import vsphere, vsphere_faults, vsphere_inventory, vsphere_reading
from engine.clients.offload import Offload
from engine.clients.vsphere import Account, Login, Session
from engine.clients.vsphere_inventory import InventoryWatch
from engine.clients.vsphere_reading import HostFacts
from engine.clock import Clock
from engine.model import catalogue
from engine.model.errors import Permanent, TobanError

log = structlog.get_logger()

CALL = 45.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
REFUSED_PAUSE = 600.0
"""Seconds before a refused login is tried again: accounts lock."""
LONGEST_WAIT = 20.0


@dataclass(frozen=True, slots=True)
class VsphereSettings:
    """One vCenter and how closely it is watched; seconds."""

    name: str
    account: Account
    load_every: float = 20.0
    reconcile_every: float = 60.0
    silent_after: float = 30.0
    definitions: Mapping[str, str] = field(default_factory=dict)
    """Host definition by inventory name, where they differ."""


class VsphereCollector:
    """Watches one vCenter until cancelled; whatever happens to the vCenter, it goes on trying."""

    def __init__(self, settings: VsphereSettings, publisher: Publisher, memory: Memory, clock: Clock) -> None:
        """Nothing is opened before `run`."""
        self.name, self._settings, self._clock, self._memory = settings.name, settings, clock, memory
        self._teller = Teller(settings.name, settings.definitions, publisher, clock)
        self._inventory = Inventory(settings.name)
        self._offload = Offload(f"vcenter-{settings.name}", threads=6)
        self._login = Login(settings.account)
        self.contact = Contact(settings.name, clock, settings.silent_after, clock.monotonic())
        self._first_look = asyncio.Event()
        self._wait = max(1.0, min(LONGEST_WAIT, settings.silent_after / 2, settings.reconcile_every))

    async def run(self, ready: asyncio.Event | None) -> None:
        """Collect until cancelled; `ready` is set after the first full read."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep("inventory", self._watch), name=f"{self.name} inventory")
            group.create_task(self._keep("events", self._follow), name=f"{self.name} events")
            group.create_task(self._listen_for_silence(), name=f"{self.name} silence")
            await self._first_look.wait()
            if ready is not None:
                ready.set()

    async def host(self, name: str) -> HostFacts | None:
        """What vCenter says about a host right now; raises Transient or Permanent."""
        try:
            return await self._offload.call(
                lambda: self._login.use(lambda session: vsphere_reading.host_by_name(session, name)), deadline=5.0
            )
        except Exception as error:
            raise vsphere_faults.translated(error, f"vCenter {self.name}") from error

    async def _keep(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        pause = FIRST_PAUSE
        while True:
            began = self._clock.monotonic()
            error: TobanError = Permanent("the watch ended by itself")
            try:
                await work()
            except* (TobanError, *vsphere_faults.ANY) as group:
                error = vsphere_faults.translated(_first(group), f"vCenter {self._settings.account.url}")
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # an error that raced our own cancelling must not hide it
                raise asyncio.CancelledError
            log.warning("vcenter.lost", vcenter=self.name, what=what, error=str(error))
            if isinstance(error, Permanent) and what == "inventory":
                await self._say_silent(str(error))
            if self._clock.monotonic() - began > LONGEST_PAUSE:
                pause = FIRST_PAUSE
            await self._clock.sleep(REFUSED_PAUSE if isinstance(error, Permanent) else pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    async def _open(self) -> Session:
        return await self._offload.call(lambda: vsphere.log_in(self._settings.account), deadline=CALL)

    async def _watch(self) -> None:
        session = await self._open()
        watch = await self._offload.call(lambda: InventoryWatch(session, self._wait), deadline=CALL)
        try:
            await self._look_at_all(watch)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._changes(watch), name="changes")
                group.create_task(self._loads(session), name="loads")
        finally:
            await self._end(watch.cancel, watch.close, session.log_out)

    async def _look_at_all(self, watch: InventoryWatch) -> None:
        self._inventory.replace(await self._offload.call(watch.everything, deadline=CALL))
        await self._heard()
        if not self._first_look.is_set():
            await self._teller.inventory(self._inventory, await self._memory.known())
            if await self._memory.load() is None:
                await self._teller.lost_hosts(self._inventory)
            self._first_look.set()
        else:
            await self._teller.inventory(self._inventory)

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

    async def _loads(self, session: Session) -> None:
        while True:
            found = await self._offload.call(lambda: vsphere_inventory.loads(session), deadline=CALL)
            await self._heard()
            await self._teller.load(self._inventory, found)
            await self._clock.sleep(self._settings.load_every)

    async def _follow(self) -> None:
        await self._first_look.wait()
        session = await self._open()
        place = mapping.Place(self.name, session.instance_uuid, self._settings.definitions)
        follower = EventFollower(self._teller, self._memory, place, catalogue.shipped(), self._clock)
        feed = await self._offload.call(lambda: follower.open(session, self._wait), deadline=CALL)
        try:
            await follower.catch_up(lambda work: self._offload.call(work, deadline=CALL), feed)
            if follower.reverted is not None:
                log.warning("vcenter.reverted", vcenter=self.name, text=follower.reverted)
                self.contact.distrust(follower.reverted)
                await self._teller.reverted(follower.reverted)
            while True:
                page = await self._offload.call(feed.page, deadline=self._wait + CALL)
                if page is not None:
                    await follower.take(lambda work: self._offload.call(work, deadline=CALL), feed, page)
        finally:
            await self._end(feed.cancel, feed.close, session.log_out)

    async def _end(self, *calls: Callable[[], None]) -> None:
        for call in calls:
            try:
                await self._offload.call(call, deadline=3.0)
            except (TobanError, *vsphere_faults.ANY) as error:
                log.debug("vcenter.end", vcenter=self.name, error=str(error))
                return

    async def _heard(self) -> None:
        if self.contact.answered():
            log.info("vcenter.back", vcenter=self.name)
            await self._teller.silence(f"vCenter {self.name} answers again", silent=False)

    async def _listen_for_silence(self) -> None:
        while True:
            await self._clock.sleep(1.0)
            quiet = self.contact.overdue()
            if quiet is not None:
                await self._say_silent(f"vCenter {self.name} has not answered for {quiet:.0f} s")

    async def _say_silent(self, text: str) -> None:
        if not self.contact.silent:
            self.contact.silent = True
            log.warning("vcenter.silent", vcenter=self.name, text=text)
            await self._teller.silence(text, silent=True)


def _first(group: BaseExceptionGroup[BaseException]) -> Exception:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, Exception):
        raise error
    return error
