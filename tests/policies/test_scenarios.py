"""Every scenario beside a shipped policy or an example comes out as written; together they exercise every clause."""

from functools import cache
from pathlib import Path

import pytest

from engine.model.catalogue import shipped
from engine.model.policy import Mode
from engine.rehearsing import covering, judging, playing, scenarios
from engine.rules import loading

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT / "policies", ROOT / "docs" / "examples"]
LOADED = loading.load(FOLDERS, shipped())
POLICIES = {policy.name: policy for policy in LOADED.policies}
FILES = [scenarios.read(path) for folder in FOLDERS for path in sorted(folder.glob("*.test.yaml"))]
CONTENT = {read.content.policy: read.content for read in FILES}
SENTENCE = "authoring-sentence"
LIBRARY = [read.content.policy for read in FILES if read.path.parent.name == "policies"]
"""The policies that ship; of the examples, which show one thing each, only that sentence is held to the same."""
ALL = [
    pytest.param(name, index, id=f"{name}: {scenario.name}")
    for name, content in CONTENT.items()
    for index, scenario in enumerate(content.scenarios)
]


@cache
def played(policy: str, index: int) -> playing.Played:
    content = CONTENT[policy]
    return playing.play(content.scenarios[index], content.estate, POLICIES[policy], shipped(), POLICIES)


@pytest.mark.parametrize(("policy", "index"), ALL)
def test_a_policy_does_what_its_scenario_says(policy, index) -> None:
    assert judging.differences(CONTENT[policy].scenarios[index].expect, played(policy, index).told) == ()


@pytest.mark.parametrize("policy", [*LIBRARY, SENTENCE])
def test_every_clause_of_a_policy_decides_in_some_scenario(policy) -> None:
    plays = [played(policy, index) for index in range(len(CONTENT[policy].scenarios))]
    assert covering.coverage(POLICIES[policy], plays, shipped()).missing == ()


@pytest.mark.parametrize("policy", [*LIBRARY, SENTENCE])
def test_some_scenario_expects_nothing_and_one_plays_the_policy_as_it_ships(policy) -> None:
    scenarios = CONTENT[policy].scenarios
    assert any(one.expect == () for one in scenarios)
    assert any(one.mode in (None, POLICIES[policy].spec.mode) for one in scenarios)


def test_every_policy_is_played_and_none_has_a_finding() -> None:
    assert LOADED.problems == ()
    assert set(CONTENT) == set(POLICIES)
    assert len(FILES) == len(CONTENT)


def test_only_the_two_policies_of_the_demonstration_act_as_they_ship() -> None:
    acting = {name for name in LIBRARY if POLICIES[name].spec.mode is Mode.AUTOMATIC}
    assert acting == {"host-down-failover", "host-high-load"}


def test_every_acting_policy_has_a_budget_and_says_where_its_order_comes_from() -> None:
    for policy in (POLICIES[name] for name in LIBRARY):
        assert policy.spec.budget is not None, policy.name
        if policy.name not in ("host-down-failover", "host-high-load"):
            assert "SigmaSystemCenter" in policy.metadata.source, policy.name


def test_who_saves_vms_goes_before_who_only_moves_load_and_who_acts_before_who_only_tells() -> None:
    order = [
        ["cluster-managed"],
        ["host-down-diagnose"],
        ["host-down-failover"],
        ["blade-replacement"],
        ["host-predictive"],
        ["disk-failure", "storage-path-redundancy", "vm-restart"],
        ["host-high-load"],
        ["group-high-load"],
        ["power-save"],
        ["bmc-watch", "pool-spare-bmc-watch"],
        ["chassis-watch", "resource-pool", "vm-load", "vm-load-recovered", "vm-watch", "vm-watch-recovered"],
    ]
    found = [{POLICIES[name].spec.priority for name in names} for names in order]
    assert all(len(priorities) == 1 for priorities in found)
    ranks = [priority for priorities in found for priority in priorities]
    assert ranks == sorted(ranks, reverse=True)
    assert len(set(ranks)) == len(ranks)


def test_the_authoring_sentence_fits_on_one_screen() -> None:
    text = (ROOT / "docs" / "examples" / "authoring-sentence.yaml").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 25
