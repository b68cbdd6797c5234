"""A window is open by the clocks on the wall, over midnight and over both changes of the clocks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.guard import windows
from engine.model.window import DAYS, Window

ZONES = ("Asia/Tokyo", "Europe/Berlin", "America/New_York", "UTC")


def window(days: str = "mon-sun", begin: str = "00:00", end: str = "24:00", zone: str = "UTC") -> Window:
    return Window.model_validate({"days": days, "from": begin, "to": end, "timezone": zone})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "begin", "end", "zone", "moment", "expected"),
    [
        # Tokyo, UTC+9, no summer time; 2026-01-05 is a Monday
        ("mon-fri", "09:00", "18:00", "Asia/Tokyo", "2026-01-04T23:59", False),
        ("mon-fri", "09:00", "18:00", "Asia/Tokyo", "2026-01-05T00:00", True),
        ("mon-fri", "09:00", "18:00", "Asia/Tokyo", "2026-01-05T08:59", True),
        ("mon-fri", "09:00", "18:00", "Asia/Tokyo", "2026-01-05T09:00", False),
        ("mon-fri", "09:00", "18:00", "Asia/Tokyo", "2026-01-10T03:00", False),  # Saturday
        # over midnight: it belongs to the day on which it begins
        ("fri", "22:00", "06:00", "Asia/Tokyo", "2026-01-09T13:00", True),  # Friday 22:00
        ("fri", "22:00", "06:00", "Asia/Tokyo", "2026-01-09T20:59", True),  # Saturday 05:59
        ("fri", "22:00", "06:00", "Asia/Tokyo", "2026-01-09T21:00", False),  # Saturday 06:00
        ("fri", "22:00", "06:00", "Asia/Tokyo", "2026-01-08T20:00", False),  # Friday 05:00 belongs to Thursday
        ("fri-mon", "22:00", "06:00", "Asia/Tokyo", "2026-01-05T20:00", True),  # Tuesday 05:00, begun on Monday
        ("fri-mon", "22:00", "06:00", "Asia/Tokyo", "2026-01-06T13:00", False),  # Tuesday 22:00
        ("mon-sun", "06:00", "06:00", "Asia/Tokyo", "2026-01-06T13:00", True),  # a whole day
        ("mon", "24:00", "06:00", "UTC", "2026-01-06T05:00", True),  # the midnight that ends Monday
        ("mon", "24:00", "06:00", "UTC", "2026-01-05T23:59", False),
        # Berlin: 2026-03-29 02:00 -> 03:00, 2026-10-25 03:00 -> 02:00
        ("mon-sun", "02:30", "04:00", "Europe/Berlin", "2026-03-29T00:59", False),  # 01:59
        ("mon-sun", "02:30", "04:00", "Europe/Berlin", "2026-03-29T01:00", True),  # 03:00, half an hour was skipped
        ("mon-sun", "02:30", "04:00", "Europe/Berlin", "2026-03-29T02:00", False),  # 04:00
        ("mon-sun", "02:00", "03:00", "Europe/Berlin", "2026-03-29T01:00", False),  # all of it was skipped
        ("sat", "22:00", "03:30", "Europe/Berlin", "2026-03-29T01:29", True),  # 03:29
        ("sat", "22:00", "03:30", "Europe/Berlin", "2026-03-29T01:30", False),
        ("mon-sun", "02:30", "03:00", "Europe/Berlin", "2026-10-25T00:30", True),  # 02:30, first time
        ("mon-sun", "02:30", "03:00", "Europe/Berlin", "2026-10-25T01:00", False),  # 02:00, second time
        ("mon-sun", "02:30", "03:00", "Europe/Berlin", "2026-10-25T01:30", True),  # 02:30, second time
        ("mon-sun", "02:30", "03:00", "Europe/Berlin", "2026-10-25T02:00", False),
        # New York: 2026-03-08 02:00 -> 03:00, 2026-11-01 02:00 -> 01:00
        ("sun", "00:00", "03:00", "America/New_York", "2026-03-08T06:59", True),  # 01:59
        ("sun", "00:00", "03:00", "America/New_York", "2026-03-08T07:00", False),  # 03:00
        ("sat", "23:00", "01:30", "America/New_York", "2026-11-01T05:29", True),  # 01:29, first time
        ("sat", "23:00", "01:30", "America/New_York", "2026-11-01T05:30", False),
        ("sat", "23:00", "01:30", "America/New_York", "2026-11-01T06:00", True),  # 01:00 again
        ("sat", "23:00", "01:30", "America/New_York", "2026-11-01T06:30", False),
    ],
)
def test_a_window_follows_the_clocks_on_the_wall(days, begin, end, zone, moment, expected) -> None:
    assert windows.is_open(window(days, begin, end, zone), utc(moment)) is expected


@given(
    days=st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True),
    begin=st.integers(0, 1439),
    end=st.integers(0, 1440),
    zone=st.sampled_from(ZONES),
    minutes=st.integers(0, 366 * 24 * 60),
)
def test_a_window_and_its_complement_are_never_open_together(days, begin, end, zone, minutes) -> None:
    """Over a whole year: the window of every day and the one of the rest of it share no minute and leave none."""
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    words = {"days": "mon-sun", "timezone": zone}
    one = Window(**words, start=f"{begin // 60}:{begin % 60:02d}", end=f"{end // 60}:{end % 60:02d}")
    rest = Window(**words, start=f"{end // 60 % 24}:{end % 60:02d}", end=f"{begin // 60}:{begin % 60:02d}")
    local = now.astimezone(ZoneInfo(zone))
    if begin != end % 1440:
        assert windows.is_open(one, now) is not windows.is_open(rest, now)
    else:
        assert windows.is_open(one, now)
    some = one.model_copy(update={"days": ",".join(days)})
    if windows.is_open(some, now):
        assert windows.is_open(one, now)
        assert DAYS[local.weekday()] in days or DAYS[(local - timedelta(days=1)).weekday()] in days


def test_the_first_open_window_is_named_in_words() -> None:
    night, week = window("sat,sun", "08:00", "20:00"), window("mon-fri", "22:00", "06:00", "Asia/Tokyo")
    found = windows.first_open((night, week), utc("2026-01-05T14:00"))
    assert found == week
    assert windows.words(week) == "mon-fri 22:00-06:00 Asia/Tokyo"
    assert windows.first_open((night, week), utc("2026-01-05T04:00")) is None
