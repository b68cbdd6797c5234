"""One blade behind its BMC: who answers, what it says about power, one order, and the wait until it has come true."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

import structlog

from actuators import parameters
from engine.clients.offload import Leave, Offload
from engine.clients.redfish import Power, is_blade
from engine.clients.sensors import Sensor
from engine.clock import Clock
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import InDoubt, Permanent, Refused, Transient

log = structlog.get_logger()

SETTLES_WITHIN = 60.0
POLL = 1.0
DEADLINE = 40.0


class Controller(Protocol):
    """A management controller, whichever protocol it speaks; blocking."""

    leave: Leave
    """To send an order to it."""

    def read(self) -> Power:
        """Who answers and what it says about power; raises Transient or Permanent."""
        ...

    def reset(self, kind: str) -> None:
        """Order one reset in Redfish's words; raises Transient, Permanent or InDoubt."""
        ...

    def sensors(self) -> tuple[Sensor, ...]:
        """Every sensor that it describes; raises Transient or Permanent."""
        ...

    def locate(self, *, on: bool) -> None:
        """Switch the locate lamp; raises Transient, Permanent or InDoubt."""
        ...

    def located(self) -> bool | None:
        """Whether the locate lamp is on; None: it cannot say."""
        ...


OpenBmc = Callable[[str, str, str], Controller]
"""(url, system, chassis) -> its BMC."""


@dataclass(frozen=True, slots=True)
class FencePatience:
    """Seconds."""

    double_read: float = 3.0
    """Between the two reads of Off."""
    settles_within: float = SETTLES_WITHIN
    """How long a blade may take to reach the power state that was ordered."""


@dataclass(frozen=True, slots=True)
class Blade:
    """The blade that a command means, as the estate declares it."""

    target: str
    url: str
    system: str
    chassis: str
    serial: str
    uuid: str

    @classmethod
    def of(cls, command: Command, uuid: str = "uuid") -> Self:
        """`uuid` is the parameter that holds the machine's UUID; raises Permanent for a missing parameter."""
        named = (parameters.text(command, name) for name in ("bmc_url", "system", "chassis", "serial", uuid))
        return cls(command.target, *named)

    def mismatch(self, seen: Power) -> str | None:
        """Why this is not the blade that was meant, or None; serial and UUID must both fit (safety rule S6)."""
        if not seen.serial or not seen.uuid:
            return f"the BMC of {self.target} tells no serial number or UUID; nothing is switched (safety rule S6)"
        if not is_blade(seen, self.serial, self.uuid):
            return (
                f"the BMC of {self.target} belongs to blade {seen.serial} ({seen.uuid}), the estate says "
                f"{self.serial} ({self.uuid.lower()}); nothing is switched (safety rule S6)"
            )
        return None


class Blades:
    """Reads and switches blades; each order is sent once."""

    def __init__(self, open_bmc: OpenBmc, offload: Offload, clock: Clock, patience: FencePatience) -> None:
        """All parts are handed in."""
        self._open, self._offload, self._clock, self._patience = open_bmc, offload, clock, patience

    async def read(self, blade: Blade) -> Power:
        """What its BMC says now; raises Transient or Permanent."""
        return await self._offload.call(self._bmc(blade).read, deadline=DEADLINE)

    async def sensors(self, blade: Blade) -> tuple[Sensor, ...]:
        """What each of its sensors says now; raises Transient or Permanent."""
        return await self._offload.call(self._bmc(blade).sensors, deadline=DEADLINE)

    async def locate(self, blade: Blade, *, on: bool) -> None:
        """Switch its locate lamp; raises Transient, Permanent or InDoubt."""
        bmc = self._bmc(blade)
        await self._offload.call(lambda: bmc.locate(on=on), deadline=DEADLINE)

    async def located(self, blade: Blade) -> bool | None:
        """Whether its lamp is on; None: it cannot say."""
        return await self._offload.call(self._bmc(blade).located, deadline=DEADLINE)

    async def twice_off(self, blade: Blade) -> Sighting:
        """REACHED if a second read, a little after a first that said Off, says so too, and it is the same blade."""
        await self._clock.sleep(self._patience.double_read)
        second = await self.read(blade)
        if second.on is not False or blade.mismatch(second) is not None:
            return Sighting(State.UNKNOWN, f"the BMC of {blade.target} said Off, then {second.word}; not proven off")
        detail = f"{blade.target} read Off twice, {self._patience.double_read:.0f} s apart"
        return Sighting(State.REACHED, detail, {"power": "off", "serial": second.serial, "reads": 2})

    async def switch(self, command: Command, reset: str, called: Called, *, on: bool) -> None:
        """One order after one more look at who answers; returns when the BMC says so or the patience is over.

        Raises Refused if it is another blade or cannot do this; nothing was sent then.
        """
        blade = Blade.of(command)
        bmc, seen = self._bmc(blade), await self.read(blade)
        wrong = blade.mismatch(seen)
        if wrong is not None:
            raise Refused(wrong)
        if seen.on is not on:
            if reset not in seen.resets:
                msg = f"the BMC of {blade.target} does not offer {reset}; nothing was sent"
                raise Refused(msg)
            await called(f"{reset.lower()}:{command.id}")
            await self._order(blade, bmc, reset, on=on)
            log.info("blade.ordered", command=command.id, target=blade.target, serial=seen.serial, reset=reset)
        await self.until(blade, on=on)

    async def _order(self, blade: Blade, bmc: Controller, reset: str, *, on: bool) -> None:
        """One order; a refusal says nothing where the end state holds all the same: only the state counts.

        However this ends, an order that has not left by then never will.
        """
        try:
            await self._offload.call(lambda: bmc.reset(reset), deadline=DEADLINE)
        except Transient as error:
            if bmc.leave.withdraw():
                raise
            msg = f"the BMC of {blade.target} was told {reset} and has not answered ({error})"
            raise InDoubt(msg) from error
        except Permanent:
            if (await self.read(blade)).on is not on:
                raise
        finally:
            bmc.leave.withdraw()

    async def until(self, blade: Blade, *, on: bool) -> None:
        """Returns when the BMC says so, or when the patience is over: the next look counts, not this wait."""
        end = self._clock.monotonic() + self._patience.settles_within
        while self._clock.monotonic() < end:
            if (await self.read(blade)).on is on:
                return
            await self._clock.sleep(POLL)

    def _bmc(self, blade: Blade) -> Controller:
        return self._open(blade.url, blade.system, blade.chassis)
