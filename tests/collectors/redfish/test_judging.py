"""What a controller says against what was told: each change once, and only about the declared blade."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.redfish.judging import Known, Look, blindness, judge
from engine.clients.redfish import Power
from engine.model.hardware import Bmc, Slot

SLOT = Slot(slot=1, serial="BLD1", uuid="30000000-0000-4000-8000-000000000001", bmc=Bmc(url="https://192.0.2.1"))
AWAY = Look(None, "BMC https://192.0.2.1 does not answer")

REFUSED = Look(None, "BMC https://192.0.2.1 refused us", refused=True)


def says(on: bool | None = True, health: str = "OK", serial: str = "BLD1") -> Look:
    return Look(Power(serial, SLOT.uuid, "HPE", on, "On" if on else "Off", frozenset(), health))


def told(*looks: Look, blind: bool = False, before: Known = Known()) -> list[str]:  # noqa: B008  frozen
    found = []
    for look in looks:
        before, changes = judge(before, look, SLOT, blind=blind)
        found += [change.type for change in changes]
    return found


@pytest.mark.parametrize(
    ("looks", "kinds"),
    [
        ([says(), says()], []),
        ([says(on=False)], []),
        ([says(), says(on=False), says(on=False), says()], ["bmc.power.off", "bmc.power.on"]),
        ([says(), says(on=None), says()], []),
        ([says(health="Warning"), says(health="Critical"), says(), says()],
         ["blade.health.warning", "blade.health.critical", "blade.health.ok"]),
        ([says(health="Critical"), says(health=""), says(health="Unheard")], ["blade.health.critical"]),
        ([AWAY, says(), AWAY], []),
        ([AWAY, AWAY, AWAY, says()], ["bmc.unreachable", "bmc.reachable"]),
        ([says(), says(on=False, health="Critical", serial="OTHER"), says()],
         ["bmc.identity.wrong", "bmc.identity.right"]),
        ([says(serial="")], ["bmc.identity.wrong"]),
        ([REFUSED, AWAY, says()], ["bmc.unreachable", "bmc.reachable"]),
    ],
)  # fmt: skip
def test_each_change_is_told_once(looks, kinds) -> None:
    assert told(*looks) == kinds


def test_while_no_controller_answers_silence_says_nothing() -> None:
    assert told(AWAY, AWAY, AWAY, blind=True) == []
    assert blindness([AWAY, AWAY]) is not None
    assert blindness([AWAY, says()]) is None
    assert blindness([AWAY, REFUSED]) is None
    assert blindness([AWAY]) is None
    assert blindness([]) is None


@given(st.lists(st.sampled_from([AWAY, says(), says(on=False), says(on=None), says(health="Warning")]), max_size=40))
def test_told_power_alternates_and_is_what_was_read_last(looks) -> None:
    power = [kind for kind in told(*looks) if kind.startswith("bmc.power")]
    assert all(one != other for one, other in itertools.pairwise(power))
    read = [look.power.on for look in looks if look.power is not None and look.power.on is not None]
    if power:
        assert power[-1] == ("bmc.power.on" if read[-1] else "bmc.power.off")
