"""What a controller says about single sensors, whichever protocol it speaks."""

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """As the hardware's own rules have it; the worse of what is told."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNREAD = "unread"
    """There, but it cannot be read: no power, or no answer."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """One reading."""

    name: str
    kind: str
    """temperature, fan, power supply, or in the controller's own words."""
    health: Health
