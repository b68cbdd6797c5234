"""Publishing for a vCenter collector: inventory differences, load, silence; nothing is lost while the bus is away."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import structlog
from pydantic import JsonValue

from collectors.publishing import BatchPublisher
from collectors.vsphere.contact import Counts
from collectors.vsphere.measuring import Worth
from collectors.vsphere.picturing import Inventory, Live
from collectors.vsphere.reconciling import Reconciling
from engine.clock import Clock
from engine.model import ids
from engine.model.errors import Permanent, Transient
from engine.model.estate import Connection, LiveDatastore, LiveHost, LiveVm
from engine.model.event import Event, Severity
from engine.model.ids import Kind

log = structlog.get_logger()

TYPES = {LiveHost: ("inventory.host", Kind.HOST), LiveVm: ("inventory.vm", Kind.VM)}
PERCENTAGES = ("cpu_percent", "memory_percent")
STORE = ("inventory.datastore", Kind.DATASTORE)


class Teller:
    """Turns what is known into events of one source."""

    def __init__(self, name: str, definitions: Mapping[str, str], publisher: BatchPublisher, clock: Clock) -> None:
        """`definitions`: host definition by inventory name, where they differ."""
        self.source = f"vcenter/{name}"
        self._name, self._definitions, self._publisher, self._clock = name, definitions, publisher, clock
        self._told: dict[tuple[str, str], Live] = {}
        """By subject and unit: several VMs of a vCenter may have one name."""
        self.reconciling, self._worth = Reconciling(), Worth()
        self.counts = Counts()
        self.publishing = 0
        """Calls that wait for the bus now."""
        self.held_up: Callable[[float], None] = _nothing
        """Told after each call how many seconds it waited for the bus."""

    async def publish(self, event: Event) -> None:
        """Publish, again and again while the bus is away."""
        await self.publish_all([event])

    async def publish_all(self, events: Sequence[Event]) -> None:
        """Publish in this order per object, again and again while the bus is away.

        An event that the bus will never take is left out and counted: one name that somebody thought up must not keep
        the others from being told.
        """
        began, self.publishing = self._clock.monotonic(), self.publishing + 1
        try:
            await self._stored(events)
        finally:
            self.publishing -= 1
            self.held_up(self._clock.monotonic() - began)

    async def _stored(self, events: Sequence[Event]) -> None:
        while events:
            try:
                await self._publisher.publish_all(events)
            except Transient as error:
                log.warning("vcenter.publish.waits", source=self.source, events=len(events), error=str(error))
                await self._clock.sleep(max(0.2, error.retry_after))
            except Permanent as error:
                if len(events) == 1:
                    self.counts.refused += 1
                    log.warning("vcenter.refused", source=self.source, type=events[0].type, error=str(error))
                    return
                for one in events:
                    await self._stored([one])
                return
            else:
                for event in events:
                    self.reconciling.heard(event)
                return

    async def inventory(self, inventory: Inventory, known: list[Event] | None = None) -> None:
        """Publish what changed since the last time; with `known`, also that what is gone is gone."""
        live = {(self._subject(one), _unit(one)): one for one in inventory.live().values()}
        found = [
            self._event(self._type(one)[0], key[0], one.model_dump(mode="json"))
            for key, one in live.items()
            if self._told.get(key) != one
        ]
        for key, one in self._told.items():
            if key not in live:
                data = {**one.model_dump(mode="json"), "removed": True}
                found.append(self._event(self._type(one)[0], key[0], data))
        gone = [one for one in known or () if (one.subject, str(one.data.get("instance_uuid", ""))) not in live]
        found += [self._event(event.type, event.subject, {**event.data, "removed": True}) for event in gone]
        await self.publish_all(found)
        self._told = live

    def hosts(self) -> dict[str, LiveHost]:
        """What was told of hosts, by object id."""
        return {key[0]: one for key, one in self._told.items() if isinstance(one, LiveHost)}

    async def reconciled(self) -> None:
        """Publish what vCenter shows of hosts and no event said."""
        hosts = self.hosts()
        for subject, kind in self.reconciling.look(hosts).items():
            log.warning("vcenter.reconciled", source=self.source, subject=subject, type=kind)
            data: dict[str, JsonValue] = {
                "planned": hosts[subject].maintenance,
                "reconciled": True,
                "message": "vCenter shows it so; no event said it",
            }
            severity = Severity.CRITICAL if kind == "host.unreachable" else Severity.INFO
            await self.publish(self._event(kind, subject, data, severity))

    def maintained(self) -> list[str]:
        """Hosts that were told to be in maintenance, by object id."""
        return [subject for subject, host in self.hosts().items() if host.maintenance]

    async def load(self, inventory: Inventory, loads: Mapping[str, tuple[int, int]]) -> None:
        """Publish host.load, and vm.load of the VMs whose load moved or was not told for five minutes."""
        events: list[Event] = []
        now = self._clock.now()
        self._worth.forget(now)
        for ref, (mhz, memory) in loads.items():
            found = inventory.capacity(ref)
            if found is None:
                continue
            kind, name, capacity_mhz, capacity_mb = found
            data: dict[str, float] = {
                "cpu_mhz": mhz,
                "memory_mb": memory,
                "cpu_percent": round(100.0 * mhz / capacity_mhz, 1) if capacity_mhz else 0.0,
                "memory_percent": round(100.0 * memory / capacity_mb, 1) if capacity_mb else 0.0,
            }
            if kind == "host" or self._worth.is_news(ref, now, {name: data[name] for name in PERCENTAGES}):
                events.append(self._event(f"{kind}.load", self._named(kind, name), data))
        await self.publish_all(events)

    async def performance(self, kind: str, found: Iterable[tuple[str, datetime, Mapping[str, float]]]) -> None:
        """Publish host.performance or vm.performance: (name, time of the sample, numbers); a sample is told once."""
        events: list[Event] = []
        for name, at, numbers in found:
            subject = self._named(kind, name)
            identity = ids.content_hash([self.source, f"{kind}.performance", subject, at.isoformat()])
            values: dict[str, JsonValue] = dict(numbers)
            events.append(
                Event(
                    id=identity, type=f"{kind}.performance", source=self.source, subject=subject, time=at, data=values
                )
            )
        await self.publish_all(events)

    def _named(self, kind: str, name: str) -> str:
        return ids.object_id(Kind(kind), self._definitions.get(name, name) if kind == "host" else name)

    async def lost_hosts(self, inventory: Inventory) -> None:
        """At the first start ever: hosts that vCenter has lost already are told, as no event will be."""
        for one in inventory.live().values():
            if isinstance(one, LiveHost) and one.connection is Connection.NOT_RESPONDING:
                data: dict[str, JsonValue] = {
                    "planned": False,
                    "reconciled": True,
                    "message": "found at the first look",
                }
                await self.publish(self._event("host.unreachable", self._subject(one), data, Severity.CRITICAL))

    async def silence(self, text: str, *, silent: bool) -> None:
        """source.silent or source.ok."""
        kind, severity = ("source.silent", Severity.CRITICAL) if silent else ("source.ok", Severity.INFO)
        await self.publish(self._event(kind, ids.object_id(Kind.VCENTER, self._name), {"text": text}, severity))

    async def reverted(self, text: str) -> None:
        """vcenter.reverted."""
        await self.refused("vcenter.reverted", text)

    async def refused(self, kind: str, text: str) -> None:
        """Something about the vCenter itself that a person must put right."""
        subject = ids.object_id(Kind.VCENTER, self._name)
        await self.publish(self._event(kind, subject, {"text": text}, Severity.CRITICAL))

    def _subject(self, one: Live) -> str:
        name = self._definitions.get(one.name, one.name) if isinstance(one, LiveHost) else one.name
        return ids.object_id(self._type(one)[1], name)

    def _type(self, one: Live) -> tuple[str, Kind]:
        return STORE if isinstance(one, LiveDatastore) else TYPES[type(one)]

    def _event(
        self, kind: str, subject: str, data: Mapping[str, JsonValue], severity: Severity = Severity.INFO
    ) -> Event:
        at = self._clock.now()
        identity = ids.content_hash([self.source, kind, subject, at.isoformat(), sorted(data.items(), key=str)])
        return Event(
            id=identity, type=kind, source=self.source, subject=subject, time=at, severity=severity, data=dict(data)
        )


def _nothing(_: float) -> None:
    return


def _unit(one: Live) -> str:
    return one.instance_uuid if isinstance(one, LiveVm) else ""
