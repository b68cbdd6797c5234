"""Scenarios: short notation, readable differences, and nothing that passes by mistake."""

import pytest

from engine import documents
from engine.documents import Unreadable
from engine.model.catalogue import shipped
from engine.model.pattern import EventPattern
from engine.model.policy import Late, Mode
from engine.rehearsing import judging, playing
from engine.rehearsing.places import TUTORIAL
from engine.rehearsing.scenarios import Expected, Input, Scenario, Scenarios
from tests.engine.rules.patterns import policy

DOWN = policy({"event": "host.unreachable", "for": "45s", "by": "host"}).model_copy()
AUTOMATIC = DOWN.model_copy(update={"spec": DOWN.spec.model_copy(update={"mode": Mode.AUTOMATIC})})


def scenario(*inputs: str, **more: object) -> Scenario:
    return Scenario.model_validate({"name": "s", "inputs": list(inputs), "until": "1h", "expect": [], **more})


def play(one: Scenario) -> list[playing.Told]:
    return playing.play(one, TUTORIAL, AUTOMATIC, shipped()).told


def test_an_input_is_one_line() -> None:
    one = Input.model_validate("1m30s host:esx1 host.unreachable planned=true reason=tea slot=3 severity=critical")
    assert (one.at, one.about, one.type, one.severity) == (90, "host:esx1", "host.unreachable", "critical")
    assert one.data == {"planned": True, "reason": "tea", "slot": 3}


def test_an_input_can_repeat() -> None:
    one = Input.model_validate("0s-70s/20s host:esx1 host.load cpu_percent=92.5")
    assert one.times() == (0, 20, 40, 60)
    assert one.data == {"cpu_percent": 92.5}


@pytest.mark.parametrize("line", ["2s host:esx1", "2 host:esx1 host.unreachable", "2s host:esx1 x y", "0s-9s a b", ""])
def test_what_is_no_input_is_refused(line) -> None:
    with pytest.raises(ValueError, match=r"write|duration"):
        Input.model_validate(line)


def test_expecting_nothing_fails_when_something_comes() -> None:
    lines = judging.differences((), play(scenario("0s host:esx1 host.unreachable")))
    assert lines[0].startswith("+ 45s act about=host:esx1")


def test_expecting_something_fails_when_nothing_comes() -> None:
    wanted = Expected.model_validate({"at": "45s", "decision": "act", "steps": {"tell": "success"}})
    assert judging.differences((wanted,), play(scenario())) == ("- 45s act steps={tell: success}",)


@pytest.mark.parametrize(
    "wrong", [{"at": "46s"}, {"decision": "hold"}, {"about": "host:esx2"}, {"outcome": "failed"}, {"does": []}]
)
def test_every_word_of_an_expectation_counts(wrong) -> None:
    right = {"at": "45s", "decision": "act", "about": "host:esx1", "outcome": "success", "does": ["notify.log"]}
    told = play(scenario("0s host:esx1 host.unreachable"))
    assert judging.differences((Expected.model_validate(right),), told) == ()
    assert judging.differences((Expected.model_validate({**right, **wrong}),), told) != ()


def test_a_step_can_be_made_to_fail() -> None:
    (told,) = play(scenario("0s host:esx1 host.unreachable", fails={"tell": "the mail server is down"}))
    assert (told.steps, told.outcome) == ({"tell": "failed"}, "failed")


def test_a_held_decision_is_looked_at_again_when_something_comes() -> None:
    one = scenario("0s host:esx1 host.unreachable", "30m host:esx1 host.reachable", stop="tea")
    assert [(told.at, told.decision.kind, told.why) for told in play(one)] == [(45, "hold", "stopped")]


def test_hours_of_scenario_are_over_at_once() -> None:
    flaps = [f"{n * 10}m host:esx1 host.{'un' * (n % 2 == 0)}reachable" for n in range(144)]
    assert len(play(scenario(*flaps, until="24h"))) == 72


def test_an_unknown_word_in_a_scenario_is_told_at_its_line() -> None:
    text = """\
apiVersion: toban/v1
kind: Scenarios
policy: p
scenarios:
  - name: one
    until: 5s
    expct: []
"""
    with pytest.raises(Unreadable) as caught:
        documents.validate(documents.parse(text.encode(), "x.test.yaml"), Scenarios)
    assert any(one.line == 7 and "did you mean 'expect'" in one.message for one in caught.value.problems)


def test_what_a_file_says_holds_for_its_scenarios_unless_they_say_otherwise() -> None:
    file = Scenarios.model_validate(
        {
            "apiVersion": "toban/v1",
            "kind": "Scenarios",
            "policy": "p",
            "mode": "automatic",
            "guard": {"fences": 7},
            "scenarios": [
                {"name": "a", "until": "1s", "expect": []},
                {"name": "b", "until": "1s", "expect": [], "mode": "observe", "guard": {"fences": 9}},
            ],
        }
    )
    assert [(one.mode, one.guard.fences) for one in file.scenarios] == [("automatic", 7), ("observe", 9)]
    assert file.scenarios[0].estate == TUTORIAL


def test_a_policy_that_observes_can_be_played_as_if_it_acted() -> None:
    seen = scenario("0s host:esx1 host.unreachable")
    observed = playing.play(seen, TUTORIAL, DOWN, shipped()).told
    acted = playing.play(seen.model_copy(update={"mode": Mode.AUTOMATIC}), TUTORIAL, DOWN, shipped()).told
    assert [(told.decision.kind, told.why) for told in observed] == [("ignore", "mode.observe")]
    assert [(told.decision.kind, told.outcome) for told in acted] == [("act", "success")]


def test_a_deed_can_be_expected_with_or_without_its_object() -> None:
    told = play(scenario("0s host:esx1 host.unreachable"))
    for does, agrees in (
        (["notify.log"], True),
        (["notify.log host:esx1"], True),
        (["notify.log host:esx2"], False),
        (["notify.log", "notify.log"], False),
        (["notify"], False),
    ):
        wanted = Expected.model_validate({"at": "45s", "decision": "act", "does": does})
        assert (judging.differences((wanted,), told) == ()) is agrees


def test_what_was_not_tried_is_not_among_the_deeds() -> None:
    (told,) = play(scenario("0s host:esx1 host.unreachable", stop=None, fails={"tell": "no line"}))
    assert told.does == ("notify.log host:esx1",), "it was tried, and failed"
    assert told.outcome == "failed"


def test_an_input_after_the_end_does_not_come() -> None:
    assert play(scenario("0s host:esx1 host.unreachable", "59m host:esx2 host.unreachable", until="10m"))[-1].at == 45


def test_what_ended_while_nobody_was_on_duty_is_not_decided_and_what_goes_on_is_decided_at_once() -> None:
    away = {"from": "10s", "to": "30m"}
    over = scenario("0s host:esx1 host.unreachable", "5m host:esx1 host.reachable", away=away)
    assert play(over) == []
    skips = DOWN.model_copy(
        update={"spec": DOWN.spec.model_copy(update={"mode": Mode.AUTOMATIC, "late": Late.FIRE})}
    )  # fmt: skip
    lasting = scenario("0s host:esx1 host.unreachable", away=away)
    assert [told.at for told in playing.play(lasting, TUTORIAL, skips, shipped()).told] == [1800]
    skips = skips.model_copy(update={"spec": skips.spec.model_copy(update={"late": Late.SKIP})})
    assert [told.why for told in playing.play(lasting, TUTORIAL, skips, shipped()).told] == ["late"]


def test_a_condition_may_read_the_opening_event() -> None:
    spec = AUTOMATIC.spec.model_copy(update={"condition": 'event.reason == "lost" && host.name == "esx1"'})
    one = AUTOMATIC.model_copy(update={"spec": spec})
    night = scenario("0s host:esx1 host.disconnected reason=lost", "1m host:esx1 host.unreachable")
    told = playing.play(night, TUTORIAL, one, shipped()).told
    assert [(item.decision.kind, item.why) for item in told] == [("hold", "condition.unknown")], "it says no reason"
    when = EventPattern.model_validate({"event": "host.disconnected", "by": "host"})
    one = one.model_copy(update={"spec": spec.model_copy(update={"when": when})})
    assert [item.decision.kind for item in playing.play(night, TUTORIAL, one, shipped()).told] == ["act"]
