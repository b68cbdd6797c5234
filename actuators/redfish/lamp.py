"""machine.identify: the locate lamp of a blade, so that a person finds it in the rack."""

from actuators.redfish.blades import Blade, Blades
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Refused, TobanError


class Lamp:
    """Switched once per command where the controller cannot say whether it is on."""

    def __init__(self, blades: Blades) -> None:
        """The blades are handed in."""
        self._blades = blades

    async def look(self, command: Command, reference: str | None = None) -> Sighting:
        """REACHED by the controller's word, or by our own order where it has none."""
        wanted = command.parameters.get("on") is True
        try:
            blade = Blade.of(command)
            seen = await self._blades.read(blade)
            wrong = blade.mismatch(seen)
            if wrong is not None:
                return Sighting(State.REFUSED, wrong)
            lit = await self._blades.located(blade)
        except TobanError as error:
            return Sighting(State.UNKNOWN, str(error))
        if lit is wanted or (lit is None and reference is not None):
            return Sighting(State.REACHED, f"the lamp of {command.target} is {'on' if wanted else 'off'}")
        return Sighting(State.READY, f"the lamp of {command.target} is to be {'on' if wanted else 'off'}")

    async def act(self, command: Command, called: Called) -> None:
        """One order; raises Refused for another blade."""
        blade = Blade.of(command)
        wrong = blade.mismatch(await self._blades.read(blade))
        if wrong is not None:
            raise Refused(wrong)
        await self._blades.locate(blade, on=command.parameters.get("on") is True)
        await called(f"lamp:{command.id}")

    async def follow(self, command: Command, reference: str) -> None:
        """Nothing is ever under way."""
