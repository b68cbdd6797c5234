"""A policy over a record of what happened: what would have come of it, against what did."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from engine.bus import codec
from engine.bus.port import Record
from engine.deciding import DeciderSettings
from engine.model.catalogue import shipped
from engine.model.decision import DecisionRecord, Observation
from engine.model.errors import ConfigurationError
from engine.model.event import Arrival, Event
from engine.model.policy import Policy
from engine.rehearsing import recording, replaying
from engine.rehearsing.recording import Recording
from engine.rehearsing.replaying import Difference, Setting
from tests.engine.worlds import site

START = datetime(2026, 11, 24, 3, tzinfo=UTC)
SETTING = Setting(site(), shipped(), DeciderSettings(armed=True))


def policy(**spec: object) -> Policy:
    base: dict[str, object] = {
        "mode": "automatic",
        "when": {"event": "host.unreachable", "for": "60s", "by": "host"},
        "do": [{"id": "tell", "notify": {"channel": "x"}}],
    }
    return Policy.model_validate(
        {
            "apiVersion": "toban/v1",
            "kind": "Policy",
            "metadata": {"name": "p", "title": {"en": "t", "ja": "t"}},
            "spec": {**base, **spec},
        }
    )


def record(*inputs: tuple[float, str, str], **more: object) -> Recording:
    events = []
    for number, (seconds, kind, subject) in enumerate(inputs, start=1):
        at = START + timedelta(seconds=seconds)
        event = Event(id=f"e{number}", type=kind, source="t", subject=subject, time=at)
        events.append(Arrival(event=event, sequence=number, stored_at=at))
    return Recording((), tuple(events), tuple(more.get("decisions", ())))  # type: ignore[arg-type]


DOWN, UP = "host.unreachable", "host.reachable"
NIGHT = [
    (0.0, DOWN, "host:esx1"),
    (80.0, UP, "host:esx1"),
    (600.0, DOWN, "host:esx1"),
    (900.0, UP, "host:esx1"),
    (1200.0, DOWN, "host:esx2"),
]


def compared(before: Policy, after: Policy, what: Recording) -> Difference:
    was, _ = replaying.replay(what, before, SETTING)
    came, looks = replaying.replay(what, after, SETTING)
    return replaying.difference(replaying.verdicts(one.decision for one in was.told), came, what, looks)


def lines(found: Difference) -> list[str]:
    return [f"{sign} {one}" for sign, one in found.lines]


def test_the_same_policy_makes_no_difference() -> None:
    found = compared(policy(), policy(), record(*NIGHT))
    assert (found.lines, found.same, found.acts_before, found.acts_after) == ((), 3, 3, 3)


def test_a_longer_hold_loses_what_was_over_by_then() -> None:
    longer = policy(when={"event": DOWN, "for": "2m", "by": "host"})
    found = compared(policy(), longer, record(*NIGHT))
    assert lines(found) == ["- 2026-11-24 03:01:00 act host:esx1 held"]
    assert (found.same, found.acts_before, found.acts_after) == (2, 3, 2)


def test_a_cooldown_turns_an_act_into_a_hold_and_says_so() -> None:
    found = compared(policy(), policy(cooldown="1h"), record(*NIGHT))
    assert lines(found) == [
        "+ 2026-11-24 03:11:00 hold host:esx1 cooldown",
        "- 2026-11-24 03:11:00 act host:esx1 held",
    ] or lines(found) == [
        "- 2026-11-24 03:11:00 act host:esx1 held",
        "+ 2026-11-24 03:11:00 hold host:esx1 cooldown",
    ]
    assert found.held_for == (("cooldown", 1),)


def test_a_narrower_scope_counts_what_it_leaves_out() -> None:
    found = compared(policy(), policy(scope={"host": "esx2"}), record(*NIGHT))
    assert [line[0] for line in lines(found)] == ["-", "-"]
    assert found.out_of_scope == 2


def test_a_policy_agrees_with_its_own_recorded_decisions() -> None:
    was, _ = replaying.replay(record(*NIGHT), policy(), SETTING)
    kept = record(*NIGHT, decisions=[one.decision for one in was.told])
    before = replaying.verdicts(kept.decisions)
    came, looks = replaying.replay(kept, policy(), SETTING)
    assert replaying.difference(before, came, kept, looks).lines == ()


def test_a_look_is_answered_with_what_was_seen_then() -> None:
    fencing = policy(
        witnesses={"need": 2, "of": ["vcenter", "bmc"], "within": "60s"},
        do=[{"id": "fence", "fence": {"host": "$host"}}],
        budget={"rate": "2 per 15m"},
    )
    night = [(0.0, DOWN, "host:esx1")]
    alone, looks = replaying.replay(record(*night), fencing, SETTING)
    assert [(one.decision.kind, one.why) for one in alone.told] == [("hold", "witnesses.missing")]
    assert looks == 0
    at = START + timedelta(seconds=60)
    word = {"subject": "host:esx1", "down": True, "at": at}
    seen = (Observation(witness="bmc", says="off", **word), Observation(witness="vcenter", says="lost", **word))
    then = alone.told[0].decision.model_copy(update={"observations": seen})
    came, looks = replaying.replay(record(*night, decisions=[then]), fencing, SETTING)
    assert [one.decision.kind for one in came.told] == ["act"]
    assert looks > 0


def stored(arrivals: Iterable[Arrival]) -> list[bytes]:
    found = []
    for one in arrivals:
        raw = Record("events.0.x", one.sequence, codec.encode(one.event), one.stored_at)
        found.append(recording.line_of(raw, "event"))
    return found


def test_a_record_is_read_back_as_it_was_written(tmp_path) -> None:
    was, _ = replaying.replay(record(*NIGHT), policy(), SETTING)
    decision = was.told[0].decision
    body = DecisionRecord(decision=decision).model_dump_json().encode()
    path = tmp_path / "r.jsonl"
    told = recording.line_of(Record("decisions.x.0", 7, body, START), "decision")
    path.write_bytes(b"".join([*reversed(stored(record(*NIGHT).events)), told]))
    back = recording.read(path)
    assert back.events == record(*NIGHT).events
    assert back.decisions == (decision,)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"{\n", ":1: no line of a record: the line: invalid json"),
        (b'{"kind": "event", "stored_at": "2026-11-24T03:00:00Z", "body": {}}\n', ":1: not an event"),
        (b'{"kind": "decision", "stored_at": "2026-11-24T03:00:00Z", "body": {}}\n', ":1: no decision"),
        (b'{"kind": "rumour", "stored_at": "2026-11-24T03:00:00Z", "body": {}}\n', ":1: no line of a record: kind"),
        (b'{"x": "' + b"a" * 300_000 + b'"}\n', ":1: the line is longer than 256 KiB"),
        (b"\xff\xfe\n", ":1: no line of a record"),
    ],
)
def test_a_hostile_record_ends_in_one_sentence_with_its_line(raw, says, tmp_path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(raw)
    with pytest.raises(ConfigurationError) as caught:
        recording.read(path)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 400
