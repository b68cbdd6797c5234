"""Where notices go, and how many of them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actuators.notify import routing
from actuators.notify.routing import Allowance, Channel, Report
from engine.model.event import Severity
from engine.model.notice import Moment, Notice

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def notice(moment=Moment.PAGE, severity=Severity.CRITICAL, channel=None) -> Notice:
    return Notice(
        id="n", moment=moment, severity=severity, about="host:esx1", at=NOON, en="en", ja="ja", channel=channel
    )


REPORTS = (
    Report("mail", frozenset({Moment.START, Moment.END}), Severity.WARNING),
    Report("oncall", frozenset({Moment.PAGE, Moment.END}), Severity.CRITICAL),
    Report("mail", frozenset({Moment.PAGE})),
)


@pytest.mark.parametrize(
    ("given_notice", "channels"),
    [
        (notice(channel="chat"), ("chat",)),
        (notice(), ("oncall", "mail")),
        (notice(Moment.END, Severity.WARNING), ("mail",)),
        (notice(Moment.END, Severity.INFO), ()),
        (notice(Moment.END, Severity.FATAL), ("mail", "oncall")),
        (notice(Moment.DETECTION), ()),
    ],
)
def test_a_notice_goes_to_its_own_channel_or_to_those_that_the_reports_name_for_its_moment_and_severity(
    given_notice, channels
) -> None:
    assert routing.channels(given_notice, REPORTS) == channels


def test_fallbacks_are_tried_in_order_and_a_ring_of_them_ends() -> None:
    known = {"a": Channel("a", fallback="b"), "b": Channel("b", fallback="a"), "c": Channel("c", fallback="gone")}
    assert routing.chain("a", known) == ("a", "b")
    assert routing.chain("c", known) == ("c",)
    assert routing.chain("nobody", known) == ()


def test_a_flood_of_warnings_takes_nothing_from_a_page() -> None:
    allowance = Allowance(Channel("oncall", most=2, within=60))
    assert [allowance.take(Severity.WARNING, NOON) for _ in range(5)] == [True, True, False, False, False]
    assert allowance.take(Severity.CRITICAL, NOON)


def test_what_was_withheld_is_told_once_its_time_has_passed_and_only_then() -> None:
    allowance = Allowance(Channel("oncall", most=1, within=60))
    for _ in range(4):
        allowance.take(Severity.WARNING, NOON)
    assert allowance.due(NOON + timedelta(seconds=59)) == {}
    assert allowance.due(NOON + timedelta(seconds=60)) == {Severity.WARNING: 3}
    allowance.told(Severity.WARNING, 3)
    assert allowance.due(NOON + timedelta(seconds=61)) == {}


@given(st.lists(st.floats(0, 30, allow_nan=False), max_size=60), st.integers(1, 5))
def test_never_more_than_the_limit_within_any_window_and_every_notice_is_given_or_counted(gaps, most) -> None:
    allowance, now, given_at, withheld = Allowance(Channel("c", most=most, within=60)), NOON, [], 0
    for gap in gaps:
        now += timedelta(seconds=gap)
        if allowance.take(Severity.INFO, now):
            given_at.append(now)
        else:
            withheld += 1
    for first, beyond in zip(given_at, given_at[most:], strict=False):
        assert beyond - first >= timedelta(seconds=60)
    assert allowance.due(now + timedelta(seconds=61)).get(Severity.INFO, 0) == withheld
    assert len(given_at) + withheld == len(gaps)
