"""What vCenter shows of its alarms beside what was told of them: what no event said is made up for, once.

What was red before anybody followed the events, and what vCenter merged away in a burst, no event ever tells. At the
first look all that is yellow or red and was not told is told; afterwards only what two looks in a row show: the event
may be on its way. An alarm that shows no longer is over only where vCenter says that it is green (safety rule S11).
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from collectors.vsphere.alarm_memory import AlarmMemory
from collectors.vsphere.alarms import Turn
from collectors.vsphere.interpreting import Interpreter
from collectors.vsphere.telling import Teller
from engine.clients import vsphere_alarms
from engine.clients.offload import Offloaded
from engine.clients.vsphere import Session
from engine.clients.vsphere_alarms import AlarmState
from engine.clients.vsphere_faults import Unreadable
from engine.clock import Clock

log = structlog.get_logger()

OVER = "over"
"""In place of a colour: it shows no longer."""


class AlarmWatch:
    """Looks at the alarms of one vCenter in the session that follows its events."""

    def __init__(self, teller: Teller, meaning: Interpreter, memory: AlarmMemory, clock: Clock, every: float) -> None:
        """`every`: seconds between two looks."""
        self._teller, self._meaning, self._memory = teller, meaning, memory
        self._clock, self._every = clock, every
        self._due = clock.monotonic()
        self._before: frozenset[tuple[str, str, str]] = frozenset()
        """Entity, alarm and colour where the last look and what was told were not the same."""
        self._told_unreadable = False

    async def look_when_due(self, offload: Offloaded, session: Session) -> None:
        """Look, if the last time is long enough ago; raises like any reading of a vCenter."""
        if self._clock.monotonic() < self._due:
            return
        self._due = self._clock.monotonic() + self._every
        try:
            states = await offload(lambda: vsphere_alarms.triggered(session))
            if states is not None:
                await self._compare(states, offload, session)
                return
            why = "the account may not read triggeredAlarmState of the root folder"
        except Unreadable as error:
            why = str(error)
        await self._memory.keep(looked=True)
        if not self._told_unreadable:
            self._told_unreadable = True
            log.warning("vcenter.alarms.unread", source=self._teller.source, why=why)

    async def _compare(self, states: Sequence[AlarmState], offload: Offloaded, session: Session) -> None:
        shown = {(one.entity, one.name.casefold()): one for one in states}
        untold = {(*key, one.colour): one for key, one in shown.items() if not self._was_told(one)}
        over = {(*key, OVER): key for key in self._meaning.colours.raised() if key not in shown}
        sure = [one for mark, one in untold.items() if self._memory.first or mark in self._before]
        ended = [key for mark, key in over.items() if mark in self._before]
        self._before = frozenset((*untold, *over))
        await self._ended(ended, offload, session)
        for one in sure:
            await self._tell(self._meaning.turn_of(one), acknowledged=one.acknowledged)
        await self._memory.keep(looked=True)

    def _was_told(self, state: AlarmState) -> bool:
        colours, turn = self._meaning.colours, self._meaning.turn_of(state)
        known = colours.last(turn)
        if known is None or known.colour != state.colour:
            return False
        colours.adopt(known, turn)
        return True

    async def _ended(self, keys: Sequence[tuple[str, str]], offload: Offloaded, session: Session) -> None:
        """Tell what became of alarms that show no longer; of one that is gone with its object nothing is said."""
        colours = self._meaning.colours
        entities = sorted({colours.known[key].entity for key in keys} - {""})
        now = await offload(lambda: vsphere_alarms.colours(session, entities)) if entities else {}
        for key in keys:
            turn = colours.known[key]
            colour, at = now.get((turn.entity, turn.alarm), ("", turn.at))
            if not colour:
                colours.forget(key)
            elif colour != turn.colour:
                await self._tell(replace(turn, colour=colour, at=at))

    async def _tell(self, turn: Turn, *, acknowledged: bool = False) -> None:
        log.warning("vcenter.alarm.untold", source=self._teller.source, alarm=turn.name, colour=turn.colour)
        await self._teller.publish(self._meaning.shown(turn, acknowledged=acknowledged))
