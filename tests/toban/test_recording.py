"""`toban record` and `toban policy backtest`: what the bus keeps becomes a file, and the file a difference."""

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engine.bus.memory import MemoryBus
from engine.clock import HandClock
from engine.model.event import Event
from engine.rehearsing import picturing, records
from engine.rehearsing.places import TUTORIAL
from engine.rehearsing.records import End, Head, Item
from toban.cli import app
from toban.cli import record as recording

T0 = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
POLICY = """\
apiVersion: toban/v1
kind: Policy
metadata: {name: p, title: {en: t, ja: t}}
spec:
  mode: automatic
  when: {event: host.unreachable, for: 45s, by: host}
  do: [{id: tell, notify: {channel: x}}]
"""


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def head() -> Head:
    return Head.model_validate({"since": T0, "from": T0, "to": at(600), "estate": picturing.site(TUTORIAL)})


async def of_a_night() -> list[Item]:
    """What a bus keeps of ten minutes; the last event comes after their end."""
    clock = HandClock(T0)
    bus = MemoryBus(clock)
    for seconds, about, kind in (
        (10, "host:esx1", "host.unreachable"),
        (70, "host:esx1", "host.reachable"),
        (100, "host:esx2", "host.unreachable"),
        (601, "host:esx1", "host.unreachable"),
    ):
        clock.turn((at(seconds) - clock.now()).total_seconds())
        await bus.publish(Event(id=f"e{seconds}", type=kind, source="s", subject=about, time=at(seconds)))
    return [item async for item in records.of_bus(bus, head())]


async def broken_off(items: list[Item]) -> AsyncIterator[Item]:
    for item in items:
        yield item
    raise asyncio.CancelledError  # what Ctrl-C becomes in a running command


def recorded(folder: Path) -> Path:
    path = folder / "night.jsonl"
    path.write_bytes(b"".join(map(records.line, asyncio.run(of_a_night()))))
    return path


def policy(folder: Path, name: str, hold: str) -> str:
    (folder / name).write_text(POLICY.replace("45s", hold), encoding="utf-8")
    return str(folder / name)


def backtest(*words: str) -> Result:
    return CliRunner().invoke(app, ["policy", "backtest", *words], prog_name="toban")


def test_a_record_holds_what_was_stored_until_its_end_with_its_sequence() -> None:
    items = asyncio.run(of_a_night())
    assert isinstance(items[0], Head)
    assert items[-1] == End(events=3, until=at(600))
    assert [(one.sequence, one.event.id) for one in items[1:-1]] == [(1, "e10"), (2, "e70"), (3, "e100")]


def test_a_record_that_is_broken_off_can_be_used_as_far_as_it_reaches(tmp_path) -> None:
    file = io.BytesIO()

    async def write() -> None:
        with pytest.raises(asyncio.CancelledError):
            await recording.write(broken_off((await of_a_night())[:3]), file, head())

    async def read() -> list[Item]:
        return [item async for item in records.of_file(tmp_path / "r")]

    asyncio.run(write())
    (tmp_path / "r").write_bytes(file.getvalue())
    assert asyncio.run(read())[-1] == End(events=2, until=at(70))


def test_a_backtest_shows_the_difference_and_fails_if_there_is_one(tmp_path) -> None:
    new, old = policy(tmp_path, "new.yaml", "90s"), policy(tmp_path, "old.yaml", "45s")
    shown = backtest(new, "--recorded", str(recorded(tmp_path)), "--against", old)
    assert shown.exit_code == 1
    lines = [line for line in shown.output.splitlines() if line.startswith(("- ", "+ ", "2026-11-24", "acts"))]
    assert [line[:42].rstrip() for line in lines[:3]] == [
        "- 2026-11-24 12:00:55 act       host:esx1",
        "- 2026-11-24 12:02:25 act       host:esx2",
        "+ 2026-11-24 12:03:10 act       host:esx2",
    ]
    assert lines[3] == "2026-11-24 12:00 to 2026-11-24 12:10: 0 the same, +1 -2"
    assert lines[4] == "acts: 2 before, 1 after: 144.0 a day fewer"


def test_the_same_policy_gives_no_difference_and_speaks_to_machines(tmp_path) -> None:
    old = policy(tmp_path, "old.yaml", "45s")
    shown = backtest(old, "--recorded", str(recorded(tmp_path)), "--against", old, "--json")
    assert shown.exit_code == 0
    told = json.loads(shown.output.splitlines()[-1])
    assert (told["rows"], told["unchanged"], told["acts"]["after"]) == ([], 2, 2)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "which time?"),
        (["--to", "2026-11-24T12:00Z"], "which time?"),
        (["--recorded", "none.jsonl"], "cannot be read"),
        (["--recorded", "none.jsonl", "--from", "2026-11-24"], "has its own times"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(tmp_path, words, says) -> None:
    shown = backtest(policy(tmp_path, "new.yaml", "45s"), *words)
    assert says in str(shown.exception)


def test_a_broken_policy_is_refused_at_its_line(tmp_path) -> None:
    (tmp_path / "new.yaml").write_text(POLICY.replace("host.unreachable", "host.unreachible"), encoding="utf-8")
    shown = backtest(str(tmp_path / "new.yaml"), "--recorded", str(recorded(tmp_path)))
    assert "new.yaml:6:" in str(shown.exception)
    assert "host.unreachable" in str(shown.exception)


@pytest.mark.e2e
def test_a_hostile_record_ends_with_code_2_and_no_traceback(tmp_path) -> None:
    path = recorded(tmp_path)
    path.write_bytes(path.read_bytes() + b"{}\n")
    command = [sys.executable, "-m", "toban", "policy", "backtest", policy(tmp_path, "new.yaml", "45s")]
    done = subprocess.run([*command, "--recorded", str(path)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "night.jsonl:6: there is more behind the end" in done.stderr
    assert "Traceback" not in done.stderr
