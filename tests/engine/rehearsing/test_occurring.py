"""The times of schedules come by themselves in a scenario."""

from datetime import UTC, datetime, timedelta

from engine.model.policy import Policy
from engine.rehearsing.occurring import timeline
from engine.rehearsing.scenarios import Scenario

POLICY = Policy.model_validate(
    {
        "apiVersion": "toban/v1",
        "kind": "Policy",
        "metadata": {"name": "evening", "title": {"en": "t", "ja": "t"}},
        "spec": {
            "when": {"schedule": "0 22 * * *", "timezone": "Asia/Tokyo", "about": "group:esx"},
            "do": [{"id": "tell", "notify": {"channel": "x"}}],
        },
    }
)
STARTS = datetime(2026, 1, 1, 13, tzinfo=UTC)
DAY = timedelta(days=1)


def seen(**more: object) -> list[tuple[datetime, str, object]]:
    told = {"name": "s", "until": "3d", "expect": [], "starts": STARTS, **more}
    found = timeline(Scenario.model_validate(told), [POLICY])
    return [(at, one.event.type, one.event.data.get("missed")) for at, one in found]


def test_each_time_within_the_scenario_comes_once_also_the_one_at_its_beginning_and_its_end() -> None:
    assert seen() == [(STARTS + DAY * number, "toban.schedule.due", 0) for number in range(4)]


def test_what_was_missed_comes_once_when_somebody_is_back() -> None:
    back = STARTS + timedelta(hours=50)
    came = seen(away={"from": "1h", "to": "50h"})
    assert came == [
        (STARTS, "toban.schedule.due", 0),
        (back, "toban.schedule.due", 1),
        (STARTS + DAY * 3, "toban.schedule.due", 0),
    ]


def test_it_comes_among_the_inputs_in_the_order_of_time() -> None:
    came = seen(until="2h", inputs=["1h host:esx1 host.reachable", "0s host:esx1 host.unreachable"])
    assert [kind for _, kind, _ in came] == ["host.unreachable", "toban.schedule.due", "host.reachable"]


def test_a_policy_without_a_schedule_has_no_times_of_its_own() -> None:
    when = {"event": "host.unreachable"}
    plain = POLICY.model_validate(
        {
            **POLICY.model_dump(by_alias=True, mode="python", exclude={"spec"}),
            "spec": {"when": when, "do": [{"id": "tell", "notify": {"channel": "x"}}]},
        }
    )
    scenario = Scenario.model_validate({"name": "s", "until": "3d", "expect": []})
    assert timeline(scenario, [plain]) == ()
