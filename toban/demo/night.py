"""The two stories, as seen from outside: what is done to the datacenter, and what must have come of it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from engine.audit import timeline
from engine.audit.timeline import Line
from engine.bus import codec, subjects
from engine.bus.port import Bus, Record
from engine.clock import Clock
from engine.model.decision import DecisionRecord
from engine.model.errors import Permanent, TobanError
from engine.model.run import entries_of
from toban.simulator import control

Show = Callable[[Line], None]

QUIET = frozenset({"host.load", "vm.load"})
"""Events that come every second and tell a watcher nothing."""


class Failed(TobanError):
    """A story did not end as it must; the sentence says what was missing."""


@dataclass(slots=True)
class Watch:
    """Everything that was seen, decided and done so far, and a bell for whoever waits for more."""

    show: Show
    lines: list[Line] = field(default_factory=list)
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    targets: dict[str, str] = field(default_factory=dict)

    def add(self, line: Line | None) -> None:
        """Show and remember."""
        if line is not None:
            self.lines.append(line)
            self.show(line)
            self.bell.set()

    async def until(self, wanted: Callable[[Line], bool], since: int, within: float, what: str) -> Line:
        """The first line from `since` on that fits; raises `Failed` if none comes in time."""
        try:
            async with asyncio.timeout(within):
                while True:
                    for line in self.lines[since:]:
                        if wanted(line):
                            return line
                    self.bell.clear()
                    await self.bell.wait()
        except TimeoutError as error:
            msg = f"{what} did not come within {within:.0f} s"
            raise Failed(msg) from error


@dataclass(frozen=True, slots=True)
class Story:
    """How one story went."""

    name: str
    outcome: str
    seconds: float
    lines: tuple[Line, ...]
    why: str = ""


async def watch(bus: Bus, seen: Watch) -> None:
    """Follow the streams until cancelled."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_follow(bus, subjects.ALL_EVENTS, lambda record: _event(record, seen)))
        group.create_task(_follow(bus, subjects.ALL_DECISIONS, lambda record: _decision(record, seen)))
        group.create_task(_follow(bus, subjects.ALL_RUNS, lambda record: _entry(record, seen)))


async def _follow(bus: Bus, subject: str, take: Callable[[Record], None]) -> None:
    async for record in bus.follow(subject):
        take(record)


def _event(record: Record, seen: Watch) -> None:
    try:
        arrival = codec.decode(record)
    except Permanent:
        return
    if arrival.event.type not in QUIET:
        seen.add(timeline.of_event(arrival.event, arrival.stored_at))


def _decision(record: Record, seen: Watch) -> None:
    seen.add(timeline.of_decision(DecisionRecord.model_validate_json(record.body).decision))


def _entry(record: Record, seen: Watch) -> None:
    for entry in entries_of(record.body):
        if entry.plan is not None:
            seen.targets[entry.run] = entry.plan.object
            seen.targets |= {c.id: c.target for step in entry.plan.steps for c in step.commands}
        about = seen.targets.get(entry.command or entry.run, entry.run[:8])
        seen.add(timeline.of_entry(entry, about))


async def play(name: str, story: Callable[[], Awaitable[None]], seen: Watch, clock: Clock) -> Story:
    """Run one story and time it; what it raises is its outcome, not the end of the night."""
    began, since = clock.monotonic(), len(seen.lines)
    try:
        await story()
    except TobanError as error:
        return Story(name, "failed", clock.monotonic() - began, tuple(seen.lines[since:]), str(error))
    return Story(name, "passed", clock.monotonic() - began, tuple(seen.lines[since:]))


async def high_load(datacenter: Path, seen: Watch, clock: Clock) -> None:
    """A short spike moves nothing; a load that stays moves VM-01 to esx2 while it runs."""
    since = len(seen.lines)
    await _ask(datacenter, {"do": "load", "vm": "VM-01", "mhz": 14000})
    await clock.sleep(2.5)
    await _ask(datacenter, {"do": "load", "vm": "VM-01", "mhz": 1500})
    await clock.sleep(6.0)
    if any(line.room in ("decided", "done") for line in seen.lines[since:]):
        msg = "a short spike of load led to a decision"
        raise Failed(msg)
    await _ask(datacenter, {"do": "load", "vm": "VM-01", "mhz": 14000})
    await seen.until(lambda line: line.what == "act" and line.about == "host:esx1", since, 20, "the decision to act")
    ended = await seen.until(lambda line: line.what == "ended", since, 30, "the end of the run")
    _must("success" in ended.text, f"the run ended otherwise: {ended.text}")
    await seen.until(lambda line: line.what == "toban.condition.ended", since, 20, "the load back in its band")
    truth = await _ask(datacenter, {"do": "ledger"})
    moved = [e for e in _entries(truth) if e.get("what") == "vm.moved" and e.get("vm") == "VM-01"]
    stopped = [e for e in _entries(truth) if e.get("what") == "vm.stopped" and e.get("vm") == "VM-01"]
    _must(len(moved) == 1, f"the ledger shows {len(moved)} moves of VM-01, not one")
    _must(not stopped, "VM-01 stopped on its way")


async def quiet_again(datacenter: Path, seen: Watch, clock: Clock) -> None:
    """Between the stories: the load falls, and an administrator moves VM-01 back by hand."""
    since = len(seen.lines)
    await _ask(datacenter, {"do": "load", "vm": "VM-01", "mhz": 1500})
    await _ask(datacenter, {"do": "move", "vm": "VM-01", "host": "esx1"})
    await seen.until(lambda line: line.what == "vm.migrated", since, 20, "the move of VM-01 back to esx1")
    await clock.sleep(1.0)


async def host_down(datacenter: Path, seen: Watch) -> None:
    """Blade 1 loses power: it is fenced, and what ran on it runs on esx2 again."""
    since = len(seen.lines)
    before = await vms(datacenter)
    _must(sorted(n for n, host in before.items() if host == "esx1") == ["VM-01", "VM-02"], f"a wrong start: {before}")
    await _ask(datacenter, {"do": "fault", "fault": "blade-power-lost", "target": "chassis1/1"})
    await seen.until(lambda line: line.what == "blade.power.lost", since, 15, "the chassis trap")
    await seen.until(lambda line: line.what == "host.unreachable", since, 20, "vCenter's word that the host is gone")
    await seen.until(lambda line: line.what == "act" and line.about == "host:esx1", since, 30, "the decision to act")
    ended = await seen.until(lambda line: line.what == "ended", since, 60, "the end of the run")
    _must("success" in ended.text, f"the run ended otherwise: {ended.text}")
    places = await vms(datacenter)
    _must(set(places.values()) == {"esx2"}, f"not every VM runs on esx2: {places}")


async def vms(datacenter: Path) -> dict[str, str | None]:
    """Where each VM truly runs, by the datacenter's own word; None: nowhere."""
    state = await _ask(datacenter, {"do": "state"})
    found = state.get("vms")
    return {name: vm.get("running_on") for name, vm in found.items()} if isinstance(found, dict) else {}


async def violations(datacenter: Path) -> int:
    """How often the truth ledger saw one VM run twice."""
    truth = await _ask(datacenter, {"do": "ledger"})
    found = truth.get("violations")
    return len(found) if isinstance(found, list) else int(str(found or 0))


def _entries(truth: dict[str, object]) -> list[dict[str, object]]:
    found = truth.get("entries")
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _must(holds: bool, sentence: str) -> None:
    if not holds:
        raise Failed(sentence)


async def _ask(datacenter: Path, request: dict[str, object]) -> dict[str, object]:
    answer: dict[str, object] = await asyncio.to_thread(control.ask, datacenter, request)
    if "error" in answer:
        msg = f"the datacenter refused {request}: {answer['error']}"
        raise Failed(msg)
    return answer
