"""What is said again and again is told once and counted; what changes a state is always told."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.snmp import collapsing
from collectors.snmp.collapsing import DIFFERENT, OCCURRENCES, WINDOW, Collapsing, Said
from engine.model.pattern import CountPattern
from tests.collectors.snmp.traps import NOW


def said(content="fan 1 failed", state="fan.failed", condition="fan", **more):
    return Said(content, condition, state, "chassis:c1", "192.0.2.20", "1.3.6.1", recovery=state == "fan.ok", **more)


class Storm:
    """Traps as they come, and which of them were told."""

    def __init__(self):
        self.collapsing, self.told, self.at = Collapsing(), [], 0.0

    def hear(self, one, after=0.01):
        self.at += after
        counted = self.collapsing.counted(one, self.at, NOW + timedelta(seconds=self.at))
        if not counted:
            self.collapsing.told(one, self.at)
            self.told.append(one)
        return counted

    def due(self, after=0.0, **how):
        self.at += after
        return self.collapsing.due(self.at, **how)


def test_a_thousand_times_the_same_is_told_once_and_counted_with_first_and_last_time():
    storm = Storm()
    assert not storm.hear(said())
    assert all(storm.hear(said()) for _ in range(999))
    assert storm.due() == ()
    (repeated,) = storm.due(after=WINDOW)
    assert repeated.count == 999
    assert (repeated.first_at - NOW).total_seconds() == 0.02
    assert round((repeated.last_at - NOW).total_seconds(), 6) == 10
    assert storm.due(after=WINDOW) == ()


def test_after_its_minute_the_same_is_told_again():
    storm = Storm()
    heard = [storm.hear(said(), after=30) for _ in range(5)]
    assert heard == [False, True, True, False, True]


def test_a_recovery_is_told_and_so_is_the_failure_after_it():
    storm = Storm()
    ok = said("fan 1 ok", "fan.ok")
    order = [said(), said(), ok, ok, said(), ok]
    assert [storm.hear(one) for one in order] == [False, True, False, True, False, False]


def test_numbered_occurrences_are_told_one_by_one_until_it_is_a_storm():
    storm = Storm()
    heard = [storm.hear(said(numbered=True)) for _ in range(300)]
    assert heard.count(False) == OCCURRENCES
    assert storm.due(every=True)[0].count == 300 - OCCURRENCES


def test_a_storm_starves_no_policy_that_counts():
    most = CountPattern.model_json_schema()["properties"]["count"]["maximum"]
    assert min(OCCURRENCES, DIFFERENT) >= most


def test_a_numbered_recovery_is_never_counted_away():
    storm = Storm()
    assert not any(storm.hear(said("ok", "fan.ok", numbered=True)) for _ in range(100))


def test_a_reading_that_changes_with_every_trap_is_a_storm_too():
    storm = Storm()
    heard = [storm.hear(said(f"{degrees} degrees")) for degrees in range(1000)]
    assert heard.count(False) == DIFFERENT
    assert sum(one.count for one in storm.due(every=True)) == 1000 - DIFFERENT
    assert not any(storm.hear(said(f"fan {number} ok", "fan.ok")) for number in range(200)), "recoveries differ"


def test_what_is_remembered_is_bounded_and_what_is_forgotten_is_told_before(monkeypatch):
    monkeypatch.setattr(collapsing, "LIMIT", 50)
    storm = Storm()
    for number in range(200):
        for _ in range(3):
            storm.hear(said(f"fan {number}", condition=f"fan {number}"))
    assert len(storm.told) == 200
    assert sum(one.count for one in storm.due(every=True)) + storm.collapsing.uncounted == 400
    assert storm.collapsing.uncounted > 0


TRAPS = st.builds(
    lambda part, state, number, numbered: said(
        f"{part} {state} {number}", "fan.ok" if state else "fan.failed", f"fan {part}", numbered=numbered
    ),
    st.integers(0, 2),
    st.integers(0, 1),
    st.integers(0, 2),
    st.booleans(),
)


@settings(max_examples=300)
@given(st.lists(st.tuples(TRAPS, st.sampled_from([0.0, 0.5, 20.0, WINDOW])), max_size=120))
def test_the_last_state_told_is_the_last_state_heard_and_every_trap_is_told_or_counted(heard):
    storm, states, counts = Storm(), {}, 0
    for one, after in heard:
        storm.hear(one, after)
        assert {one.condition: one.state for one in storm.told}[one.condition] == one.state
        if states.get(one.condition) != one.state:
            assert storm.told[-1] is one, "a change is always told"
        states[one.condition] = one.state
        counts += sum(one.count for one in storm.due())
    counts += sum(one.count for one in storm.due(every=True))
    assert len(storm.told) + counts == len(heard)
