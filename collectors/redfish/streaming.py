"""Redfish events over server-sent events: we hold the line open, and after a break go on where it stopped."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

import structlog

from collectors.publishing import Memory, Publisher
from collectors.redfish import messages, resuming
from collectors.redfish.messages import Controller
from collectors.redfish.resuming import Position
from collectors.snmp.deduplicating import Gaps
from collectors.webhook.posted import Refused
from engine.clients.event_stream import PositionRefused, Streamed
from engine.clients.offload import Offload
from engine.clock import Clock
from engine.model.catalogue import Catalogue
from engine.model.errors import Permanent, TobanError, Transient
from engine.model.event import Event
from engine.model.source import Source

log = structlog.get_logger()

THREADS = 8
DEADLINE = 40.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
REFUSED_PAUSE = 1800.0
LONGEST_WAIT = 5.0
"""Seconds between two tries while the bus is away."""


@dataclass(frozen=True, slots=True)
class Line:
    """How one controller is listened to."""

    controller: Controller
    find: Callable[[], str | None]
    """Where its stream is, its whole address; blocking. None: it has none."""
    open: Callable[[str, str], AsyncGenerator[Streamed, None]]
    """By address and the id of the last event that was stored."""
    memory: Memory
    """Where that id is kept over restarts."""


@dataclass(slots=True)
class _State:
    open: bool = False
    heard: float | None = None
    recalled: bool = False
    """What an earlier life kept was read."""
    position: Position | None = None
    asked: Position | None = None
    """After which event we wanted to go on, until the first one has come."""
    trouble: str | None = None
    note: str | None = None
    gaps: int = 0
    drops: dict[str, int] = field(default_factory=dict)


class Streams:
    """Listens to all of them until cancelled."""

    def __init__(
        self,
        lines: tuple[Line, ...],
        known: Mapping[str, str],
        words: Catalogue,
        publisher: Publisher,
        clock: Clock,
    ) -> None:
        """Nothing is opened before `run`."""
        self._lines, self._known, self._words = lines, known, words
        self._publisher, self._clock = publisher, clock
        self._offload, self._gaps = Offload("redfish-streams", THREADS), Gaps()
        self._states = {line.controller.name: _State() for line in lines}

    async def run(self) -> None:
        """One task per controller."""
        async with asyncio.TaskGroup() as group:
            for line in self._lines:
                group.create_task(self._keep(line), name=f"redfish stream {line.controller.name}")

    async def _keep(self, line: Line) -> None:
        state, pause = self._states[line.controller.name], FIRST_PAUSE
        while True:
            began = self._clock.monotonic()
            error: TobanError = Transient("it ended the stream")
            try:
                await self._listen(line, state)
            except TobanError as found:
                error = found
            state.open = False
            if state.trouble is None:
                log.warning("redfish.stream.lost", controller=line.controller.name, error=str(error))
            state.trouble = str(error)[:256]
            if self._clock.monotonic() - began > LONGEST_PAUSE:
                pause = FIRST_PAUSE
            await self._clock.sleep(REFUSED_PAUSE if isinstance(error, Permanent) else pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    async def _listen(self, line: Line, state: _State) -> None:
        """Until the stream ends; raises TobanError."""
        if not state.recalled:
            await self._recall(line, state)
        url = await self._offload.call(line.find, deadline=DEADLINE)
        if url is None:
            msg = f"the controller of {line.controller.name} streams no events; let it post them (redfish_events.by)"
            raise Permanent(msg)
        state.open, state.trouble, state.asked = True, None, state.position
        after = state.position.id if state.position is not None else ""
        log.info("redfish.stream", controller=line.controller.name, after=after or None)
        if state.asked is not None and not after:
            self._unreplayed(line, state, "it gives its events no ids")
        try:
            async with aclosing(line.open(url, after)) as events:
                async for one in events:
                    state.heard = self._clock.monotonic()
                    await self._take(line, one, state)
        except PositionRefused as error:
            self._unreplayed(line, state, "it does not know that event any more")
            state.position = None
            raise Transient(str(error)) from error

    async def _recall(self, line: Line, state: _State) -> None:
        state.position = resuming.read(await line.memory.load())
        state.recalled = True
        if state.position is not None and state.position.number is not None:
            self._gaps.missed(line.controller.name, state.position.number)

    async def _take(self, line: Line, one: Streamed, state: _State) -> None:
        """Store what it says, then that it was stored."""
        before, number = state.position, None
        try:
            payload = messages.parse_streamed(one.data)
        except Refused as refusal:
            state.drops[refusal.reason] = state.drops.get(refusal.reason, 0) + 1
        else:
            missed = 0
            for told in messages.events(payload, line.controller, self._clock.now(), self._known, self._words):
                if await self._published(told.event, state) and told.counted is not None:
                    missed += self._gaps.missed(*told.counted)
                    number = told.counted[1]
            state.gaps += missed
            self._judge(line, one.id, [record.message_id for record in payload.records], missed, state)
        state.asked = None
        last = one.id or (before.id if before is not None else "")
        number = number if number is not None or before is None else before.number
        state.position = Position(id=last, number=number, at=self._clock.now())
        await self._keep_position(line, state.position)

    def _judge(self, line: Line, first: str, said: list[str], missed: int, state: _State) -> None:
        """Whether an event says that some before it are lost."""
        asked = state.asked or state.position
        if asked is None:
            return
        why = resuming.lost(asked, first, said, missed) if state.asked is not None else None
        if why is None and resuming.exceeded(said):
            why = "it says that it lost events"
        if why is not None:
            self._unreplayed(line, state, why)

    def _unreplayed(self, line: Line, state: _State, why: str) -> None:
        known = state.asked or state.position
        state.note = resuming.sentence(known.at if known is not None else self._clock.now(), why)
        state.drops["not-replayed"] = state.drops.get("not-replayed", 0) + 1
        log.warning("redfish.stream.unreplayed", controller=line.controller.name, text=state.note)

    async def _keep_position(self, line: Line, position: Position) -> None:
        """Again and again while the store is away: what is not kept would be told anew by the next life."""
        while True:
            try:
                await line.memory.save(resuming.written(position))
            except Transient as error:
                log.warning("redfish.bus.away", controller=line.controller.name, error=str(error))
                await self._clock.sleep(min(error.retry_after, LONGEST_WAIT))
            else:
                return

    async def _published(self, event: Event, state: _State) -> bool:
        """Store it, again and again while the store is away: a stream cannot be asked for what it said first."""
        while True:
            try:
                await self._publisher.publish(event)
            except Transient as error:
                log.warning("redfish.bus.away", source=event.source, error=str(error))
                await self._clock.sleep(min(error.retry_after, LONGEST_WAIT))
            except Permanent as error:
                log.warning("redfish.refused", id=event.id, type=event.type, error=str(error))
                state.drops["bus"] = state.drops.get("bus", 0) + 1
                return False
            else:
                return True

    def sources(self) -> tuple[Source, ...]:
        """How each controller stands as a source."""
        return tuple(self._source(name, state) for name, state in self._states.items())

    def _source(self, name: str, state: _State) -> Source:
        age = self._clock.monotonic() - state.heard if state.heard is not None else None
        blind = f"no stream: {state.trouble}" if state.trouble is not None else None
        beat = 0.0 if state.open else None
        return Source(
            name=f"redfish:{name}",
            age=age,
            beat=beat,
            blind=blind,
            note=state.note,
            gaps=state.gaps,
            drops=dict(state.drops),
        )
