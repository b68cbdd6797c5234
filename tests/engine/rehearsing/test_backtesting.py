"""A changed policy over a recorded night: what would be decided otherwise, and what a hostile record may not do."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from engine.deciding import DeciderSettings
from engine.model.catalogue import shipped
from engine.model.decision import Act, Decision, Observation, Reason
from engine.model.errors import ConfigurationError
from engine.model.event import Arrival, Event
from engine.model.policy import Policy
from engine.rehearsing import backtesting, comparing, picturing, records
from engine.rehearsing.backtesting import Backtest, Cast
from engine.rehearsing.places import Place
from engine.rehearsing.records import Decided, End, Head, Item
from tests.engine.guard.situations import gentle

T0 = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SITE = picturing.site(Place.model_validate({"hosts": {f"esx{n}": {} for n in range(1, 7)}}))
TELL = [{"id": "tell", "notify": {"channel": "oncall"}}]
FENCE = [{"id": "fence", "fence": {"host": "$host"}}]
LOST, FOUND = "host.unreachable", "host.reachable"


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def after(hold: str, **spec: object) -> Policy:
    return gentle("p", **{"unless": [], "when": {"event": LOST, "for": hold, "by": "host"}, "do": TELL, **spec})


def night(*happened: tuple[float, str, str]) -> list[Item]:
    return [
        Arrival(
            event=Event(id=f"e{number}", type=kind, source="test", subject=about, time=at(seconds)),
            sequence=number,
            stored_at=at(seconds),
        )
        for number, (seconds, about, kind) in enumerate(happened, start=1)
    ]


def head(since: float = -7200, start: float = 0, end: float = 3600) -> Head:
    return Head.model_validate({"since": at(since), "from": at(start), "to": at(end), "estate": SITE})


async def _given(items: Iterable[Item]) -> AsyncIterator[Item]:
    for item in items:
        yield item


def run(policy: Policy, items: Iterable[Item], against: Policy | None = None, first: Head | None = None) -> Backtest:
    whole = [first or head(), *items]
    if not isinstance(whole[-1], End):
        whole.append(End(events=0, until=at(3600)))
    cast = Cast(policy, against, (), DeciderSettings(), frozenset())
    return asyncio.run(backtesting.run(_given(whole), cast, shipped()))


def rows(result: Backtest) -> list[tuple[str, float, str, str]]:
    return [
        (row.sign, (row.decision.at - T0).total_seconds(), comparing.word(row.decision), row.decision.object)
        for row in result.difference.rows
    ]


BLIP = night((10, "host:esx1", LOST), (70, "host:esx1", FOUND), (100, "host:esx2", LOST))


def test_the_same_policy_decides_the_same() -> None:
    result = run(after("45s"), BLIP, against=after("45s"))
    assert (rows(result), result.difference.unchanged) == ([], 2)


def test_a_longer_hold_spares_the_host_that_came_back_and_acts_later_on_the_other() -> None:
    result = run(after("90s"), BLIP, against=after("45s"))
    assert rows(result) == [
        ("-", 55, "act", "host:esx1"),
        ("-", 145, "act", "host:esx2"),
        ("+", 190, "act", "host:esx2"),
    ]
    assert (result.difference.acts_before, result.difference.acts_after) == (2, 1)


def test_a_budget_that_would_have_held_is_named() -> None:
    fell = night(*((10 + n, f"host:esx{n}", LOST) for n in range(1, 5)))
    tight = after("45s", budget={"rate": "1 per 30m", "per": "group"})
    result = run(tight, fell, against=after("45s", budget={"rate": "9 per 30m", "per": "group"}))
    assert result.difference.blocked == {"budget": 3}
    assert result.difference.unchanged == 1


def test_what_was_open_before_the_beginning_counts_but_is_not_compared() -> None:
    early = night((-600, "host:esx1", LOST), (-20, "host:esx2", LOST))
    assert rows(run(after("45s"), early)) == [("+", 25, "act", "host:esx2")]


def decided(seconds: float, about: str, cause: str, *observations: Observation) -> Decided:
    return Decided(
        decision=Act(
            match=f"m-{cause}",
            policy="p",
            object=about,
            at=at(seconds),
            reasons=(Reason(code="held", en="held", ja="-"),),
            causes=(cause,),
            observations=observations,
        )
    )


def test_recorded_decisions_are_what_it_is_compared_with() -> None:
    record = [decided(55, "host:esx1", "e1"), decided(146, "host:esx2", "e3"), *BLIP]
    result = run(after("45s"), record)
    assert (rows(result), result.difference.unchanged) == ([], 2)
    assert rows(run(after("90s"), record))[0] == ("-", 55, "act", "host:esx1")


def test_what_was_seen_for_a_match_is_seen_again_for_the_same_events_only() -> None:
    words = [Observation(witness=w, subject="host:esx1", down=True, at=at(55), says=w) for w in ("vcenter", "bmc")]
    rough = after("45s", do=FENCE, witnesses={"need": 2, "of": ["vcenter", "bmc", "probe"], "within": "60s"})
    seen = run(rough, [decided(55, "host:esx1", "e1", *words), *BLIP])
    by_object = {row.decision.object: row for row in seen.difference.rows}
    assert "host:esx1" not in by_object, "decided as then"
    assert "witnesses.missing" in {reason.code for reason in by_object["host:esx2"].decision.reasons}
    assert (len(seen.seen_then), len(seen.unseen)) == (1, 1)
    other = run(rough, [decided(55, "host:esx1", "another", *words), *BLIP])
    assert other.difference.acts_after == 0


def test_a_schedule_comes_by_itself_and_once() -> None:
    due = gentle("p", unless=[], when={"schedule": "*/20 * * * *", "about": "group:esx"}, do=TELL)
    assert [row[1] for row in rows(run(due, []))] == [0, 1200, 2400, 3600]


def test_a_record_that_was_broken_off_says_so() -> None:
    result = run(after("45s"), [*BLIP, End(events=3, until=at(100))])
    assert (result.whole, result.until) == (False, at(100))
    assert rows(result) == [("+", 55, "act", "host:esx1")]


def test_each_decision_pairs_with_one_other_at_most() -> None:
    one = decided(10, "host:esx1", "a").decision
    twice: list[Decision] = [one, one.model_copy(update={"at": at(12)})]
    found = comparing.compare([one], twice)
    assert (found.unchanged, [row.sign for row in found.rows]) == (1, ["+"])
    assert comparing.compare([one], [one.model_copy(update={"at": at(16)})]).unchanged == 0


# files


def written(path: Path, items: Iterable[Item]) -> Path:
    path.write_bytes(b"".join(map(records.line, items)))
    return path


async def _all(path: Path) -> list[Item]:
    return [item async for item in records.of_file(path)]


def test_a_record_reads_as_it_was_written(tmp_path) -> None:
    items = [head(), decided(55, "host:esx1", "e1"), *BLIP, End(events=3, until=at(3600))]
    assert asyncio.run(_all(written(tmp_path / "r", items))) == items


HEAD = records.line(head())
EVENT = records.line(BLIP[0])
LATER = records.line(BLIP[2])


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (b"", ":1: this is no record"),
        (EVENT, ":1: a line of kind event does not belong here"),
        (HEAD + HEAD, ":2: a line of kind record does not belong here"),
        (HEAD + EVENT + records.line(decided(1, "host:a", "x")), ":3: a line of kind decision does not belong"),
        (HEAD + LATER + EVENT, ":3: stored_at goes back"),
        (HEAD + EVENT[:40], ":2: not JSON"),
        (HEAD + b"[" * 50_000 + b"\n", ":2: not JSON"),
        (HEAD + b'{"kind": "event", "x": "' + b"y" * 200_000 + b'"}\n', ":2: a line of more than"),
        (HEAD + b'{"kind": ["event"]}\n', ":2: not a line of a record"),
        (HEAD + b'{"kind": "end", "events": -1, "until": "x"}\n', ":2: events:"),
        (HEAD + EVENT.replace(b"specversion", b"specverzion"), ":2: not an event"),
        (HEAD + records.line(End(events=0, until=at(1))) + EVENT, ":3: there is more behind the end"),
    ],
)
def test_a_hostile_record_is_refused_at_its_line(tmp_path, lines, says) -> None:
    (tmp_path / "r").write_bytes(lines)
    with pytest.raises(ConfigurationError) as refused:
        asyncio.run(_all(tmp_path / "r"))
    assert says in str(refused.value)


def test_a_missing_file_is_one_sentence(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        asyncio.run(_all(tmp_path / "none"))


@pytest.mark.parametrize(("since", "start", "end"), [(10, 0, 20), (0, 20, 10), (-1e9, 0, 10)])
def test_times_out_of_order_are_refused(since, start, end) -> None:
    with pytest.raises(ConfigurationError, match="out of order"):
        run(after("45s"), [], first=head(since, start, end))


def test_an_event_outside_of_the_record_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="outside the time"):
        run(after("45s"), night((1e6, "host:esx1", LOST)))


def test_a_line_is_json_with_a_cloudevent() -> None:
    line = orjson.loads(EVENT)
    assert (line["kind"], line["sequence"], line["event"]["specversion"]) == ("event", 1, "1.0")
