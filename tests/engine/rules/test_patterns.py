"""What each pattern waits for, in small nights."""

import re
from pathlib import Path

import pytest

from engine.documents import Unreadable, parse, validate
from engine.model.catalogue import shipped
from engine.model.pattern import least_time
from engine.model.policy import Policy
from engine.rules import checking
from engine.rules.matching import Matcher
from tests.engine.rules.patterns import arrival, by_subject, policy, told


def play(when: dict[str, object], *events: tuple[float, str], until: float = 1000) -> list[tuple[str, float]]:
    """(what, second) of each finding; an event may be `type@host`."""
    night = []
    for number, (second, said) in enumerate(events):
        kind, _, who = said.partition("@")
        night.append(arrival(second, kind, f"host:{who or 'esx1'}", name=f"e{number}"))
    found = told(Matcher((policy(when),), shipped(), by_subject), night, until)
    return [(what, when.timestamp() - arrival(0, "x").stored_at.timestamp()) for what, _, _, when in found]


ALL = {"all": [{"event": "host.crashed"}, {"event": "storage.path.lost"}], "within": "60s"}
FLAPS = {"sequence": [{"event": "host.unreachable"}, {"event": "host.reachable"}] * 2, "within": "10m"}
COUNT = {"event": "vm.heartbeat.lost", "count": 3, "within": "60s"}
ABSENT = {"event": "host.rebooting", "absent": {"event": "host.booted"}, "within": "5m"}
MISSING = {"missing": "host.load", "for": "60s"}


@pytest.mark.parametrize(
    ("when", "events", "expected"),
    [
        pytest.param(ALL, [(0, "host.crashed"), (59, "storage.path.lost")], [("matched", 59)], id="all, in time"),
        pytest.param(ALL, [(0, "storage.path.lost"), (9, "host.crashed")], [("matched", 9)], id="all, other order"),
        pytest.param(ALL, [(0, "host.crashed"), (60, "storage.path.lost")], [], id="all, a moment too late"),
        pytest.param(ALL, [(0, "host.crashed@a"), (1, "storage.path.lost@b")], [], id="all, of two hosts"),
        pytest.param(
            ALL,
            [(0, "storage.path.lost"), (1, "storage.path.ok"), (2, "host.crashed")],
            [],
            id="all, a part recovered before the other came",
        ),
        pytest.param(
            ALL,
            [(0, "storage.path.lost@a"), (1, "storage.path.lost@b"), (2, "storage.path.ok@b"), (3, "host.crashed@a")],
            [("matched", 3)],
            id="all, the recovery of another host changes nothing",
        ),
        pytest.param(
            ALL,
            [(0, "host.crashed"), (1, "storage.path.lost"), (2, "storage.path.lost"), (9, "storage.path.ok")],
            [("matched", 1), ("ended", 9)],
            id="all, once, until a part recovers",
        ),
        pytest.param(
            FLAPS,
            [(0, "host.unreachable"), (9, "host.reachable"), (20, "host.unreachable"), (29, "host.reachable")],
            [("matched", 29)],
            id="sequence, in order",
        ),
        pytest.param(
            FLAPS,
            [(0, "host.unreachable"), (9, "host.reachable"), (10, "host.reachable"), (20, "host.unreachable")],
            [],
            id="sequence, not finished",
        ),
        pytest.param(
            {"sequence": [{"event": "host.crashed"}, {"event": "host.booted"}], "within": "60s"},
            [(0, "host.crashed"), (50, "host.crashed"), (100, "host.booted")],
            [("matched", 100)],
            id="sequence, a newer beginning saves it",
        ),
        pytest.param(COUNT, [(0, "vm.heartbeat.lost")] * 3, [("matched", 0)], id="count, three of one moment"),
        pytest.param(
            COUNT, [(second, "vm.heartbeat.lost") for second in (0, 30, 60, 89)], [("matched", 89)], id="count, sliding"
        ),
        pytest.param(
            COUNT,
            [(second, "vm.heartbeat.lost") for second in range(6)],
            [("matched", 2), ("matched", 5)],
            id="count, begins anew after a match",
        ),
        pytest.param(ABSENT, [(0, "host.rebooting")], [("matched", 300)], id="absent, it never came"),
        pytest.param(ABSENT, [(0, "host.rebooting"), (299, "host.booted")], [("ended", 299)], id="absent, it came"),
        pytest.param(MISSING, [], [], id="missing, never heard"),
        pytest.param(MISSING, [(0, "host.load"), (59, "host.load")], [("matched", 119)], id="missing, silent at last"),
        pytest.param(
            MISSING,
            [(0, "host.load"), (100, "host.load")],
            [("matched", 60), ("ended", 100), ("matched", 160)],
            id="missing, back and gone again",
        ),
        pytest.param(
            {"any": [{"event": "host.unreachable", "for": "45s"}, MISSING]},
            [(0, "host.unreachable"), (1, "host.load"), (65, "host.reachable"), (100, "host.load")],
            [("matched", 45), ("ended", 100), ("matched", 160)],
            id="any, one trouble until both are over",
        ),
        pytest.param(
            {"event": "storage.*", "for": "10s"},
            [(0, "storage.path.lost"), (5, "storage.path.ok"), (20, "storage.path.lost")],
            [("matched", 30)],  # of alternatives only those that matched have an end
            id="a category stands for its events",
        ),
    ],
)
def test_a_pattern_finds_what_it_says(when, events, expected) -> None:
    found = play(when, *events)
    assert found == expected


def test_events_of_one_pattern_can_be_joined_by_a_field() -> None:
    when = {"event": "fan.failed", "count": 2, "within": "60s", "same": ["slot"]}
    m = Matcher((policy(when),), shipped(), lambda event, _: event.subject)
    found = [
        m.feed(arrival(n, "fan.failed", "chassis:c", name=f"e{n}", slot=slot)) for n, slot in enumerate((1, 2, 3, 2))
    ]
    assert [len(one) for one in found] == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("when", "seconds"),
    [
        (ALL, 0),
        (ABSENT, 300),
        ({"any": [{"event": "host.unreachable", "for": "45s"}, MISSING]}, 45),
        ({"schedule": "0 22 * * *"}, 0),
    ],
)
def test_a_pattern_says_how_long_it_waits_at_least(when, seconds) -> None:
    assert least_time(policy(when).spec.when) == seconds


def test_every_policy_in_the_reference_can_be_loaded() -> None:
    text = (Path(__file__).parents[3] / "docs" / "policy-reference.md").read_text(encoding="utf-8")
    shown = re.findall(r"```yaml\n(spec:\n.*?)```", text, flags=re.DOTALL)
    assert len(shown) >= 20
    for spec in shown:
        document = parse((HEAD.partition("spec:")[0] + spec).encode(), "p.yaml")
        assert [one for one in checking.check(validate(document, Policy), shipped()) if one.severity == "error"] == []


HEAD = "apiVersion: toban/v1\nkind: Policy\nmetadata: {name: p, title: {en: t, ja: t}}\nspec:\n  when:\n"
TAIL = "  do:\n    - {id: tell, notify: {channel: x}}\n"


@pytest.mark.parametrize(
    ("when", "line", "sentence"),
    [
        ("    {all: [{event: host.crashed}], within: 5s}", 6, "at least 2 items"),
        ("    all: [{event: host.crashed}, {event: host.booted}]\n", 5, "within is missing"),
        ("    event: host.crashed\n    cuont: 3\n", 7, "did you mean 'count'"),
        ("    event: host.crashed\n    count: 1\n    within: 5s\n", 7, "greater than or equal to 2"),
        ("    event: host.*\n    count: 2\n    within: 5s\n    same: [slot]\n", 9, "unknown field 'slot'"),
        ("    event: storag.*\n    for: 5s\n", 6, "did you mean 'storage.*'"),
        ("    event: vm.*\n    if: event.slot == 1\n", 7, "unknown name event.slot"),
        ("    any:\n      - {event: host.crashed}\n      - {event: host.booted, by: vm}\n", 5, "all are `by: subject`"),
        ("    any:\n      - {event: host.crashed}\n      - {event: host.boted}\n", 8, "did you mean 'host.booted'"),
        ("    missing: host.load\n    for: 0s\n", 7, "greater than 0"),
    ],
)
def test_a_mistake_in_a_pattern_is_told_at_its_line(when, line, sentence) -> None:
    document = parse((HEAD + when.rstrip() + "\n" + TAIL).encode(), "p.yaml")
    try:
        one = validate(document, Policy)
    except Unreadable as error:
        problems = [(problem.line, problem.message) for problem in error.problems]
    else:
        problems = [(document.position(one.place)[0], one.message) for one in checking.check(one, shipped())]
    assert any(found == line and sentence in message for found, message in problems), problems
