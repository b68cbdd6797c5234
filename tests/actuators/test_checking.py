"""A blade is marked faulted when its own sensors say so, and ready only when everything that can be asked says so."""

from dataclasses import replace

import pytest

from actuators.hosts.checking import Hardware, is_faulty, is_well
from engine.clients.ipmi import _health
from engine.clients.redfish import Power
from engine.clients.sensors import Health, Sensor
from engine.clients.vsphere_reading import HostFacts
from engine.model.command import State
from engine.model.errors import Refused
from tests.actuators.place import switch

ON = Power("S", "u", "m", on=True, word="On", resets=frozenset(), health="OK")
OFF = replace(ON, on=False, word="Off")
MUTE = replace(ON, health="")
HOST = HostFacts("host-1", "esx1", "u1", "connected", "poweredOn", False, True, "p", frozenset(), None)
SENSORS, TOTAL, LAMP = "machine.diagnose_sensors", "machine.diagnose_total", "machine.identify"


def sensors(*healths: Health) -> tuple[Sensor, ...]:
    return tuple(Sensor(f"sensor {n}", "temperature", health) for n, health in enumerate(healths))


# over the wire ------------------------------------------------------------------------------------------------------


def test_a_sensor_that_failed_is_named_and_one_that_warns_marks_nothing(place):
    assert "6 sensor(s) read, none critical" in place.look(switch(place, SENSORS)).detail
    place.fault("sensor-warns:Fan 1", "chassis1/1")
    warned = place.look(switch(place, SENSORS))
    assert (warned.state, "Fan 1 only warn" in warned.detail) == (State.REFUSED, True)
    place.fault("sensor-fails:CPU 2", "chassis1/1")
    found = place.look(switch(place, SENSORS))
    assert (found.state, "CPU 2 critical" in found.detail) == (State.REACHED, True)
    assert place.live(switch(place, SENSORS))[-1][0] == "done"


def test_a_blade_without_power_is_a_hardware_failure_and_one_that_cannot_be_asked_is_doubt(place):
    place.fault("blade-power-lost", "chassis1/1")
    assert place.look(switch(place, SENSORS)).state is State.REACHED
    place.fault("bmc-dead", "chassis1/1")
    assert place.look(switch(place, SENSORS)).state is State.UNKNOWN
    assert place.look(switch(place, SENSORS, slot=2, serial="OTHER")).state is State.REFUSED


def test_a_blade_is_well_when_power_sensors_health_and_vcenter_say_so(place):
    whole = {"vcenter": "vc1", "host_uuid": place.world.truth.hosts["esx1"].blade.slot.uuid}
    assert place.look(switch(place, TOTAL, **whole)).state is State.REACHED
    place.fault("sensor-warns:Supply 1", "chassis1/1")
    assert "Supply 1 not well" in place.look(switch(place, TOTAL, **whole)).detail
    place.fault("sensor-mended:Supply 1", "chassis1/1")
    place.fault("network-isolated", "chassis1/1")
    place.until("esx1", "notResponding")
    assert "notResponding in vCenter" in place.look(switch(place, TOTAL, **whole)).detail
    place.fault("blade-power-lost", "chassis1/1")
    assert place.look(switch(place, TOTAL, **whole)).state is State.REFUSED


def test_the_lamp_is_switched_once_and_never_on_another_blade(place):
    for lit in (True, False):
        order = switch(place, LAMP, on=lit)
        assert place.act(order)[0].state is State.REACHED
        assert place.world.truth.blades["chassis1/1"].lamp is lit
    assert place.live(switch(place, LAMP, on=True))[-1][0] == "done"
    assert len(place.happened("bmc.lamp", machine="chassis1/1")) == 3
    with pytest.raises(Refused):
        place.act(switch(place, LAMP, on=True, serial="OTHER"))


# the tables ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (Hardware(OFF, ()), State.REACHED),
        (Hardware(ON, sensors(Health.OK, Health.CRITICAL)), State.REACHED),
        (Hardware(replace(ON, health="Critical"), sensors(Health.OK)), State.REACHED),
        (Hardware(MUTE, ()), State.REACHED),
        (Hardware(ON, ()), State.REFUSED),
        (Hardware(ON, sensors(Health.OK, Health.WARNING)), State.REFUSED),
        (Hardware(MUTE, sensors(Health.OK)), State.REFUSED),
    ],
)
def test_what_confirms_a_fault(seen, state):
    assert is_faulty(seen, "machine:c/1").state is state


@pytest.mark.parametrize(
    ("seen", "host", "state"),
    [
        (Hardware(ON, sensors(Health.OK)), HOST, State.REACHED),
        (Hardware(ON, ()), None, State.REACHED),
        (Hardware(MUTE, sensors(Health.OK)), None, State.REACHED),
        (Hardware(MUTE, ()), None, State.UNKNOWN),
        (Hardware(OFF, ()), HOST, State.REFUSED),
        (Hardware(ON, sensors(Health.UNREAD)), HOST, State.REFUSED),
        (Hardware(replace(ON, health="Warning"), ()), HOST, State.REFUSED),
        (Hardware(ON, ()), replace(HOST, connection="disconnected"), State.REFUSED),
    ],
)
def test_what_makes_a_blade_well(seen, host, state):
    assert is_well(seen, host, "machine:c/1").state is state


def test_health_over_ipmi_is_read_as_the_library_numbers_it():
    assert [_health(word, unread=False) for word in (0, 1, 2, 4)] == [
        Health.OK, Health.WARNING, Health.CRITICAL, Health.CRITICAL
    ]  # fmt: skip
    assert {_health(0, unread=True), _health(None, unread=False)} == {Health.UNREAD}
