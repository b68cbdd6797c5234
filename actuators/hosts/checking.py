"""What the hardware itself says about a fault: sensor diagnosis and total recovery diagnosis (domain.md 8.2, 8.3)."""

from collections.abc import Iterable
from dataclasses import dataclass

from actuators import parameters
from actuators.redfish.blades import Blade, Blades
from actuators.vsphere.world import World, refused, unknown
from engine.clients.redfish import Power
from engine.clients.sensors import Health, Sensor
from engine.clients.vsphere_reading import HostFacts
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Refused, TobanError

SHOWN = 3
"""Sensors that a verdict names."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """What was read of a blade; `sensors` is empty where its controller describes none."""

    power: Power
    sensors: tuple[Sensor, ...]

    def of(self, *healths: Health) -> tuple[str, ...]:
        """Names of the sensors that say one of these."""
        return tuple(one.name for one in self.sensors if one.health in healths)


def is_faulty(seen: Hardware, name: str) -> Sighting:
    """REACHED: the hardware confirms a fault, and the blade may be marked. Pure (domain.md 8.2)."""
    if seen.power.on is False:
        return Sighting(State.REACHED, f"{name} has no power: a hardware failure")
    critical = seen.of(Health.CRITICAL)
    if critical:
        return Sighting(State.REACHED, f"{name}: {_few(critical)} critical")
    if seen.power.health == "Critical":
        return Sighting(State.REACHED, f"{name}: its controller calls its health Critical")
    if not seen.power.health and not seen.sensors:
        return Sighting(State.REACHED, f"{name} tells nothing about its health: the event alone counts")
    warned = seen.of(Health.WARNING)
    told = f"{_few(warned)} only warn" if warned else f"{len(seen.sensors)} sensor(s) read, none critical"
    return refused(f"{name}: {told}; nothing is marked")


def is_well(seen: Hardware, host: HostFacts | None, name: str) -> Sighting:
    """REACHED: everything that can be asked says that the blade is well. Pure (domain.md 8.3)."""
    if seen.power.on is not True:
        return refused(f"{name} is {seen.power.word}: its sensors say nothing")
    bad = seen.of(Health.CRITICAL, Health.WARNING, Health.UNREAD)
    if bad:
        return refused(f"{name}: {_few(bad)} not well")
    if seen.power.health not in ("", "OK"):
        return refused(f"{name}: its controller calls its health {seen.power.health}")
    if not seen.power.health and not seen.sensors:
        return unknown(f"{name} tells nothing about its health; a person must say that it is well")
    if host is not None and not host.connected:
        return refused(f"{host.name} is {host.connection} in vCenter")
    health = seen.power.health or "untold"
    return Sighting(State.REACHED, f"{name} is well: {len(seen.sensors)} sensor(s), health {health}")


def _few(names: Iterable[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return f"{', '.join(listed[:SHOWN])}{more}"


class _Check:
    """Reads one blade, proven to be the one that was meant; never changes anything."""

    def __init__(self, world: World, blades: Blades) -> None:
        """Both wires are handed in."""
        self._world, self._blades = world, blades

    async def look(self, command: Command, reference: str | None = None) -> Sighting:  # noqa: ARG002  the port's shape
        """Never raises for what the controller answers."""
        try:
            blade = Blade.of(command)
            power = await self._blades.read(blade)
            wrong = blade.mismatch(power)
            if wrong is not None:
                return refused(wrong)
            sensors = await self._blades.sensors(blade) if power.on is not False else ()
            return await self._judge(command, Hardware(power, sensors))
        except TobanError as error:
            return unknown(str(error))

    async def _judge(self, command: Command, seen: Hardware) -> Sighting:
        return is_faulty(seen, command.target)

    async def act(self, command: Command, called: Called) -> None:  # noqa: ARG002  the port's shape
        """Never: there is nothing to do."""
        msg = f"{command.verb} only looks"
        raise Refused(msg)

    async def follow(self, command: Command, reference: str) -> None:
        """Nothing is ever under way."""


class SensorDiagnosis(_Check):
    """machine.diagnose_sensors."""


class TotalDiagnosis(_Check):
    """machine.diagnose_total: the blade, and its host where vCenter has it."""

    async def _judge(self, command: Command, seen: Hardware) -> Sighting:
        known = parameters.optional(command, "host_uuid") is not None
        named = {**command.parameters, "uuid": command.parameters.get("host_uuid")}
        host = await self._world.host(command.model_copy(update={"parameters": named})) if known else None
        return is_well(seen, host, command.target)
