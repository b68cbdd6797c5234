"""Losses become events: soon, then less often, and the counts of the events add up to what was lost."""

import itertools
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from collectors.snmp.losing import FIRST, LONGEST, QUIET, Losses
from engine.model import catalogue
from engine.model.event import Severity
from tests.collectors.snmp.traps import NOW


def due(losses, at, totals, **how):
    return losses.due(totals, at, NOW + timedelta(seconds=at), **how)


def test_the_first_loss_of_a_reason_is_told_at_once_with_its_number():
    (event,) = due(Losses("snmp/listener"), 7.0, {"kernel": 3, "community": 0})
    assert (event.type, event.subject, event.severity) == ("trap.dropped", "toban:traps", Severity.CRITICAL)
    assert event.data["reason"] == "kernel"
    assert (event.data["count"], event.data["total"]) == (3, 3)
    assert {*event.data, "sender", "sample"} == set(catalogue.shipped().get("trap.dropped").fields)


def test_a_refused_stranger_is_a_warning():
    (event,) = due(Losses("snmp/listener"), 0.0, {"community": 1})
    assert event.severity is Severity.WARNING


def test_a_loss_that_goes_on_is_told_less_and_less_often():
    losses = Losses("snmp/listener")
    told = [at for at in range(2000) if due(losses, float(at), {"rate": at + 1})]
    gaps = [after - before for before, after in itertools.pairwise(told)]
    assert gaps[:4] == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST]
    assert max(gaps) == LONGEST


def test_after_a_quiet_time_it_is_told_at_once_and_as_often_as_at_first():
    losses = Losses("snmp/listener")
    for at in range(400):
        due(losses, float(at), {"rate": at + 1})
    due(losses, 400.0, {"rate": 500}, every=True)
    assert due(losses, 400 + QUIET, {"rate": 501})
    assert due(losses, 400 + QUIET + FIRST, {"rate": 502})


@given(st.lists(st.tuples(st.floats(0, 400), st.integers(0, 5), st.sampled_from(["rate", "kernel"])), max_size=60))
def test_the_counts_of_all_events_add_up_to_what_was_lost(steps):
    losses, totals, at, events = Losses("snmp/listener"), {"rate": 0, "kernel": 0}, 0.0, []
    for after, more, reason in steps:
        at += after
        totals[reason] += more
        events += due(losses, at, totals)
    events += due(losses, at + 1, totals, every=True)
    for reason, total in totals.items():
        assert sum(one.data["count"] for one in events if one.data["reason"] == reason) == total
    assert len({one.id for one in events}) == len(events)
