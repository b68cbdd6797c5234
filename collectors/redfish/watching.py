"""Looks at every blade's controller once a minute: reachable, the declared blade, power, health (Redfish or IPMI)."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import orjson
import structlog

from collectors.publishing import Memory, Publisher
from collectors.redfish import judging
from collectors.redfish.judging import Change, Known, Look
from engine.clients.offload import Busy, Offload
from engine.clients.redfish import Power
from engine.clock import Clock
from engine.model.catalogue import Catalogue
from engine.model.errors import Permanent, TobanError
from engine.model.event import Event, Severity
from engine.model.hardware import Slot
from engine.model.ids import Kind, content_hash, object_id
from engine.model.source import Source

log = structlog.get_logger()

THREADS = 32
DEADLINE = 40.0
REFUSED_PAUSE = 600.0
"""Seconds before a controller that refused our login is asked again: accounts lock."""


@dataclass(frozen=True, slots=True)
class Controlled:
    """One blade and how its controller is read; blocking."""

    machine: str
    """`chassis1/3`."""
    slot: Slot
    read: Callable[[], Power]


class BmcWatch:
    """Looks until cancelled."""

    def __init__(
        self, blades: tuple[Controlled, ...], publisher: Publisher, memory: Memory, words: Catalogue, clock: Clock
    ) -> None:
        """Nothing is asked before `run`."""
        self._blades, self._publisher, self._memory, self._words, self._clock = blades, publisher, memory, words, clock
        self._offload = Offload("bmc-health", THREADS)
        self._known: dict[str, Known] | None = None
        self._unkept = False
        """What is known is not in the memory yet: a later life would not tell that it is over."""
        self._wait: dict[str, float] = {}
        self._ended: float | None = None
        self._began = clock.monotonic()
        self._blind: str | None = None
        self._every, self._overruns, self._unanswered, self._unasked = 60.0, 0, 0, 0

    async def run(self, every: float = 60.0) -> None:
        """Round after round; seconds between their beginnings."""
        self._every = every
        while True:
            began = self._clock.monotonic()
            try:
                await self.round()
            except TobanError as error:
                log.warning("bmc.untold", error=str(error))
            took = self._clock.monotonic() - began
            self._overruns += took > every
            await self._clock.sleep(max(0.0, every - took))

    async def round(self) -> None:
        """Look at all, tell what changed. Raises TobanError while the bus is away; it is told after a later round."""
        if self._known is None:
            self._known = _read(await self._memory.load())
        known, unasked = self._known, self._unasked
        async with asyncio.TaskGroup() as group:
            tasks = {one.machine: group.create_task(self._look(one)) for one in self._blades}
        looks = {machine: look for machine, task in tasks.items() if (look := task.result()) is not None}
        self._blind = judging.blindness(looks.values()) or self._hanging(unasked, looks)
        self._unanswered += sum(look.power is None for look in looks.values())
        self._ended = self._clock.monotonic()
        for blade in self._blades:
            look = looks.get(blade.machine)
            if look is None:
                continue
            before = known.get(blade.machine, Known())
            after, changes = judging.judge(before, look, blade.slot, blind=self._blind is not None)
            for change in changes:
                await self._publisher.publish(self._event(blade, change))
            self._unkept = self._unkept or after != before
            known[blade.machine] = after
        if self._unkept:
            declared = {one.machine for one in self._blades}
            await self._memory.save(_written({name: one for name, one in known.items() if name in declared}))
            self._unkept = False

    def _hanging(self, before: int, looks: Mapping[str, Look]) -> str | None:
        if self._unasked == before or any(look.power is not None for look in looks.values()):
            return None
        return f"{self._unasked - before} controllers could not be asked: the calls to others take all threads and hang"

    async def _look(self, blade: Controlled) -> Look | None:
        if self._clock.monotonic() < self._wait.get(blade.machine, 0.0):
            return None
        try:
            return Look(await self._offload.call(blade.read, deadline=DEADLINE))
        except Busy:
            self._unasked += 1
            return None  # others hang; this one was not asked, so its silence says nothing
        except Permanent as error:
            self._wait[blade.machine] = self._clock.monotonic() + REFUSED_PAUSE
            return Look(None, str(error)[:256], refused=True)
        except TobanError as error:
            return Look(None, str(error)[:256])

    def _event(self, blade: Controlled, change: Change) -> Event:
        now, entry = self._clock.now(), self._words.get(change.type)
        return Event(
            id=content_hash(("bmc", blade.machine, change.type, now.isoformat())),
            type=change.type,
            source="bmc",
            subject=object_id(Kind.MACHINE, blade.machine),
            time=now,
            severity=entry.severity if entry is not None else Severity.INFO,
            data={"slot": blade.slot.slot, "text": change.text},
        )

    def source(self) -> Source:
        """How the controllers stand: a complete round is the heartbeat."""
        age = self._clock.monotonic() - self._ended if self._ended is not None else None
        idle = age if age is not None else self._clock.monotonic() - self._began
        late = f"no round was complete for {idle:.0f} s" if idle > 3 * self._every else None
        counts = {"overrun": self._overruns, "unanswered": self._unanswered, "unasked": self._unasked}
        drops = {name: count for name, count in counts.items() if count}
        return Source(name="bmc", age=age, beat=age, blind=late or self._blind, drops=drops)


def _written(known: Mapping[str, Known]) -> bytes:
    return orjson.dumps({name: asdict(one) for name, one in known.items()})


def _read(body: bytes) -> dict[str, Known]:
    """What an earlier life told; nothing, if that cannot be read: then it is told anew."""
    try:
        return {str(name): Known(**fields) for name, fields in orjson.loads(body or b"{}").items()}
    except (ValueError, TypeError, AttributeError) as error:
        log.warning("bmc.memory_unreadable", error=str(error))
        return {}
