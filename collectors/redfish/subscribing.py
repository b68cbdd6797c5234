"""Keeps a subscription at every controller: they forget them at a reset, and after deliveries that failed too often."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from engine.clients.offload import Offload
from engine.clock import Clock
from engine.model.errors import Permanent, TobanError
from engine.model.source import Source

log = structlog.get_logger()

THREADS = 16
DEADLINE = 40.0
EVERY = 300.0
AGAIN = 30.0
"""Seconds after a controller that could not be asked."""
REFUSED_PAUSE = 1800.0
"""Seconds before a controller without an event service, or one that refused us, is asked again."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """One controller."""

    name: str
    subscribe: Callable[[], bool]
    """Blocking; True if it had no subscription of ours."""
    told: Callable[[], Source]
    """What came from it."""


@dataclass(slots=True)
class _State:
    seen: float | None = None
    """When the subscription was last seen to be there."""
    trouble: str | None = None
    renewed: int = 0
    """How often it had gone."""


class Subscriber:
    """Looks after all of them, until cancelled."""

    def __init__(self, controllers: tuple[Subscribed, ...], clock: Clock) -> None:
        """Nothing is asked before `run`."""
        self._controllers, self._clock = controllers, clock
        self._offload = Offload("redfish-events", THREADS)
        self._states = {one.name: _State() for one in controllers}

    async def run(self) -> None:
        """One task per controller: one that hangs keeps nobody else waiting."""
        async with asyncio.TaskGroup() as group:
            for one in self._controllers:
                group.create_task(self._keep(one), name=f"redfish events {one.name}")

    async def _keep(self, one: Subscribed) -> None:
        while True:
            await self._clock.sleep(await self.look(one))

    async def look(self, one: Subscribed) -> float:
        """Look once; seconds until the next look."""
        state = self._states[one.name]
        try:
            new = await self._offload.call(one.subscribe, deadline=DEADLINE)
        except TobanError as error:
            if state.trouble is None:
                log.warning("redfish.unsubscribed", controller=one.name, error=str(error))
            state.trouble = str(error)[:256]
            return REFUSED_PAUSE if isinstance(error, Permanent) else AGAIN
        if new:
            log.info("redfish.subscribed", controller=one.name, again=state.seen is not None)
            state.renewed += state.seen is not None
        state.seen, state.trouble = self._clock.monotonic(), None
        return EVERY

    def sources(self) -> tuple[Source, ...]:
        """How each controller stands as a source: what it told, and whether it still would."""
        return tuple(self._source(one) for one in self._controllers)

    def _source(self, one: Subscribed) -> Source:
        state, told = self._states[one.name], one.told()
        beat = self._clock.monotonic() - state.seen if state.seen is not None else None
        forgotten = {"forgotten": state.renewed} if state.renewed else {}
        blind = f"no subscription: {state.trouble}" if state.trouble is not None else told.blind
        return told.model_copy(update={"beat": beat, "blind": blind, "drops": {**told.drops, **forgotten}})
