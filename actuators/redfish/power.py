"""machine.power_off and machine.power_on through the BMC: identity proven, Off by two reads (safety rules S4, S6)."""

from abc import ABC, abstractmethod

from actuators.redfish.blades import Blade, Blades
from engine.clients.redfish import Power
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Refused, TobanError


class _Switch(ABC):
    """Brings a blade to one power state."""

    reset: str
    """In Redfish's words."""
    on: bool

    def __init__(self, blades: Blades) -> None:
        """The blades are handed in."""
        self._blades = blades

    async def look(self, command: Command, reference: str | None = None) -> Sighting:  # noqa: ARG002  the port's shape
        """Never raises for what the BMC answers."""
        try:
            blade = Blade.of(command)
            seen = await self._blades.read(blade)
            wrong = blade.mismatch(seen)
            return Sighting(State.REFUSED, wrong) if wrong is not None else await self._judge(blade, seen)
        except TobanError as error:
            return Sighting(State.UNKNOWN, f"not proven {'on' if self.on else 'off'}: {error}")

    @abstractmethod
    async def _judge(self, blade: Blade, seen: Power) -> Sighting:
        """What the right blade's word means."""

    def _may_switch(self, blade: Blade, seen: Power) -> Sighting:
        if self.reset not in seen.resets:
            return Sighting(State.REFUSED, f"the BMC of {blade.target} does not offer {self.reset}")
        return Sighting(State.READY, f"{blade.target} is {seen.word}", {"power": seen.word, "serial": seen.serial})

    async def act(self, command: Command, called: Called) -> None:
        """One order, then the wait for its effect; raises Refused for another blade."""
        await self._blades.switch(command, self.reset, called, on=self.on)

    async def follow(self, command: Command, reference: str) -> None:  # noqa: ARG002  the port's shape
        """Redfish keeps no task for a reset: watch the power."""
        await self._blades.until(Blade.of(command), on=self.on)


class PowerOff(_Switch):
    """ForceOff: the fence."""

    reset, on = "ForceOff", False

    async def _judge(self, blade: Blade, seen: Power) -> Sighting:
        """REACHED only after two reads of Off."""
        return await self._blades.twice_off(blade) if seen.on is False else self._may_switch(blade, seen)


class PowerOn(_Switch):
    """On; a word between On and Off is waited for or held, never switched."""

    reset, on = "On", True

    async def _judge(self, blade: Blade, seen: Power) -> Sighting:
        if seen.on is True:
            return Sighting(State.REACHED, f"{blade.target} read On", {"power": "on", "serial": seen.serial})
        if seen.on is False:
            return self._may_switch(blade, seen)
        if seen.word == "PoweringOn":
            return Sighting(State.BUSY, f"{blade.target} is powering on")
        return Sighting(State.UNKNOWN, f"{blade.target} is {seen.word}; nothing is switched")


class ProveOff:
    """machine.prove_off: a blade that was to be off already is read as off, twice; never switched."""

    def __init__(self, blades: Blades) -> None:
        """The blades are handed in."""
        self._blades = blades

    async def look(self, command: Command, reference: str | None = None) -> Sighting:  # noqa: ARG002  the port's shape
        """REACHED only after two reads of Off; any other word about power is a refusal."""
        try:
            blade = Blade.of(command)
            seen = await self._blades.read(blade)
            wrong = blade.mismatch(seen)
            if wrong is not None:
                return Sighting(State.REFUSED, wrong)
            if seen.on is False:
                return await self._blades.twice_off(blade)
            still = f"{blade.target} is {seen.word}: nothing takes its place before it is fenced or shut down"
            return Sighting(State.REFUSED, still)
        except TobanError as error:
            return Sighting(State.UNKNOWN, f"not proven off: {error}")

    async def act(self, command: Command, called: Called) -> None:  # noqa: ARG002  the port's shape
        """Never: there is nothing to do."""
        msg = f"{command.verb} only looks"
        raise Refused(msg)

    async def follow(self, command: Command, reference: str) -> None:
        """Nothing is ever under way."""
