"""Reads performance statistics at their pace and has them told."""

from collections.abc import Sequence
from datetime import datetime

import structlog

from collectors.vsphere import measuring
from collectors.vsphere.measuring import PerformanceSettings, Worth
from collectors.vsphere.picturing import Inventory
from collectors.vsphere.telling import Teller
from engine.clients.offload import Offloaded
from engine.clients.vsphere import Login, Session
from engine.clients.vsphere_performance import Measured, Performance
from engine.clock import Clock

log = structlog.get_logger()


class Meter:
    """The statistics of one vCenter's hosts and VMs."""

    def __init__(self, settings: PerformanceSettings, login: Login, teller: Teller, clock: Clock) -> None:
        """Nothing is asked before `run`."""
        self._settings, self._login, self._teller, self._clock = settings, login, teller, clock
        self._known: tuple[Session, Performance] | None = None
        self._worth = Worth()

    async def run(self, offload: Offloaded, inventory: Inventory) -> None:
        """Read until cancelled; raises what vCenter raises."""
        due = {"host": self._clock.monotonic(), "vm": self._clock.monotonic()}
        every = {"host": self._settings.every, "vm": self._settings.vms_every}
        while True:
            kind = min(due, key=lambda one: due[one])
            await self._clock.sleep(max(0.0, due[kind] - self._clock.monotonic()))
            due[kind] = self._clock.monotonic() + every[kind]
            await self._read(offload, inventory, kind)

    async def _read(self, offload: Offloaded, inventory: Inventory, kind: str) -> None:
        names = inventory.measurable(kind)
        if not names:
            return
        refs, samples = tuple(names), self._settings.samples(kind)
        measured = await offload(
            lambda: self._login.use(
                lambda session: self._of(session).read(kind, refs, batch=self._settings.batch, samples=samples)
            )
        )
        await self._teller.performance(kind, self._worth_telling(kind, names, measured))

    def _of(self, session: Session) -> Performance:
        if self._known is None or self._known[0] is not session:
            wanted = {"host": self._settings.host.values(), "vm": self._settings.vm.values()}
            self._known = (session, Performance(session, wanted, self._settings.interval))
            if unknown := self._known[1].unknown:
                log.warning("vcenter.performance.unknown", source=self._teller.source, counters=unknown)
        return self._known[1]

    def _worth_telling(
        self, kind: str, names: dict[str, str], measured: Sequence[Measured]
    ) -> list[tuple[str, datetime, dict[str, float]]]:
        fields = self._settings.host if kind == "host" else self._settings.vm
        found: list[tuple[str, datetime, dict[str, float]]] = []
        for one in measured:
            numbers = measuring.numbers(one, fields)
            if numbers and one.ref in names and (kind == "host" or self._worth.is_news(one.ref, one.at, numbers)):
                found.append((names[one.ref], one.at, numbers))
        if measured:
            self._worth.forget(max(one.at for one in measured))
        return found
