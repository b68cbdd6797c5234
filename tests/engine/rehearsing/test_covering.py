"""The coverage report names the clauses that no scenario decides by, and only those."""

import pytest

from engine.model.catalogue import shipped
from engine.model.policy import Policy
from engine.rehearsing import covering, playing
from engine.rehearsing.places import TUTORIAL
from engine.rehearsing.scenarios import Scenario

TELL = {"id": "tell", "notify": {"channel": "a"}}


def policy(when: dict[str, object], **spec: object) -> Policy:
    return Policy.model_validate(
        {
            "apiVersion": "toban/v1",
            "kind": "Policy",
            "metadata": {"name": "p", "title": {"en": "p", "ja": "p"}},
            "spec": {"mode": "automatic", "when": when, "do": [TELL], **spec},
        }
    )


def missing(one: Policy, *nights: list[str]) -> tuple[str, ...]:
    plays = [
        playing.play(
            Scenario.model_validate({"name": "s", "inputs": night, "until": "2h", "expect": []}),
            TUTORIAL,
            one,
            shipped(),
        )
        for night in nights
    ]
    return covering.coverage(one, plays, shipped()).missing


DOWN = "0s host:esx1 host.unreachable"
UP = "10s host:esx1 host.reachable"
BUSY = "0s-20m/1m host:esx1 host.load cpu_percent=90"
CALM = "70s host:esx1 host.load cpu_percent=10"


@pytest.mark.parametrize(
    ("when", "night", "left"),
    [
        ({"event": "host.unreachable"}, [], ("when", "do: tell")),
        ({"event": "host.unreachable"}, [DOWN], ()),
        ({"event": "host.unreachable", "for": "45s"}, [DOWN], ("when: ended in time",)),
        ({"event": "host.unreachable", "for": "45s"}, [DOWN, UP], ("when", "do: tell")),
        ({"event": "host.unreachable", "for": "45s"}, [DOWN, UP, "20s host:esx1 host.unreachable"], ()),
        ({"event": "host.shutdown", "until": "host.booted", "for": "1m"}, ["0s host:esx1 host.shutdown"],
         ("when: ended in time",)),
        ({"event": "host.shutdown", "until": "host.booted", "for": "1m"},
         ["0s host:esx1 host.shutdown", "1s host:esx1 host.booted", "2s host:esx1 host.shutdown"], ()),
        ({"metric": "host.load.cpu_percent", "above": 80, "for": "5m"}, [BUSY], ("when: ended in time",)),
        ({"metric": "host.load.cpu_percent", "above": 80, "for": "5m"}, [BUSY, CALM], ()),
        ({"event": "host.unreachable", "if": 'event.user == "kato"'}, ["0s host:esx1 host.unreachable user=kato"],
         ('when: if event.user == "kato"',)),
        ({"event": "host.unreachable", "if": 'event.user == "kato"'},
         ["0s host:esx1 host.unreachable user=kato", "1s host:esx2 host.unreachable user=sato"], ()),
        ({"event": "vm.heartbeat.lost", "count": 2, "within": "5m", "by": "host"},
         ["0s vm:VM-01 vm.heartbeat.lost", "1s vm:VM-02 vm.heartbeat.lost"], ("when: not all of it came",)),
        ({"event": "vm.heartbeat.lost", "count": 2, "within": "5m", "by": "host"}, ["0s vm:VM-01 vm.heartbeat.lost"],
         ("when", "do: tell")),
        ({"event": "host.rebooting", "absent": {"event": "host.booted"}, "within": "5m"},
         ["0s host:esx1 host.rebooting"], ("when: ended in time",)),
        ({"event": "host.rebooting", "absent": {"event": "host.booted"}, "within": "5m"},
         ["0s host:esx1 host.rebooting", "1m host:esx1 host.booted", "2m host:esx2 host.rebooting"], ()),
        ({"any": [{"event": "host.unreachable", "for": "45s"}, {"event": "host.crashed"}]},
         ["0s host:esx1 host.crashed"], ("when: any 1", "when: any 1: ended in time")),
        ({"any": [{"event": "host.unreachable", "for": "45s"}, {"event": "host.crashed"}]}, [DOWN],
         ("when: any 1: ended in time", "when: any 2")),
    ],
)  # fmt: skip
def test_a_pattern_is_exercised_part_by_part(when, night, left) -> None:
    assert missing(policy(when), night) == left


@pytest.mark.parametrize(
    ("spec", "night", "clause"),
    [
        ({"scope": {"group": "esx"}}, ["0s host:stranger host.unreachable"], "scope"),
        ({"unless": ["planned"]}, ["0s host:esx1 host.unreachable planned=true"], "unless: planned"),
        ({"unless": [{"human": "30m"}]}, ["0s host:esx1 host.unreachable user=kato"], "unless: human 1800s"),
        ({"unless": [{"days": "mon-sun"}]}, [DOWN], "unless: window mon-sun 00:00-24:00 UTC"),
        ({"during": [{"from": "10:00", "to": "11:00"}]}, [DOWN], "during"),
        ({"if": 'host.name == "esx2"'}, [DOWN], "if"),
        ({"cooldown": "1h"}, [DOWN, UP, "20s host:esx1 host.unreachable"], "cooldown"),
        ({"budget": {"rate": "1 per 1h"}}, [DOWN, "1s host:esx2 host.unreachable"], "budget"),
        ({"budget": {"rate": "1 per 1h", "breaker": "manual"}}, [DOWN, "1s host:esx2 host.unreachable"],
         "budget: breaker"),
    ],
)  # fmt: skip
def test_each_clause_counts_once_it_has_decided(spec, night, clause) -> None:
    one = policy({"event": "host.unreachable"}, **spec)
    assert clause in covering.clauses(one)
    assert clause in missing(one, [])
    assert clause not in missing(one, night)


def test_a_step_that_never_ran_is_named() -> None:
    steps = [TELL, {"id": "page", "notify": {"channel": "b"}, "after": {"tell": "failed"}}]
    one = policy({"event": "host.unreachable"}, do=steps)
    assert missing(one, [DOWN]) == ("do: page",)
