"""Eyes at decision time: vCenter and the BMC are asked once more before an ungraceful act (safety rules S1-S3)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from collectors.probe.probing import Prober
from collectors.vsphere.collecting import VsphereCollector
from engine.clock import Clock
from engine.model.decision import Observation
from engine.model.errors import TobanError
from engine.model.estate import Standing

log = structlog.get_logger()

PowerOf = Callable[[Standing], Awaitable[bool | None]]
LONGEST = 8.0
ALIVE = {"connected": False, "notResponding": True}
"""What a connection state says about being down; other states say nothing."""


class Looking:
    """Asks every class that can be asked; one that cannot see says nothing."""

    def __init__(
        self,
        vcenters: Mapping[str, VsphereCollector],
        power_of: PowerOf,
        clock: Clock,
        prober: Prober | None = None,
    ) -> None:
        """By the estate's names of the vCenters."""
        self._vcenters, self._power_of, self._clock, self._prober = vcenters, power_of, clock, prober
        self._deaf: dict[str, bool] = {}
        """By host: its BMC did not answer the last time it was asked."""

    async def look(self, place: Standing) -> tuple[Observation, ...]:
        """What each class sees right now; never raises, ends within 8 s."""
        async with asyncio.TaskGroup() as group:
            asked = [
                group.create_task(self._bounded(self._vcenter(place))),
                group.create_task(self._bounded(self._bmc(place))),
                group.create_task(self._bounded(self._probe(place))),
            ]
        return tuple(found for task in asked if (found := task.result()) is not None)

    async def _bounded(self, asking: Awaitable[Observation | None]) -> Observation | None:
        try:
            async with asyncio.timeout(LONGEST):
                return await asking
        except TimeoutError:
            return None

    async def _probe(self, place: Standing) -> Observation | None:
        return await self._prober.look(place.host.name) if self._prober is not None else None

    async def _vcenter(self, place: Standing) -> Observation | None:
        collector = self._vcenters.get(place.host.vcenter)
        if collector is None or collector.contact.doubt() is not None:
            return None
        try:
            host = await collector.host(place.inventory_name)
        except TobanError as error:
            log.info("look.vcenter", host=place.host.name, error=str(error))
            return None
        down = ALIVE.get(host.connection) if host is not None else None
        if host is None or down is None:
            return None
        says = f"vCenter shows {place.inventory_name} as {host.connection} now"
        return Observation(witness="vcenter", subject=place.id, down=down, at=self._clock.now(), says=says)

    async def _bmc(self, place: Standing) -> Observation | None:
        self._deaf[place.host.name] = True
        powered = await self._power_of(place)
        self._deaf[place.host.name] = powered is None
        if powered is not False:
            return None  # power says nothing about whether the hypervisor lives
        says = f"the BMC of {place.machine} reads Off now"
        return Observation(witness="bmc", subject=place.id, down=True, at=self._clock.now(), says=says)

    def blind(self, place: Standing) -> str | None:
        """Why an ungraceful act on this host must wait, or None."""
        collector = self._vcenters.get(place.host.vcenter)
        doubt = collector.contact.doubt() if collector is not None else f"no collector watches {place.host.vcenter}"
        if doubt is not None:
            return doubt
        if self._deaf.get(place.host.name):
            return f"the BMC of {place.machine} does not answer as itself: {place.host.name} could not be proven off"
        return None
