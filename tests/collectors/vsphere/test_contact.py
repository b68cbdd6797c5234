"""When a vCenter counts as silent, and when it is believed again."""

from datetime import UTC, datetime

from collectors.vsphere.contact import DISTRUST, Contact
from engine.clock import HandClock


def contact():
    clock = HandClock(datetime(2026, 11, 24, tzinfo=UTC))
    return clock, Contact("vc1", clock, silent_after=30.0, heard=clock.monotonic())


def test_a_vcenter_that_answers_is_believed():
    clock, here = contact()
    clock.turn(29)
    assert (here.overdue(), here.doubt()) == (None, None)


def test_silence_is_told_once_and_is_a_doubt():
    clock, here = contact()
    clock.turn(31)
    assert here.overdue() == 31.0
    assert "has not answered for 31 s" in here.doubt()
    here.silent = True
    assert here.overdue() is None


def test_after_an_outage_it_is_not_believed_for_ten_minutes():
    clock, here = contact()
    clock.turn(100)
    here.silent = True
    assert here.answered()
    assert "not believed yet" in here.doubt()
    clock.turn(DISTRUST - 20)
    here.answered()
    assert here.doubt() is not None
    clock.turn(21)
    here.answered()
    assert here.doubt() is None


def test_as_a_source_it_is_blind_for_the_reason_of_its_doubt():
    clock, here = contact()
    clock.turn(29)
    assert (here.source().name, here.source().age, here.source().blind) == ("vcenter:vc1", 29.0, None)
    clock.turn(2)
    assert here.source().blind == here.doubt()
    assert here.source().blind is not None
