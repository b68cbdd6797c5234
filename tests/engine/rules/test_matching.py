"""What holds, and when it is a match."""

import orjson
import pytest

from engine.model.catalogue import shipped
from engine.model.match import Ended, Match
from engine.model.policy import Policy
from engine.rules import conditions, evaluating, expressions, sanitising, watching
from engine.rules.literals import Unusable
from engine.rules.matching import Matcher
from engine.rules.port import AlreadyObserved
from tests.engine.rules.patterns import arrival, at, by_subject, policy, told


def matcher(*policies: Policy) -> Matcher:
    return Matcher(policies, shipped(), by_subject)


DOWN = {"event": "host.unreachable", "for": "45s", "by": "host"}
HIGH = {"metric": "host.load.cpu_percent", "above": 80, "for": "60s", "clear": 60, "by": "host"}


def kinds(found) -> list[str]:
    return [one[0] for one in found]


def test_a_condition_that_holds_is_a_match_when_its_time_is_over() -> None:
    found = told(matcher(policy(DOWN)), [arrival(0, "host.unreachable")], 100)
    assert [(k, when) for k, _, _, when in found] == [("matched", at(45))]


def test_a_recovery_before_the_hold_time_moves_nothing() -> None:
    found = told(matcher(policy(DOWN)), [arrival(0, "host.unreachable"), arrival(44, "host.reachable")], 100)
    assert kinds(found) == ["ended"]


def test_each_host_has_its_own_state() -> None:
    found = told(
        matcher(policy(DOWN)),
        [
            arrival(0, "host.unreachable", "host:a"),
            arrival(1, "host.unreachable", "host:b"),
            arrival(2, "host.reachable", "host:b"),
        ],
        100,
    )
    assert [(k, key) for k, _, key, _ in found] == [("ended", "host:b"), ("matched", "host:a")]


def test_a_repeated_event_neither_restarts_the_time_nor_matches_again() -> None:
    found = told(matcher(policy(DOWN)), [arrival(s, "host.unreachable") for s in (0, 10, 20, 50, 60)], 200)
    assert [(k, when) for k, _, _, when in found] == [("matched", at(45))]


def test_the_next_failure_is_another_match() -> None:
    found = told(
        matcher(policy(DOWN)),
        [arrival(0, "host.unreachable"), arrival(50, "host.reachable"), arrival(60, "host.unreachable")],
        200,
    )
    assert kinds(found) == ["matched", "ended", "matched"]
    assert found[0][1] == found[1][1] != found[2][1]


def test_a_short_spike_of_load_moves_nothing_and_a_load_that_stays_does() -> None:
    spike = [arrival(s, "host.load", cpu_percent=c) for s, c in ((0, 90.0), (20, 95.0), (40, 70.0), (60, 50.0))]
    assert kinds(told(matcher(policy(HIGH)), spike, 300)) == ["ended"]
    stays = [arrival(s, "host.load", cpu_percent=90.0) for s in range(0, 120, 20)]
    assert kinds(told(matcher(policy(HIGH)), stays, 300)) == ["matched"]


def test_after_a_match_the_load_must_fall_past_the_clear_mark() -> None:
    samples = [(0, 90.0), (70, 75.0), (80, 61.0), (90, 59.0), (100, 85.0)]
    found = told(matcher(policy(HIGH)), [arrival(s, "host.load", cpu_percent=c) for s, c in samples], 150)
    assert [(k, when) for k, _, _, when in found] == [("matched", at(60)), ("ended", at(90))]


def test_a_match_noticed_late_says_how_late() -> None:
    m = matcher(policy(DOWN))
    m.feed(arrival(0, "host.unreachable"))
    (match,) = m.advance(at(645))
    assert isinstance(match, Match)
    assert match.late_by == 600


def test_a_condition_on_a_field_is_decided_by_the_matcher() -> None:
    fan = policy({"event": "fan.failed", "if": 'event.slot > 2 && event.part in ["fan 1", "fan 2"]', "by": "subject"})
    m = Matcher((fan,), shipped(), lambda event, by: event.subject)
    for data, fits in (
        ({"slot": 3, "part": "fan 2"}, True),
        ({"slot": 2, "part": "fan 2"}, False),
        ({"slot": 3, "part": "fan 3"}, False),
        ({}, False),
        ({"slot": 10**30, "part": "fan 1"}, True),
        ({"slot": 3, "part": "fan 2" + "\x00" * 9}, False),
    ):
        key = f"machine:c/{len(str(data))}{fits}{data.get('slot')}{data.get('part')!r}"
        found = m.feed(arrival(0, "fan.failed", key, name="e" + str(abs(hash(key))), **data))
        assert (len(found) == 1) is fits, data


def test_same_events_and_clock_give_the_same_findings() -> None:
    arrivals = [arrival(s, "host.unreachable", f"host:{s % 7}") for s in range(50)]
    assert told(matcher(policy(DOWN)), arrivals, 200) == told(matcher(policy(DOWN)), arrivals, 200)


def test_open_conditions_are_bounded_and_the_oldest_is_dropped_and_counted(monkeypatch) -> None:
    monkeypatch.setattr(watching, "LIVE_KEYS", 2000)  # more than one core of durable_rules can hold
    m = matcher(policy(DOWN))
    for n in range(watching.LIVE_KEYS + 10):
        m.feed(arrival(n / 100, "host.unreachable", f"host:{n}", name=f"n{n}"))
    assert len(m.open_keys("p")) == watching.LIVE_KEYS
    assert m.counts.overflows == 10
    assert "host:0" not in m.open_keys("p")


def test_hostile_field_content_never_reaches_the_matchers_parser() -> None:
    one = policy({"event": "fan.failed", "if": 'event.part == "x"', "by": "subject"})
    m = Matcher((one,), shipped(), lambda event, by: event.subject)
    for n, part in enumerate(['"}', "\\u0000", "\x1b[2J", "x" * 10_000, "é" * 400, "null", '{"a":1}']):
        m.feed(arrival(n, "fan.failed", f"machine:{n}/{part[:20]}", name=f"h{n}", part=part))
    assert m.counts.faults == 0
    assert len(m.feed(arrival(99, "fan.failed", "machine:ok/1", part="x"))) == 1


def test_a_fact_type_matches_each_time_and_does_not_stay_open() -> None:
    one = policy({"event": "watchdog.poweroff", "by": "subject"})
    m = Matcher((one,), shipped(), lambda event, by: event.subject)
    found = [f for s in range(3) for f in m.feed(arrival(s, "watchdog.poweroff", "machine:c/1"))]
    assert len({f.id for f in found}) == 3
    assert m.open_keys("p") == ()
    assert not any(isinstance(f, Ended) for f in found)


@pytest.mark.parametrize(
    ("text", "values", "result"),
    [
        ("host.running_vms > 0", {"host.running_vms": 2}, True),
        ("host.running_vms > 0 && !host.maintenance", {"host.running_vms": 2, "host.maintenance": True}, False),
        ("0 < host.vms || host.ha", {"host.vms": 0, "host.ha": True}, True),
        ('host.name in ["esx1", "esx2"]', {"host.name": "esx2"}, True),
        ("has(host.ha) && host.ha", {}, False),
        ("host.vms != 3", {"host.vms": 3}, False),
        ("host.vms >= -1", {"host.vms": 0}, True),
        ("size(host.name) == 4 && host.name.startsWith('es') && host.name.endsWith('1')", {"host.name": "esx1"}, True),
        (r"host.name.matches(r'^esx\d+$')", {"host.name": "esx12"}, True),
        ("host.name.contains('y')", {"host.name": "esx12"}, False),
        ("duration('90m') == duration('1h30m')", {}, True),
        ("host.vms > 5 || host.name == 'esx1'", {"host.name": "esx1"}, True),
        ("1 < 2", {}, True),
        ("!(host.vms == 1 || host.vms == 2)", {"host.vms": 3}, True),
    ],
)
def test_conditions_mean_what_they_say(text, values, result) -> None:
    assert evaluating.evaluate(text, values) is result


def test_an_unknown_value_is_not_taken_for_false() -> None:
    with pytest.raises(Unusable):
        evaluating.evaluate("host.running_vms > 0", {})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("host.running_vms", "not true or false"),
        ("host.name.upper() == 'X'", "unknown function upper; known:"),
        ("host.name.matches('(')", "not a regular expression of RE2"),
        ("host.name.matches(host.group)", "takes a literal text"),
        ("duration('5 minutes') < duration('1h')", "is not a duration"),
        ("host.name in 'esx1'", "needs a list"),
        ("host.vms in ['a']", "the list holds string"),
        ("[1] < [2]", "has no order"),
        ("-host.vms < 2", "a minus belongs to a number"),
        ("host.vms == 1u", "outside the condition language"),
        ("host.name == null", "outside the condition language"),
        ("[host.vms].all(x, x > 1)", "unknown function all"),
        ("host.vms > 1 ? true : false", "? :"),
        ("{'a': 1}.a == 1", "a map"),
        ("has(host)", "has() takes one field"),
        ("host.runing_vms > 0", "did you mean host.running_vms?"),
        ("host.running_vms > 'x'", "is a integer, 'x' is a string"),
        ("host.vms + 1 > 2", "arithmetic"),
        ("host.vms >", "not a condition"),
        ("__import__('os')", "unknown function __import__"),
    ],
)
def test_what_is_outside_the_language_is_refused_in_words(text, sentence) -> None:
    with pytest.raises(Unusable) as caught:
        conditions.check(expressions.parse(text), conditions.ESTATE)
    assert sentence in str(caught.value)


def test_a_fact_that_the_core_takes_for_another_one_is_told_again_under_another_number(monkeypatch) -> None:
    m = Matcher((policy({"event": "host.crashed"}),), shipped(), by_subject)
    core = m._policies["p"].watches[0]._desk.facts._shards[0].core
    told = core.assert_fact
    numbers: list[str] = []

    def once_mistaken(fact):
        numbers.append(fact["id"])
        if len(numbers) == 1:
            raise AlreadyObserved("a hash of 32 bits")
        return told(fact)

    monkeypatch.setattr(core, "assert_fact", once_mistaken)
    assert len(m.feed(arrival(0, "host.crashed"))) == 1
    assert numbers == ["1", "2"]
    assert m.counts.faults == 0


@pytest.mark.parametrize("number", [1e15, -1e15, 0.0001, 0.00012, 123456789.123456, 999999999999999.9, -0.000999])
def test_numbers_within_the_bounds_are_written_without_an_exponent(number) -> None:
    assert "e" not in orjson.dumps(sanitising.safe(number)).decode()
