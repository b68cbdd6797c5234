"""Probes every host in every interval, thousands side by side: a witness of its own, beside vCenter and the chassis."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
import structlog

from collectors.probe import judging
from collectors.probe.asking import Asking, Outcome
from collectors.probe.judging import Health
from collectors.publishing import Memory, Publisher
from engine.clock import Clock
from engine.model.decision import Observation
from engine.model.errors import TobanError
from engine.model.event import Event, Severity
from engine.model.ids import Kind, content_hash, object_id
from engine.model.source import Source

log = structlog.get_logger()

CHUNK = 100
SPREAD = 0.25
"""Share of an interval over which the questions of a round are spread: no burst of thousands of packets at once."""
DOWN, UP = "probe.down", "probe.up"


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """Whom to ask and how often; seconds."""

    targets: Mapping[str, str]
    """Address by host definition."""
    anchors: tuple[str, ...] = ()
    """Addresses that answer as long as our own network does."""
    every: float = 10.0
    failures: int = 3
    """Silent rounds in a row that count as down."""
    side_by_side: int = 2048


@dataclass(slots=True)
class _Round:
    """How the last rounds went."""

    ended: float | None = None
    took: float = 0.0
    overruns: int = 0
    unasked: int = 0
    blind: str | None = None


class Prober:
    """Asks until cancelled."""

    def __init__(
        self, settings: ProbeSettings, asking: Asking, publisher: Publisher, memory: Memory, clock: Clock
    ) -> None:
        """Nothing is opened before `run`."""
        self._settings, self._asking, self._publisher = settings, asking, publisher
        self._memory, self._clock = memory, clock
        self._healths: Mapping[str, Health] = {}
        self._told: frozenset[str] | None = None
        self._slots = asyncio.Semaphore(settings.side_by_side)
        self._last, self._began = _Round(), clock.monotonic()

    async def run(self) -> None:
        """Round after round; one that takes longer than the interval is counted and followed by the next at once."""
        log.info("probe.begins", targets=len(self._settings.targets), ways=self._asking.ways)
        while True:
            began = self._clock.monotonic()
            await self.round()
            self._last.took = self._clock.monotonic() - began
            if self._last.took > self._settings.every:
                self._last.overruns += 1
                log.warning("probe.overrun", took=round(self._last.took, 1), every=self._settings.every)
            await self._clock.sleep(max(0.0, self._settings.every - self._last.took))

    async def round(self) -> None:
        """Ask everybody once, judge, tell what changed; what cannot be told now is told after the next round."""
        outcomes, anchors = await self._ask_all()
        verdict = judging.judge(self._healths, outcomes, anchors, self._settings.failures)
        self._healths, self._last.blind = verdict.healths, verdict.blind
        self._last.unasked += sum(one is Outcome.UNKNOWN for one in outcomes.values())
        self._last.ended = self._clock.monotonic()
        try:
            await self._tell()
        except TobanError as error:
            log.warning("probe.untold", error=str(error))

    async def _ask_all(self) -> tuple[dict[str, Outcome], dict[str, Outcome]]:
        wanted = [*((name, address) for name, address in self._settings.targets.items())]
        chunks = [wanted[at : at + CHUNK] for at in range(0, len(wanted), CHUNK)]
        pause = self._settings.every * SPREAD / max(1, len(chunks))
        async with asyncio.TaskGroup() as group:
            anchors = {one: group.create_task(self._ask(one)) for one in self._settings.anchors}
            tasks: dict[str, asyncio.Task[Outcome]] = {}
            for number, chunk in enumerate(chunks):
                if number:
                    await self._clock.sleep(pause)
                tasks |= {name: group.create_task(self._ask(address)) for name, address in chunk}
        return {name: task.result() for name, task in tasks.items()}, {
            name: task.result() for name, task in anchors.items()
        }

    async def _ask(self, address: str) -> Outcome:
        async with self._slots:
            return await self._asking.ask(address)

    async def _tell(self) -> None:
        if self._told is None:
            self._told = _read(await self._memory.load())
        told = self._told
        changed = [
            *(name for name, one in self._healths.items() if one.down and name not in told),
            *(name for name in told if name not in self._healths or self._healths[name].answered),
        ]
        for name in changed:
            await self._publisher.publish(self._event(name, down=name not in told))
            told = told ^ {name}
            self._told = told
        if changed:
            await self._memory.save(orjson.dumps(sorted(told)))

    def _event(self, name: str, *, down: bool) -> Event:
        now, address = self._clock.now(), self._settings.targets.get(name, "")
        rounds = f"{self._settings.failures} rounds in a row"
        text = f"{name} ({address}) was silent in {rounds} over {self._asking.ways}" if down else f"{name} answers"
        return Event(
            id=content_hash(("probe", name, down, now.isoformat())),
            type=DOWN if down else UP,
            source="probe",
            subject=object_id(Kind.HOST, name),
            time=now,
            severity=Severity.CRITICAL if down else Severity.INFO,
            data={"address": address, "text": text},
        )

    async def look(self, name: str) -> Observation | None:
        """Ask one host right now; None while we are blind ourselves, or if it could not be asked.

        One silence is no death: it counts only of a host that was silent in the last round as well.
        """
        address, known = self._settings.targets.get(name), self._healths.get(name)
        if address is None or known is None or self.source().blind is not None:
            return None
        outcome = await self._asking.ask(address)
        down, at = outcome is Outcome.SILENT, self._clock.now()
        if outcome is Outcome.UNKNOWN or (down and not known.failures) or self._last.blind is not None:
            return None
        says = f"{address} is silent over {self._asking.ways} now" if down else f"{address} answers now"
        return Observation(witness="probe", subject=object_id(Kind.HOST, name), down=down, at=at, says=says)

    def source(self) -> Source:
        """How the probes stand: a round that everybody was asked in is the heartbeat."""
        last, now = self._last, self._clock.monotonic()
        age = now - last.ended if last.ended is not None else None
        idle = age if age is not None else now - self._began
        late = f"no round was complete for {idle:.0f} s" if idle > 3 * self._settings.every else None
        counts = {"overrun": last.overruns, "unasked": last.unasked}
        drops = {name: count for name, count in counts.items() if count}
        return Source(name="probe", age=age, beat=age, blind=late or last.blind, drops=drops)


def _read(body: bytes) -> frozenset[str]:
    """Whom an earlier life told as down; nobody, if that cannot be read: then it is told anew."""
    try:
        found = orjson.loads(body or b"[]")
    except ValueError as error:
        log.warning("probe.memory_unreadable", error=str(error))
        return frozenset()
    return frozenset(str(name) for name in found) if isinstance(found, list) else frozenset()
