"""machine.power_off: fencing through the BMC, proven by identity and by two reads of Off (safety rules S4, S6)."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from actuators import parameters
from engine.clients.offload import Offload
from engine.clients.redfish import Bmc, Power
from engine.clock import Clock
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import InDoubt, Permanent, Refused, TobanError, Transient

log = structlog.get_logger()

OFF_WITHIN = 60.0
POLL = 1.0
DEADLINE = 40.0
OpenBmc = Callable[[str, str, str], Bmc]
"""(url, system, chassis) -> its BMC."""


@dataclass(frozen=True, slots=True)
class FencePatience:
    """Seconds."""

    double_read: float = 3.0
    off_within: float = OFF_WITHIN


def mismatch(command: Command, seen: Power) -> str | None:
    """Why this is not the blade that was meant, or None; serial and UUID must both fit."""
    serial, uuid = parameters.text(command, "serial"), parameters.text(command, "uuid").lower()
    if not seen.serial or not seen.uuid:
        return f"the BMC of {command.target} tells no serial number or UUID; nothing is switched (safety rule S6)"
    if not is_blade(seen, serial, uuid):
        return (
            f"the BMC of {command.target} belongs to blade {seen.serial} ({seen.uuid}), the estate says "
            f"{serial} ({uuid}); nothing is switched (safety rule S6)"
        )
    return None


def is_blade(seen: Power, serial: str, uuid: str) -> bool:
    """Serial and UUID both fit; an untold or undeclared one fits nothing."""
    given = (serial.strip().upper(), uuid.strip().lower())
    return all(given) and (seen.serial.upper(), seen.uuid) == given


class PowerOff:
    """ForceOff by Redfish."""

    def __init__(self, open_bmc: OpenBmc, offload: Offload, clock: Clock, patience: FencePatience) -> None:
        """All parts are handed in."""
        self._open, self._offload, self._clock, self._patience = open_bmc, offload, clock, patience

    async def look(self, command: Command, reference: str | None = None) -> Sighting:  # noqa: ARG002  the port's shape
        """REACHED only after two reads of Off."""
        try:
            return await self._see(command)
        except TobanError as error:
            return Sighting(State.UNKNOWN, f"not proven off: {error}")

    async def _see(self, command: Command) -> Sighting:
        first = await self._read(command)
        wrong = mismatch(command, first)
        if wrong is not None:
            return Sighting(State.REFUSED, wrong)
        if first.on is not False:
            return self._may_cut(command, first)
        await self._clock.sleep(self._patience.double_read)
        second = await self._read(command)
        if second.on is not False or mismatch(command, second) is not None:
            return Sighting(State.UNKNOWN, f"the BMC of {command.target} said Off, then {second.word}; not proven off")
        detail = f"{command.target} read Off twice, {self._patience.double_read:.0f} s apart"
        return Sighting(State.REACHED, detail, {"power": "off", "serial": second.serial, "reads": 2})

    def _may_cut(self, command: Command, seen: Power) -> Sighting:
        if "ForceOff" not in seen.resets:
            return Sighting(State.REFUSED, f"the BMC of {command.target} does not offer ForceOff")
        return Sighting(State.READY, f"{command.target} is {seen.word}", {"power": seen.word, "serial": seen.serial})

    async def act(self, command: Command, called: Called) -> None:
        """One ForceOff after one more look at who answers; returns when the BMC says Off or 60 s are over."""
        bmc, seen = self._bmc(command), await self._read(command)
        wrong = mismatch(command, seen)
        if wrong is not None:
            raise Refused(wrong)
        if "ForceOff" not in seen.resets and seen.on is not False:
            msg = f"the BMC of {command.target} does not offer ForceOff; nothing was sent"
            raise Refused(msg)
        if seen.on is not False:
            await called(f"forceoff:{command.id}")
            await self._cut(command, bmc)
            log.info("fence.ordered", command=command.id, target=command.target, serial=seen.serial)
        await self._until_off(command)

    async def _cut(self, command: Command, bmc: Bmc) -> None:
        """One order; a refusal says nothing where the power is gone all the same: only the state counts."""
        try:
            await self._offload.call(bmc.force_off, deadline=DEADLINE)
        except Transient as error:
            if not bmc.ordered:
                raise
            msg = f"the BMC of {command.target} was told ForceOff and has not answered ({error})"
            raise InDoubt(msg) from error
        except Permanent:
            if (await self._read(command)).on is not False:
                raise

    async def follow(self, command: Command, reference: str) -> None:  # noqa: ARG002  the port's shape
        """Redfish keeps no task for a reset: watch the power."""
        await self._until_off(command)

    async def _until_off(self, command: Command) -> None:
        until = self._clock.monotonic() + self._patience.off_within
        while self._clock.monotonic() < until:
            if (await self._read(command)).on is False:
                return
            await self._clock.sleep(POLL)

    async def _read(self, command: Command) -> Power:
        return await self._offload.call(self._bmc(command).read, deadline=DEADLINE)

    def _bmc(self, command: Command) -> Bmc:
        where = (parameters.text(command, "bmc_url"), parameters.text(command, "system"))
        return self._open(*where, parameters.text(command, "chassis"))
