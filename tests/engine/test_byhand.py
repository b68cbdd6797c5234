"""What a person orders passes the same guards as a policy, and is done once."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.estate.places import Places
from engine.guard import deciding, limits
from engine.guard.situation import Situation
from engine.hearing import Hearing
from engine.inhand import InHand
from engine.model import actions, catalogue, order
from engine.model.decision import Act, Hold, Ignore
from engine.model.errors import ConfigurationError, Permanent
from engine.model.event import Arrival, Event
from engine.model.match import Match
from engine.model.order import Asked, Order
from tests.engine import worlds
from tests.engine.test_decider import Night
from toban import byhand

CALM = Places(worlds.estate())
NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)


def wanted(*verbs: str, about: str = "host:esx1", overrides=(), **parameters) -> Order:
    steps = tuple(Asked(verb=verb, parameters=parameters) for verb in verbs)
    return Order(about=about, steps=steps, by="tanaka", why="disk swap", overrides=overrides)


def event(one: Order, nonce: str = "n1") -> Event:
    return order.requested(one, NOW, nonce)


def match(one: Event) -> Match:
    policy = order.policy(one)
    return Match(order.match_id(one), policy.name, one.subject, NOW, NOW, 0.0, (one,), stays=False)


def test_an_order_becomes_a_policy_of_its_steps_each_after_the_success_of_the_one_before() -> None:
    policy = order.policy(event(wanted("evacuate", "enter-maintenance")))
    assert [step.verb for step in policy.spec.do] == ["evacuate", "enter-maintenance"]
    assert [step.parameters for step in policy.spec.do] == [{"from": "$host"}, {"host": "$host"}]
    assert policy.spec.mode == "automatic"


def test_the_same_order_given_twice_is_two_orders_and_a_redelivery_is_none() -> None:
    one = wanted("evacuate")
    assert event(one, "n1").id == event(one, "n1").id
    assert event(one, "n1").id != event(one, "n2").id


@pytest.mark.parametrize("verb", sorted(actions.shipped()))
def test_every_act_that_a_policy_can_do_a_person_can_order(verb) -> None:
    parameters = {"notify": {"channel": "oncall"}, "mark": {"as": "faulted"}}.get(verb, {})
    policy = order.policy(event(wanted(verb, **parameters)))
    assert policy.spec.do[0].verb == verb


@pytest.mark.parametrize("verb", ["format-disks", "replace-all"])
def test_an_act_that_there_is_not_is_refused_in_words(verb) -> None:
    with pytest.raises(Permanent, match=f"there is no act '{verb}'"):
        order.policy(event(wanted(verb)))


def test_a_fence_ordered_by_hand_counts_as_one_also_when_only_its_name_is_left() -> None:
    name = order.policy(event(wanted("fence", "failover"))).name
    again = order.named(name)
    assert again is not None
    assert limits.is_ungraceful(again)
    assert order.named("host-down-failover") is None
    assert order.named("by-hand-nonsense-00000000") is None


def test_an_order_is_heard_as_a_match_and_one_that_nobody_understands_is_not(tmp_path) -> None:
    hand = InHand(tmp_path)
    hearing = Hearing(worlds.site(), (), catalogue.shipped(), hand)
    good = event(wanted("evacuate"))
    (found,) = hearing.heard("events", Arrival(event=good, sequence=1, stored_at=NOW))
    assert (found.id, found.key) == (order.match_id(good), "host:esx1")
    bad = good.model_copy(update={"id": "e2", "data": {"order": "nonsense"}})
    assert hearing.heard("events", Arrival(event=bad, sequence=2, stored_at=NOW)) == ()
    hand.close()


def judged(one: Order, **changes):
    found = match(event(one))
    calm = {"now": NOW, "stopped": None, "condition": True, "ordered": one}
    return deciding.decide(found, order.policy(found.events[0]), Situation(places=CALM, **{**calm, **changes}))


def test_a_person_may_order_what_a_person_was_busy_with_a_moment_ago() -> None:
    assert isinstance(judged(wanted("evacuate")), Act)
    assert judged(wanted("evacuate")).reasons[0].en == "tanaka ordered it: disk swap"


def test_an_order_that_waited_too_long_is_void() -> None:
    found = match(event(wanted("evacuate")))
    moment = NOW + timedelta(seconds=order.VALID_FOR + 1)
    after = Situation(now=moment, places=CALM, stopped=None, ordered=wanted("evacuate"))
    decision = deciding.decide(found, order.policy(found.events[0]), after)
    assert isinstance(decision, Ignore)
    assert decision.reasons[0].code == "order.void"


def test_the_stop_switch_blindness_and_missing_witnesses_hold_a_person_too() -> None:
    assert judged(wanted("evacuate"), stopped="the stop switch is set: storm").reasons[0].code == "stopped"
    assert judged(wanted("evacuate"), blind="vCenter is silent").reasons[0].code == "blind"
    held = judged(wanted("fence"))
    assert isinstance(held, Hold)
    assert "witnesses.missing" in {reason.code for reason in held.reasons}


def test_maintenance_is_set_aside_only_where_that_was_asked_for_or_where_it_is_ended() -> None:
    assert isinstance(judged(wanted("evacuate"), maintenance="sato"), Ignore)
    assert isinstance(judged(wanted("evacuate", overrides=("maintenance",)), maintenance="sato"), Act)
    assert isinstance(judged(wanted("exit-maintenance"), maintenance="vCenter says so"), Act)


def test_an_order_is_decided_once_and_counts_after_a_restart() -> None:
    night = Night()
    one = order.requested(
        Order(about="host:esx1", steps=(Asked(verb="fence"),), by="tanaka"),
        night.clock.now(),
        "n1",
    )
    at = night.clock.now()
    found = Match(order.match_id(one), order.policy(one).name, "host:esx1", at, at, 0.0, (one,), stays=False)
    (first,) = night.decide(found)
    assert isinstance(first, Act)
    night.again()
    (again,) = night.decide(found)
    assert again == first
    two = one.model_copy(update={"id": "other", "subject": "host:esx1"})
    another = Match(order.match_id(two), order.policy(two).name, "host:esx1", at, at, 0.0, (two,), stays=False)
    (second,) = night.decide(another)
    assert isinstance(second, Hold), "the first fence is remembered by its name alone"


def test_the_preview_is_the_plan_and_an_unknown_object_is_one_sentence() -> None:
    would = byhand.preview(worlds.estate(), wanted("evacuate"), event(wanted("evacuate")))
    assert [(c.verb, c.target) for step in would.steps for c in step.commands] == [
        ("vm.migrate", "vm:VM-01"),
        ("vm.migrate", "vm:VM-02"),
    ]
    one = wanted("evacuate", about="host:esx9")
    with pytest.raises(ConfigurationError, match="there is no host 'esx9'; known: esx1, esx2"):
        byhand.preview(worlds.estate(), one, event(one))


@pytest.mark.parametrize(
    ("to", "sentence"),
    [("esx1", "it is on esx1 already"), ("esx9", "esx9 is no host of the estate")],
)
def test_a_vm_that_cannot_go_where_it_is_sent_is_told_why(to, sentence) -> None:
    one = wanted("move-vm", about="vm:VM-01", to=to)
    (step,) = byhand.preview(worlds.estate(), one, event(one)).steps
    assert step.commands == ()
    assert sentence in step.unplaced[0].en


def test_a_vm_goes_to_the_host_that_is_named() -> None:
    one = wanted("move-vm", about="vm:VM-01", to="esx2")
    (step,) = byhand.preview(worlds.estate(), one, event(one)).steps
    assert step.commands[0].parameters["target"] == "esx2"
