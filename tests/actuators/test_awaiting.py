"""vm.await_tools and start.gate: a guest is waited for by vCenter's own clock, and no longer than the site says."""

from datetime import UTC, datetime, timedelta

import pytest

from actuators.vsphere.awaiting import Patience, judge
from engine.clients.vsphere_guests import Guest
from engine.model.command import State
from engine.model.errors import Refused
from tests.actuators.place import about_vm, command

NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)
UP = Guest("poweredOn", "guestToolsNotRunning", NOW - timedelta(seconds=30))
SOFT, HARD = Patience(60.0, required=False), Patience(60.0, required=True)


def guest(**changes):
    known = {"power": UP.power, "tools": UP.tools, "started": UP.started}
    return Guest(**{**known, **changes})


@pytest.mark.parametrize(
    ("seen", "patience", "state", "words"),
    [
        (guest(tools="guestToolsRunning"), HARD, State.REACHED, "the guest tools of VM-01 run"),
        (guest(), HARD, State.BUSY, "started 30 s ago"),
        (guest(started=None), SOFT, State.BUSY, "started 0 s ago"),
        (guest(started=NOW - timedelta(seconds=60)), SOFT, State.REACHED, "the others are started without it"),
        (guest(started=NOW - timedelta(seconds=60)), HARD, State.REFUSED, "what rests on it is not started"),
        (guest(power="poweredOff"), SOFT, State.REFUSED, "is poweredOff"),
        (guest(tools="untold"), SOFT, State.BUSY, "VM-01 is untold"),
        (None, SOFT, State.UNKNOWN, "no readable record"),
    ],
)
def test_what_a_record_says_about_a_guest(seen, patience, state, words) -> None:
    found = judge(seen, NOW, "VM-01", patience)
    assert (found.state, words in found.detail) == (state, True)


def waiting(place, **more):
    return about_vm(place, "vm.await_tools", "VM-01", **{"within": 30.0, "required": False, **more})


def started(place, tools_after):
    place.do("PowerOffVM_Task", "VM-01")
    place.vm("VM-01").tools_after = tools_after
    place.do("PowerOnVM_Task", "VM-01")


def test_a_guest_that_comes_up_is_waited_for_over_the_wire(place) -> None:
    started(place, 0.6)
    assert place.look(waiting(place)).state is State.BUSY
    assert place.live(waiting(place))[-1] == ("done", "the guest tools of VM-01 run")


def test_a_guest_that_never_comes_up_is_left_after_its_time(place) -> None:
    started(place, None)
    (phase, said) = place.live(waiting(place, within=0.5))[-1]
    assert (phase, "the others are started without it" in said) == ("done", True)
    hard = place.look(waiting(place, within=0.1, required=True))
    assert (hard.state, "what rests on it is not started" in hard.detail) == (State.REFUSED, True)


def test_nothing_is_waited_for_without_a_time_and_nothing_is_ever_sent(place) -> None:
    assert place.look(waiting(place, within="long")).state is State.UNKNOWN
    with pytest.raises(Refused, match="only looks"):
        place.act(waiting(place))
    gate = command("start.gate", "vm:VM-01", line=1)
    assert place.look(gate).detail == "line 1 of the start order is over"
    with pytest.raises(Refused, match="only looks"):
        place.act(gate)
