"""A trail keeps where to look for the task of an order that may have been sent."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actuators.vsphere.trails import About, Trail
from engine.clients.vsphere_tasks import TaskLine
from engine.model.errors import Permanent

NOW = datetime(2026, 11, 24, 3, 0, 0, 123456, tzinfo=UTC)
ABOUT = About("VirtualMachine", "vm-7", ("reset", "powerOn"))
kinds = st.sampled_from(["VirtualMachine", "HostSystem"])
refs = st.from_regex(r"[a-z]{1,6}-[0-9]{1,6}", fullmatch=True)
acts = st.lists(st.from_regex(r"[A-Za-z]{1,20}", fullmatch=True), min_size=1, max_size=3)
zones = st.sampled_from([UTC, timezone(timedelta(hours=9)), timezone(timedelta(hours=-3, minutes=-30))])


def line(act, seconds=0.0, ref="task-1"):
    return TaskLine(ref, act, "success", "somebody", NOW + timedelta(seconds=seconds))


@given(st.datetimes(timezones=zones, min_value=datetime(2000, 1, 1)), kinds, refs, acts)  # noqa: DTZ001  zones follow
def test_a_trail_is_read_back_from_its_reference(at, kind, ref, ordered):
    trail = Trail(at, About(kind, ref, tuple(ordered)))
    assert Trail.parse(trail.reference) == trail


@pytest.mark.parametrize("reference", [None, "", "task-7", "forceoff:run.step.1"])
def test_the_reference_of_a_task_is_no_trail(reference):
    assert Trail.parse(reference) is None


@pytest.mark.parametrize("damage", ["after", "after noon vm-7 reset", "after 2026-11-24T03:00:00+00:00 Folder:f-1 x"])
def test_a_damaged_trail_is_said_and_never_taken_for_nothing_sent(damage):
    with pytest.raises(Permanent, match="cannot be read"):
        Trail.parse(f"{damage} ")


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([], None),
        ([line("reset")], "task-1"),
        ([line("reset", -0.9)], "task-1"),
        ([line("reset", -1.1)], None),
        ([line("reconfigVm")], None),
        ([line("powerOnVm")], "task-1"),
        ([line("reset", 1, "task-2"), line("powerOn", 2, "task-3"), line("relocate", 3, "task-4")], "task-3"),
    ],
)
def test_only_a_task_of_the_right_kind_since_the_trail_began_is_adopted(lines, found):
    newest = Trail.before(NOW, ABOUT).newest(lines)
    assert (newest.ref if newest is not None else None) == found
