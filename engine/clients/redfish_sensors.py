"""Sensors of a Redfish chassis: its resources Thermal and Power (DMTF DSP0268)."""

from collections.abc import Iterator
from typing import Any

from sushy import exceptions

from engine.clients.sensors import Health, Sensor

WORDS = {"OK": Health.OK, "Warning": Health.WARNING, "Critical": Health.CRITICAL}
ABSENT = ("Absent", "Disabled")
"""States of a sensor that has nothing to say."""


def read(system: Any) -> tuple[Sensor, ...]:
    """Every sensor of the chassis that hold this system; none where the controller describes none.

    Raises whatever the library raises while the controller cannot be read.
    """
    found: list[Sensor] = []
    for chassis in system.chassis:
        found += _of(chassis, "thermal", (("temperature", "temperatures"), ("fan", "fans")))
        found += _of(chassis, "power", (("power supply", "power_supplies"),))
    return tuple(found)


def _of(chassis: Any, resource: str, lists: tuple[tuple[str, str], ...]) -> Iterator[Sensor]:
    try:
        described = getattr(chassis, resource)
    except (exceptions.MissingAttributeError, exceptions.ResourceNotFoundError):  # this chassis has none
        return
    for kind, attribute in lists:
        for one in getattr(described, attribute) or ():
            status = one.status
            state = str(status.state.value) if status is not None and status.state is not None else ""
            if state not in ABSENT:
                word = str(status.health.value) if status is not None and status.health is not None else ""
                yield Sensor(str(one.name or one.identity), kind, WORDS.get(word, Health.UNREAD))
