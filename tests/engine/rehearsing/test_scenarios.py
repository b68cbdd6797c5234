"""Scenarios: short notation, readable differences, and nothing that passes by mistake."""

import pytest

from engine import documents
from engine.documents import Unreadable
from engine.model.catalogue import shipped
from engine.model.policy import Mode
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
