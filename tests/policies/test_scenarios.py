"""Every scenario beside a shipped policy comes out as it is written there, and together they exercise every clause."""

from pathlib import Path

import pytest

from engine.model.catalogue import shipped
from engine.rehearsing import covering, judging, playing, scenarios
from engine.rules import loading

FOLDER = Path(__file__).parents[2] / "policies"
POLICIES = {policy.name: policy for policy in loading.load([FOLDER], shipped()).policies}
FILES = [scenarios.read(path) for path in sorted(FOLDER.glob("*.test.yaml"))]
ALL = [
    pytest.param(read.content, scenario, id=f"{read.content.policy}: {scenario.name}")
    for read in FILES
    for scenario in read.content.scenarios
]


@pytest.mark.parametrize(("content", "scenario"), ALL)
def test_a_shipped_policy_does_what_its_scenario_says(content, scenario) -> None:
    played = playing.play(scenario, content.estate, POLICIES[content.policy], shipped(), POLICIES)
    assert judging.differences(scenario.expect, played.told) == ()


@pytest.mark.parametrize("content", [read.content for read in FILES], ids=[read.content.policy for read in FILES])
def test_every_clause_of_a_shipped_policy_decides_in_some_scenario(content) -> None:
    policy = POLICIES[content.policy]
    played = [playing.play(scenario, content.estate, policy, shipped(), POLICIES) for scenario in content.scenarios]
    assert covering.coverage(policy, played, shipped()).missing == ()


def test_every_shipped_policy_is_played() -> None:
    assert {read.content.policy for read in FILES} == set(POLICIES)
