"""Cron times: as crontab means them, each once, also when the clocks change."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.cron import Cron


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def slots(expression: str, zone: str, after: str, until: str) -> list[str]:
    return [one.strftime("%m-%d %H:%M") for one in Cron(expression, zone).slots(utc(after), utc(until))]


@pytest.mark.parametrize(
    ("expression", "zone", "after", "until", "expected"),
    [
        ("0 22 * * *", "Asia/Tokyo", "2026-11-24", "2026-11-25", ["11-24 13:00"]),
        ("0 0 * * 1", "UTC", "2026-11-24", "2026-12-08", ["11-30 00:00", "12-07 00:00"]),
        ("0 0 * * sun", "UTC", "2026-11-24", "2026-11-30", ["11-29 00:00"]),
        ("0 0 * * 6-7", "UTC", "2026-11-24", "2026-11-30", ["11-28 00:00", "11-29 00:00"]),
        ("0 0 13 * 5", "UTC", "2026-11-01", "2026-11-14", ["11-06 00:00", "11-13 00:00"]),
        # Berlin: 2026-03-29 02:00 -> 03:00, 2026-10-25 03:00 -> 02:00
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", "2026-03-30T12:00", ["03-29 01:00", "03-30 00:30"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", "2026-10-26T12:00", ["10-25 00:30", "10-26 01:30"]),
        (
            "0 * * * *",
            "Europe/Berlin",
            "2026-10-24T23:00",
            "2026-10-25T03:00",
            ["10-25 00:00", "10-25 01:00", "10-25 02:00", "10-25 03:00"],
        ),
        ("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:30", "2026-03-29T01:30", ["03-29 01:00", "03-29 01:30"]),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00", "2026-10-04T00:00", ["10-03 15:30"]),
    ],
)
def test_times_are_those_that_crontab_means(expression, zone, after, until, expected) -> None:
    assert slots(expression, zone, after, until) == expected


@given(
    st.sampled_from(["Europe/Berlin", "Asia/Tokyo", "America/New_York", "Australia/Lord_Howe"]),
    st.integers(0, 59),
    st.integers(0, 23),
    st.integers(0, 365 * 1440),
    st.integers(1, 5000),
)
@settings(max_examples=200, deadline=None)
def test_a_daily_time_comes_once_a_day_however_the_span_is_cut(zone, minute, hour, start, cut) -> None:
    cron = Cron(f"{minute} {hour} * * *", zone)
    begin = utc("2026-01-01") + timedelta(minutes=start)
    middle, end = begin + timedelta(minutes=cut), begin + timedelta(days=30)
    whole = cron.slots(begin, end)
    assert len(whole) in (29, 30, 31)
    assert whole == cron.slots(begin, middle) + cron.slots(middle, end)


@pytest.mark.parametrize(
    ("expression", "zone", "sentence"),
    [
        ("0 22 * *", "UTC", "five fields"),
        ("61 * * * *", "UTC", "61"),
        ("0 0 * * 8", "UTC", "not a weekday"),
        ("0 0 * * 1/0", "UTC", "not a step"),
        ("0 0 * * *", "Mars/Olympus", "unknown time zone"),
        ("0 0 * * *", "../../etc/passwd", "unknown time zone"),
    ],
)
def test_what_is_no_schedule_is_refused_in_words(expression, zone, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        Cron(expression, zone)
