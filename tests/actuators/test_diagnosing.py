"""host.diagnose: is it us, the network, or this machine alone? Only the last is a reason to go on."""

from dataclasses import replace

import pytest

from actuators.hosts.diagnosing import Symptoms, judge
from engine.clients.redfish import Power
from engine.clients.vsphere_reading import HostFacts, HostStanding
from engine.model.command import State
from engine.model.errors import Refused
from tests.actuators.place import about_both

HOST = HostFacts("host-1", "esx1", "u1", "notResponding", "unknown", False, True, "p", frozenset(), None)
ON = Power("S", "u", "m", on=True, word="On", resets=frozenset(), health="OK")
OFF = replace(ON, on=False, word="Off")
FINE = HostStanding("connected", "poweredOn", maintenance=False)
LOST = HostStanding("notResponding", "unknown", maintenance=False)


def diagnosis(place, name="esx1", peers=("esx2",), **more):
    given = [{"vcenter": "vc1", "name": peer} for peer in peers]
    return about_both(place, "host.diagnose", name, **{"peers": given, **more})


# over the wire ------------------------------------------------------------------------------------------------------


def test_a_host_that_answers_and_whose_blade_is_sound_is_alive(place):
    seen = place.look(diagnosis(place))
    assert seen.state is State.REFUSED
    assert "it is alive, nothing is powered off" in seen.detail


@pytest.mark.parametrize("trouble", ["host-hang", "network-isolated", "blade-power-lost"])
def test_a_machine_that_alone_does_not_answer_is_in_trouble(place, trouble):
    place.fault(trouble, "chassis1/1")
    place.until("esx1", "notResponding")
    seen = place.look(diagnosis(place))
    assert seen.state is State.REACHED
    assert seen.facts["connection"] == "notResponding"
    assert seen.facts["peers"] == {"esx2": "connected"}
    assert seen.facts["bmc"] == ("Off, health OK" if trouble == "blade-power-lost" else "On, health OK")
    assert place.live(diagnosis(place))[-1][0] == "done"


def test_another_host_with_the_same_symptom_makes_the_problem_wider(place):
    for blade, host in (("chassis1/1", "esx1"), ("chassis1/2", "esx2")):
        place.fault("network-isolated", blade)
        place.until(host, "notResponding")
    seen = place.look(diagnosis(place))
    assert seen.state is State.REFUSED
    assert "esx2 of its group do not answer either" in seen.detail


def test_a_vcenter_that_cannot_be_reached_is_us_and_holds_the_run(place):
    place.fault("vcenter-blind", "")
    assert place.look(diagnosis(place)).state is State.UNKNOWN
    assert place.live(diagnosis(place))[-1][0] == "held"


@pytest.mark.parametrize(
    ("change", "words"), [({}, "does not answer"), ({"serial": "BLD0000002"}, "belongs to blade BLD0000001")]
)
def test_a_bmc_that_is_silent_or_a_strangers_is_said_and_makes_nothing_healthy(place, change, words):
    if not change:
        place.fault("bmc-dead", "chassis1/1")
    alive = place.look(diagnosis(place, **change))
    assert alive.state is State.UNKNOWN
    place.fault("host-hang", "chassis1/1")
    place.until("esx1", "notResponding")
    seen = place.look(diagnosis(place, **change))
    assert seen.state is State.REACHED
    assert words in seen.facts["bmc"]


def test_critical_hardware_under_a_host_that_answers_is_no_reason_to_cut_its_power(place):
    place.fault("bmc-health:Critical", "chassis1/1")
    seen = place.look(diagnosis(place))
    assert seen.state is State.REFUSED
    assert "move its VMs away first" in seen.detail
    assert seen.facts["bmc"] == "On, health Critical"


def test_a_peer_that_was_shut_down_on_purpose_does_not_count(place):
    from tests.actuators.place import about_host

    place.empty("esx2")
    place.act(about_host(place, "host.enter_maintenance", "esx2"))
    place.act(about_both(place, "host.shutdown", "esx2"))
    place.until("esx2", "notResponding")
    place.dead()
    assert place.look(diagnosis(place)).state is State.REACHED, "its own BMC says Off, nobody else is in trouble"


@pytest.mark.parametrize("peers", [None, "esx2", [{"name": "esx2"}], ["esx2"]])
def test_peers_that_are_no_list_are_doubt(place, peers):
    assert (
        "no list of peers"
        in place.look(
            diagnosis(place).model_copy(update={"parameters": {**diagnosis(place).parameters, "peers": peers}})
        ).detail
    )


def test_a_peer_in_a_vcenter_without_an_account_is_doubt(place):
    place.dead()
    order = diagnosis(place)
    order = order.model_copy(update={"parameters": {**order.parameters, "peers": [{"vcenter": "vc9", "name": "esx8"}]}})
    assert place.look(order).state is State.UNKNOWN


def test_diagnosing_never_acts_and_is_the_same_in_a_rehearsal(place):
    with pytest.raises(Refused, match="only looks"):
        place.act(diagnosis(place))
    assert place.rehearse(diagnosis(place)) == place.look(diagnosis(place))


# the whole table ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "power", "peers", "state"),
    [
        (None, ON, {"esx2": FINE}, State.UNKNOWN),
        (replace(HOST, name="esx9"), ON, {"esx2": FINE}, State.REFUSED),
        (replace(HOST, connection="unreadable"), OFF, {"esx2": FINE}, State.UNKNOWN),
        (replace(HOST, connection="connected"), ON, {}, State.REFUSED),
        (replace(HOST, connection="connected"), replace(ON, health=""), {}, State.REFUSED),
        (replace(HOST, connection="connected"), replace(ON, health="Critical"), {}, State.REFUSED),
        (replace(HOST, connection="connected"), OFF, {"esx2": FINE}, State.UNKNOWN),
        (replace(HOST, connection="connected"), None, {"esx2": FINE}, State.UNKNOWN),
        (replace(HOST, connection="connected"), replace(ON, on=None, word="Paused"), {}, State.UNKNOWN),
        (replace(HOST, connection="disconnected"), ON, {"esx2": FINE}, State.UNKNOWN),
        (replace(HOST, connection="disconnected"), None, {"esx2": FINE}, State.UNKNOWN),
        (replace(HOST, connection="disconnected"), OFF, {"esx2": FINE}, State.REACHED),
        (replace(HOST, maintenance=True), OFF, {"esx2": FINE}, State.REFUSED),
        (HOST, ON, {"esx2": FINE}, State.REACHED),
        (HOST, None, {"esx2": FINE, "esx3": None}, State.REACHED),
        (HOST, OFF, {}, State.REACHED),
        (HOST, OFF, {"esx2": None}, State.REACHED),
        (HOST, ON, {}, State.UNKNOWN),
        (HOST, None, {"esx2": None}, State.UNKNOWN),
        (HOST, ON, {"esx2": replace(LOST, maintenance=True)}, State.UNKNOWN),
        (HOST, ON, {"esx2": FINE, "esx3": LOST}, State.REFUSED),
        (HOST, OFF, {"esx2": LOST}, State.REFUSED),
        (HOST, ON, {"esx2": FINE, "esx3": replace(LOST, maintenance=None)}, State.REFUSED),
        (HOST, ON, {"esx2": FINE, "esx3": replace(LOST, power="standBy")}, State.REACHED),
        (HOST, ON, {"esx2": FINE, "esx3": replace(FINE, connection="disconnected")}, State.REACHED),
        (HOST, ON, {"esx2": FINE, "esx3": replace(FINE, connection="unreadable")}, State.UNKNOWN),
    ],
)
def test_what_the_symptoms_mean(host, power, peers, state):
    assert judge(Symptoms(host, power, "the BMC is silent", peers), "esx1").state is state
