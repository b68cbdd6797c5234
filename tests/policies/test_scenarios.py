"""Every scenario beside a shipped policy comes out as it is written there."""

from pathlib import Path

import pytest

from engine.model.catalogue import shipped
from engine.rules import loading
from tests.policies import playing

FOLDER = Path(__file__).parents[2] / "policies"
POLICIES = {policy.name: policy for policy in loading.load([FOLDER], shipped()).policies}
ALL = [
    pytest.param(read.policy, scenario, id=f"{read.policy}: {scenario.name}")
    for read in (playing.read(path) for path in sorted(FOLDER.glob("*.test.yaml")))
    for scenario in read.scenarios
]


@pytest.mark.parametrize(("name", "scenario"), ALL)
def test_a_shipped_policy_does_what_its_scenario_says(name, scenario):
    told = playing.play(scenario, POLICIES[name])
    assert [(one.at, one.decision) for one in told] == [(one.at, one.decision) for one in scenario.expect]
    for was, wanted in zip(told, scenario.expect, strict=True):
        assert wanted.why in (None, was.why)
        assert wanted.does in (None, was.does)


def test_every_shipped_policy_is_played():
    assert {param.values[0] for param in ALL} == set(POLICIES)
