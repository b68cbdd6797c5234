"""A cursor that neither skips nor repeats, whatever order, repeats and holes the pages come with."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from collectors.vsphere import cursor as cursors
from collectors.vsphere.cursor import MOST_GAPS, OVERLAP, Cursor, Gap
from engine.clients.vsphere_events import VcenterEvent

NOW = datetime(2026, 11, 24, tzinfo=UTC)
keys = st.integers(-(2**31), 2**31 - 1)


def wrapped(number: int) -> int:
    return (number + 2**31) % 2**32 - 2**31


def happened(key: int, seconds: float = 0.0) -> VcenterEvent:
    at = NOW + timedelta(seconds=seconds)
    return VcenterEvent(key=key, chain=key, created=at, kind="VmPoweredOnEvent", user="u", message="m")


def cursor(key: int, *gaps: Gap) -> Cursor:
    return Cursor(instance="i", key=key, created=NOW, gaps=gaps)


def published(start: Cursor, pages: list[list[VcenterEvent]]) -> tuple[list[int], Cursor]:
    told: list[int] = []
    for page in pages:
        for event in cursors.wanted(page, start):
            told.append(event.key)
            start = cursors.moved(start, event)
    return told, start


@given(keys, st.integers(1, 2**31 - 1))
def test_a_key_is_newer_than_the_one_before_it_across_the_wrap(key, step):
    later = wrapped(key + step)
    assert cursors.is_newer(later, key)
    assert not cursors.is_newer(key, later) or step == 2**31
    assert not cursors.is_newer(key, key)


@given(keys, st.integers(1, 60), st.randoms(use_true_random=False), st.integers(0, 60))
def test_pages_in_any_order_with_repeats_give_each_event_once_in_order(start, count, dice, known):
    line = [wrapped(start + n) for n in range(count + 1)]
    page = [happened(key) for key in line[1:]] * 2
    dice.shuffle(page)
    told, end = published(cursor(line[min(known, count)]), [page])
    assert told == line[min(known, count) + 1 :]
    assert end.gaps == ()


@given(keys, st.lists(st.lists(st.integers(1, 40), max_size=12), max_size=12))
def test_whatever_pages_come_each_key_is_told_once_and_only_what_never_came_is_missing(start, pages):
    shown = [[happened(wrapped(start + n)) for n in page] for page in pages]
    told, end = published(cursor(start), shown)
    seen = {wrapped(start + n) for page in pages for n in page}
    newest = max((n for page in pages for n in page), default=0)
    assert sorted(told) == sorted(seen)
    missing = {wrapped(start + n) for n in range(1, newest + 1)} - seen
    assert {key for key in missing if any(gap.holds(key) for gap in end.gaps)} == missing
    assert sum(gap.size for gap in end.gaps) == len(missing)


@given(keys, st.lists(st.integers(1, 30), unique=True, max_size=30))
def test_a_hole_is_seen_exactly_when_a_key_below_the_newest_is_not_there(start, found):
    events = cursors.wanted([happened(wrapped(start + n)) for n in found], cursor(start))
    dense = sorted(found) == list(range(1, len(found) + 1))
    assert (cursors.first_hole(events, cursor(start)) is None) == dense


def test_an_event_that_comes_late_is_told_though_newer_ones_were():
    told, end = published(cursor(3), [[happened(4), happened(6)], [happened(5)], [happened(5), happened(6)]])
    assert told == [4, 6, 5]
    assert (end.key, end.gaps) == (6, ())


def test_what_stays_missing_is_given_up_and_counted_after_ten_minutes():
    _, end = published(cursor(3), [[happened(9, seconds=0)]])
    assert cursors.given_up(end) == (end, 0)
    _, later = published(end, [[happened(10, seconds=OVERLAP.total_seconds() + 1)]])
    assert cursors.given_up(later) == (later.model_copy(update={"gaps": ()}), 5)


def test_gaps_are_bounded_and_survive_being_stored():
    _, end = published(cursor(0), [[happened(2 * n) for n in range(1, 200)]])
    assert len(end.gaps) == MOST_GAPS
    assert Cursor.model_validate_json(end.model_dump_json()) == end


def test_a_cursor_of_an_older_version_is_read():
    old = '{"instance":"i","key":3,"created":"2026-11-24T00:00:00Z"}'
    assert Cursor.model_validate_json(old) == cursor(3)
