"""Windows of the calendar: whether one is open now, by the clocks on the wall of its time zone; pure.

A window is open while those clocks show a time within it. Where a change of the clocks skips an hour, that hour is in
no window; where an hour comes twice, it is open both times. So it never depends on when it was looked at first.
"""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.model.window import Window, weekdays


def is_open(window: Window, now: datetime) -> bool:
    """Whether the window is open at this moment (aware)."""
    local = now.astimezone(ZoneInfo(window.timezone))
    minute, today = local.hour * 60 + local.minute, local.weekday()
    days = weekdays(window.days)
    if window.end > window.start:
        return today in days and window.start <= minute < window.end
    began_today = today in days and minute >= window.start
    began_yesterday = (today - 1) % 7 in days and minute < window.end
    return began_today or began_yesterday


def first_open(windows: Iterable[Window], now: datetime) -> Window | None:
    """The first of these that is open, or None."""
    return next((window for window in windows if is_open(window, now)), None)


def words(window: Window) -> str:
    """`mon-fri 22:00-06:00 Asia/Tokyo`."""
    return f"{window.days} {_time(window.start)}-{_time(window.end)} {window.timezone}"


def _time(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
