"""What anybody can forge: where policy or site asks for proof, an unproven trap neither adds nor takes back a word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.guard import deciding, witnesses
from engine.model.catalogue import shipped
from engine.model.decision import Act, Hold
from engine.model.event import Event
from tests.engine.guard.situations import NOW, gentle, match, policy, saw, situation

STRICT = policy(witnesses={"need": 2, "of": ["vcenter", "chassis", "bmc"], "within": "60s", "authenticated": True})
FORGED, PROVEN = saw("chassis", proven=False), saw("chassis")


def decided(asked, *words, **more):
    return deciding.decide(match(), asked, situation(observations=words, **more))


def test_a_trap_that_proves_nothing_is_no_witness_where_the_policy_asks_for_proof_and_that_is_said() -> None:
    held = decided(STRICT, saw("vcenter"), FORGED)
    assert isinstance(held, Hold)
    reason = held.reasons[-1]
    assert reason.code == "witnesses.missing"
    assert reason.en.endswith("only 1 does (vcenter); chassis only by a trap that proves no sender")
    assert reason.ja.endswith("chassis は送信者を証明しないトラップのみ")


@pytest.mark.parametrize("words", [(saw("vcenter"), PROVEN), (saw("vcenter"), FORGED, saw("bmc"))])
def test_two_proven_classes_are_enough(words) -> None:
    assert isinstance(decided(STRICT, *words), Act)


def test_where_nobody_asks_for_proof_it_is_one_class_of_the_two() -> None:
    assert isinstance(decided(policy(), saw("vcenter"), FORGED), Act)
    assert isinstance(decided(policy(), FORGED), Hold)


def test_the_site_may_ask_for_it_whatever_the_policy_says_but_only_of_what_takes_power_away() -> None:
    assert isinstance(decided(policy(), saw("vcenter"), FORGED, authenticated=True), Hold)
    lenient = gentle(witnesses={"need": 1, "of": ["chassis"], "within": "60s"})
    assert isinstance(decided(lenient, FORGED, authenticated=True), Act)


def test_a_forged_word_hides_no_proven_one_and_the_newest_of_both_stands_elsewhere() -> None:
    seen: witnesses.Seen = {}
    for word in (saw("chassis", age=9), saw("chassis", down=False, age=3, proven=False)):
        seen = witnesses.remember(seen, word)
    about = witnesses.about(seen, "host:esx1", NOW, 60)
    assert witnesses.down(about, ("chassis",), authenticated=True) == ("chassis",)
    assert witnesses.down(about, ("chassis",)) == ()


def test_an_unproven_word_is_forgotten_once_a_newer_one_is_proven() -> None:
    seen: witnesses.Seen = {}
    for word in (saw("chassis", age=9, proven=False), saw("chassis", down=False, age=3)):
        seen = witnesses.remember(seen, word)
    assert [(word.proven, word.down) for word in witnesses.about(seen, "host:esx1", NOW, 60)] == [(True, False)]


@pytest.mark.parametrize(
    ("source", "data", "proven"),
    [
        ("snmp/192.0.2.20", {"authenticated": True}, True),
        ("snmp/192.0.2.20", {"authenticated": False}, False),
        ("snmp/192.0.2.20", {}, False),
        ("snmp/192.0.2.20", {"authenticated": "yes"}, False),
        ("scenario", {}, True),
        ("scenario", {"authenticated": False}, False),
    ],
)
def test_a_trap_is_proven_only_if_its_listener_says_so(source, data, proven) -> None:
    event = Event(id="e", type="blade.power.lost", source=source, subject="machine:chassis1/1", time=NOW, data=data)
    word = witnesses.observe(shipped(), event, "host:esx1", NOW)
    assert word is not None
    assert word.proven is proven


WORDS = st.lists(
    st.builds(
        saw,
        st.sampled_from(["vcenter", "chassis"]),
        down=st.booleans(),
        age=st.integers(0, 50).map(float),
        proven=st.booleans(),
    ),
    max_size=12,
)


@given(WORDS)
def test_asking_for_proof_is_the_same_as_never_having_heard_what_is_unproven(words) -> None:
    every: witnesses.Seen = {}
    proven: witnesses.Seen = {}
    for word in sorted(words, key=lambda one: one.at):
        every = witnesses.remember(every, word)
        if word.proven:
            proven = witnesses.remember(proven, word)
    classes = ("vcenter", "chassis")
    strict = witnesses.down(witnesses.about(every, "host:esx1", NOW, 60), classes, authenticated=True)
    assert strict == witnesses.down(witnesses.about(proven, "host:esx1", NOW, 60), classes)


@given(WORDS)
def test_where_nobody_asks_the_last_word_of_a_class_stands_proven_or_not(words) -> None:
    seen: witnesses.Seen = {}
    heard = sorted(words, key=lambda one: (one.at, one.proven))
    for word in heard:
        seen = witnesses.remember(seen, word)
    last = {word.witness: word for word in heard}
    expected = sorted(name for name, word in last.items() if word.down)
    assert list(witnesses.down(witnesses.about(seen, "host:esx1", NOW, 60), ("vcenter", "chassis"))) == expected
