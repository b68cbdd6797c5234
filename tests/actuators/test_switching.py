"""Blades are switched by their own controllers: who answers is proven first, what it says is proven after."""

from dataclasses import replace

import pytest

from engine.estate import loading
from engine.model.command import State
from engine.model.errors import Refused
from tests.actuators.place import switch

# off ------------------------------------------------------------------------------------------------------------------


def test_a_hung_blade_is_switched_off_and_read_off_twice(place):
    place.fault("host-hang", "chassis1/1")
    assert place.look(switch(place)).state is State.READY
    after, _ = place.act(switch(place))
    assert (after.state, after.facts["reads"]) == (State.REACHED, 2)
    assert place.world.truth.blades["chassis1/1"].powered is False


@pytest.mark.parametrize("change", [{"serial": "BLD0000002"}, {"uuid": "30000000-0000-4000-8000-000000000009"}])
def test_a_wrong_blade_in_the_slot_is_never_switched(place, change):
    assert place.look(switch(place, **change)).state is State.REFUSED
    with pytest.raises(Refused, match="belongs to blade BLD0000001"):
        place.act(switch(place, **change))
    assert [e for e in place.world.ledger.entries() if e["what"] == "bmc.order"] == []


def test_a_bmc_that_is_silent_proves_nothing(place):
    place.fault("bmc-dead", "chassis1/1")
    seen = place.look(switch(place))
    assert seen.state is State.UNKNOWN
    assert "not proven off" in seen.detail


def test_a_bmc_that_takes_the_order_and_does_nothing_is_not_believed(place):
    place.fault("bmc-stuck", "chassis1/1")
    after, _ = place.act(switch(place))
    assert after.state is State.READY


def test_a_wrong_bmc_password_is_said_in_one_sentence(place):
    settings = replace(place.settings, bmc=replace(place.settings.bmc, password="wrong"))
    seen = place.look(switch(place), settings=settings)
    assert seen.state is State.UNKNOWN
    assert "wrong user name or password" in seen.detail


def test_an_untrusted_bmc_is_not_talked_to(place, tmp_path):
    from toban.simulator import certificates

    (tmp_path / "other").mkdir()
    certificates.issue(tmp_path / "other", frozenset({"127.0.0.1"}))
    settings = replace(place.settings, bmc=replace(place.settings.bmc, ca_file=tmp_path / "other" / "ca.pem"))
    assert "certificate is not trusted" in place.look(switch(place), settings=settings).detail


def test_power_is_told_only_by_the_blade_itself(place):
    site = loading.load(place.folder / "estate.yaml")
    here, there = site.standings["esx1"], site.standings["esx2"]
    stranger = replace(here, slot=there.slot.model_copy(update={"bmc": here.slot.bmc}))
    assert place.run(lambda e: e.power_of(here)) is True
    assert place.run(lambda e: e.power_of(stranger)) is None


def test_a_blade_that_does_not_offer_the_order_is_refused_in_words(place):
    place.fault("bmc-lacks:ForceOff", "chassis1/1")
    place.fault("bmc-lacks:On", "chassis1/2")
    assert "does not offer ForceOff" in place.look(switch(place)).detail
    with pytest.raises(Refused, match="does not offer ForceOff"):
        place.act(switch(place))
    place.world.truth.cut("chassis1/2", "test", ordered=False)
    assert "does not offer On" in place.look(switch(place, "machine.power_on", 2)).detail


# on -----------------------------------------------------------------------------------------------------------------


def test_a_blade_that_is_off_is_switched_on_and_its_host_comes_back(place):
    place.dead()
    order = switch(place, "machine.power_on")
    assert place.look(order).state is State.READY
    after, _ = place.act(order)
    assert (after.state, after.facts["power"]) == (State.REACHED, "on")
    place.until("esx1", "connected")


def test_a_blade_that_is_on_is_left_alone(place):
    order = switch(place, "machine.power_on")
    assert place.look(order).state is State.REACHED
    assert place.act(order)[0].state is State.REACHED
    assert place.happened("bmc.order") == []


def test_a_stranger_in_the_slot_is_not_switched_on(place):
    place.world.truth.cut("chassis1/1", "test", ordered=False)
    order = switch(place, "machine.power_on", serial="BLD0000002")
    assert place.look(order).state is State.REFUSED
    with pytest.raises(Refused, match="belongs to blade BLD0000001"):
        place.act(order)
    assert place.happened("bmc.order") == []


@pytest.mark.parametrize(
    ("word", "state"), [("PoweringOn", State.BUSY), ("PoweringOff", State.UNKNOWN), ("Dozing", State.UNKNOWN)]
)
def test_a_word_between_on_and_off_is_never_an_answer_to_switch_on(place, word, state):
    place.fault(f"bmc-says:{word}", "chassis1/1")
    assert place.look(switch(place, "machine.power_on")).state is state


def test_a_silent_bmc_does_not_prove_on_either(place):
    place.fault("bmc-dead", "chassis1/1")
    seen = place.look(switch(place, "machine.power_on"))
    assert (seen.state, seen.detail[:13]) == (State.UNKNOWN, "not proven on")


def test_a_blade_that_takes_the_order_and_stays_off_is_not_reached(place):
    place.world.truth.cut("chassis1/1", "test", ordered=False)
    place.fault("bmc-stuck", "chassis1/1")
    assert place.act(switch(place, "machine.power_on"))[0].state is State.READY
