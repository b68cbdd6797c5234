"""What `spec.if` may name: the estate, and of the opening event what every way of opening has."""

import pytest

from engine.model.catalogue import shipped
from engine.rules import checking
from tests.engine.rules.patterns import policy

EITHER = {"any": [{"event": "host.unreachable"}, {"event": "host.disconnected"}], "by": "host"}


def findings(when: dict[str, object], condition: str) -> list[str]:
    one = policy(when)
    one = one.model_copy(update={"spec": one.spec.model_copy(update={"condition": condition})})
    return [found.message for found in checking.check(one, shipped()) if found.code == "P020"]


@pytest.mark.parametrize(
    ("when", "condition"),
    [
        ({"event": "host.disconnected"}, 'event.reason == "x" && host.status == "ready"'),
        (EITHER, "event.planned == false && group.healthy_hosts > 1"),
        ({"sequence": [{"event": "host.disconnected"}, {"event": "host.booted"}], "within": "5m"}, "has(event.reason)"),
        ({"event": "storage.*"}, 'event.subject == "host:esx1"'),
        ({"schedule": "0 1 * * *"}, "event.missed > 1"),
        ({"missing": "host.load", "for": "3m"}, "event.cpu_percent > 90.0"),
        (
            {"metric": "vm.load.cpu_percent", "above": 90, "for": "3m"},
            "metric.value > 95.0 && event.memory_percent > 5.0",
        ),
        ({"event": "vm.power.off"}, 'vm.ha_protected || vm.memory_mb > 4096 || vm.host == "esx1"'),
    ],
)
def test_what_every_opening_event_has_may_be_named(when, condition) -> None:
    assert findings(when, condition) == []


@pytest.mark.parametrize(
    ("when", "condition"),
    [
        (EITHER, 'event.reason == "x"'),
        ({"sequence": [{"event": "host.booted"}, {"event": "host.disconnected"}], "within": "5m"}, "has(event.reason)"),
        ({"event": "host.unreachable"}, "event.cpu_percent > 90.0"),
        ({"event": "host.unreachable"}, "metric.value > 90.0"),
    ],
)
def test_what_only_some_of_them_have_may_not(when, condition) -> None:
    assert len(findings(when, condition)) == 1
