"""Cron times in a time zone, as instants: pure, and right when the clocks change.

Five fields as crontab(5) has them: minute, hour, day of month, month, day of week (0 and 7 are Sunday); with both days
restricted either one is enough. APScheduler reads the fields; its own day numbers (0 is Monday) and its handling of
the changes (a time in the repeated hour comes twice, measured with 3.11.3) are not used.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.cron import CronTrigger

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = 5
LIMIT = 100_000


class Cron:
    """A parsed schedule."""

    def __init__(self, expression: str, timezone: str) -> None:
        """Raises `ValueError` with one sentence."""
        fields = expression.split()
        if len(fields) != _FIELDS:
            msg = (
                f"a schedule has five fields (minute hour day month weekday), such as 0 22 * * 1-5; found {len(fields)}"
            )
            raise ValueError(msg)
        try:
            self._zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            msg = f"unknown time zone {timezone!r}; write a name such as Asia/Tokyo or UTC"
            raise ValueError(msg) from error
        minute, hour, day, month, weekday = fields
        self._each_hour = hour.startswith("*")
        either = [(day, "*"), ("*", _weekdays(weekday))] if "*" not in (day, weekday) else [(day, _weekdays(weekday))]
        self._triggers: list[Any] = [
            CronTrigger(minute=minute, hour=hour, day=days, month=month, day_of_week=weekdays, timezone=UTC)
            for days, weekdays in either
        ]

    def ever(self, after: datetime, until: datetime) -> bool:
        """Whether there is any time in this span at all."""
        return next(self._walls(after, until), None) is not None

    def slots(self, after: datetime, until: datetime) -> tuple[datetime, ...]:
        """Instants in (after, until], in UTC, each once; at most 100,000.

        A fixed time that the change to summer time skips comes at the change; one that the change back repeats comes
        the first time. Where the hour is `*`, time simply passes.
        """
        found: set[datetime] = set()
        for wall in self._walls(after, until):
            found |= {instant for instant in self._instants(wall) if after < instant <= until}
        return tuple(sorted(found))

    def _walls(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Wall-clock times around the span, without zone: the fields read on a calendar that never jumps."""
        day = timedelta(days=1)
        last = until.astimezone(self._zone).replace(tzinfo=UTC) + day
        for trigger in self._triggers:
            now = after.astimezone(self._zone).replace(tzinfo=UTC) - day
            for _ in range(LIMIT):
                wall = trigger.get_next_fire_time(None, now)
                if wall is None or wall > last:
                    break
                yield wall.replace(tzinfo=None)
                now = wall + timedelta(seconds=1)

    def _instants(self, wall: datetime) -> set[datetime]:
        first, second = (wall.replace(tzinfo=self._zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first.astimezone(self._zone).replace(tzinfo=None) != wall:  # skipped: `second` lies before the change
            return set() if self._each_hour else {self._change(second, first)}
        return {first, second} if self._each_hour else {first}

    def _change(self, before: datetime, after: datetime) -> datetime:
        """The moment between these two at which the offset changes."""
        old = before.astimezone(self._zone).utcoffset()
        while after - before > timedelta(seconds=1):
            middle = before + (after - before) / 2
            if middle.astimezone(self._zone).utcoffset() == old:
                before = middle
            else:
                after = middle
        return after.replace(microsecond=0)


def _weekdays(field: str) -> str:
    """`1-5` as `mon,tue,...`: names mean the same to everybody."""
    if field == "*":
        return field
    found: list[int] = []
    for item in field.lower().split(","):
        span, _, step = item.partition("/")
        first, _, last = ("0-6" if span == "*" else span).partition("-")
        begin = _day(first)
        end = _day(last) if last else (6 if step else begin)
        if not (step or "1").isdigit() or int(step or "1") < 1:
            msg = f"{item!r} is not a step of weekdays"
            raise ValueError(msg)
        found += range(begin, end + (7 if end < begin else 0) + 1, int(step or "1"))
    return ",".join(_DAYS[day] for day in sorted({day % 7 for day in found}))


def _day(word: str) -> int:
    if word in _DAYS:
        return _DAYS.index(word)
    if word.isdigit() and int(word) <= 7:
        return int(word)
    msg = f"{word!r} is not a weekday; write 0 to 7 (0 and 7 are Sunday) or sun to sat"
    raise ValueError(msg)
