"""A window of the calendar: days of the week, hours of the day, in a time zone. Data only; the guard reads it."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from engine.model.pattern import Part

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def minutes(value: object) -> int:
    """`22:30` in minutes since midnight, `24:00` is the end of the day. Raises `ValueError`."""
    hours, colon, rest = str(value).partition(":")
    is_time = colon == ":" and len(rest) == 2 and hours.isdigit() and rest.isdigit() and len(hours) <= 2
    if not is_time or int(rest) > 59 or int(hours) * 60 + int(rest) > 24 * 60:
        msg = f"{value!r} is not a time of day; write for example '22:30'"
        raise ValueError(msg)
    return int(hours) * 60 + int(rest)


SHAPE = "^(([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00)$"
"""What a time of day looks like, for those who cannot ask `minutes`."""
Time = Annotated[int, BeforeValidator(minutes), WithJsonSchema({"type": "string", "pattern": SHAPE})]
"""Minutes since midnight."""


class Window(Part):
    """Hours of certain days, by the clocks of a time zone; where `to` is not after `from`, it ends the next day."""

    days: str = "mon-sun"
    """`mon-fri`, `sat,sun`, `fri-mon`: the days on which it begins."""
    start: Annotated[Time, Field(alias="from")] = 0
    """`22:00`: it opens."""
    end: Annotated[Time, Field(alias="to")] = 24 * 60
    """`06:00`: it closes; `24:00` is the end of the day."""
    timezone: str = "UTC"
    """A name of the time zone database, such as `Asia/Tokyo`."""

    @field_validator("days")
    @classmethod
    def _known_days(cls, value: str) -> str:
        weekdays(value)
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            msg = f"{value!r} is no time zone; write for example Asia/Tokyo"
            raise ValueError(msg) from error
        return value


def weekdays(text: str) -> frozenset[int]:
    """`mon-fri,sun` as numbers, Monday 0. Raises `ValueError`."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = (word.strip().lower() for word in part.partition("-"))
        if first not in DAYS or (dash and last not in DAYS):
            msg = f"{part.strip()!r} is no day; write for example mon-fri or sat,sun"
            raise ValueError(msg)
        begin, end = DAYS.index(first), DAYS.index(last if dash else first)
        found |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return frozenset(found)
