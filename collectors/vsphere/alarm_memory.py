"""What was told of alarms, over restarts: beside the cursor; where that was lost, from the log of events."""

import zlib
from dataclasses import asdict

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from collectors.vsphere.alarms import Colours, Turn
from collectors.vsphere.mapping import Place
from collectors.vsphere.remembering import Memory

log = structlog.get_logger()

LARGEST = 100_000
"""Octets of the record, packed (the stream takes 128 KiB); of more alarms the ones that turned last are kept."""
UNPACKED = 16 * 1024 * 1024


class _Told(BaseModel):
    """One alarm that is yellow or red."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    about: str
    colour: str
    at: AwareDatetime
    entity: str
    alarm: str
    shown: str


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    instance: str
    """about.instanceUuid of the vCenter."""
    told: tuple[_Told, ...]


class AlarmMemory:
    """Of one vCenter."""

    def __init__(self, memory: Memory, place: Place, colours: Colours) -> None:
        """`colours` is filled by `begin` and written down by `keep`."""
        self._memory, self._place, self._colours = memory, place, colours
        self.first = True
        """Nothing was written down yet: whoever looks at this vCenter's alarms is the first."""

    async def begin(self) -> None:
        """Call to mind what an earlier life told."""
        body = await self._memory.alarms()
        told = _read(body) if body is not None else None
        if told is None:
            await self._from_the_log()
            return
        if told.instance != self._place.instance:
            log.info("vcenter.alarms.of_another", vcenter=self._place.name)
            return
        self.first = False
        for one in told.told:
            self._colours.learn(Turn(**one.model_dump()))
        self._colours.fresh = False

    async def _from_the_log(self) -> None:
        for event in await self._memory.told_alarms():
            alarm, colour = str(event.data["alarm"]), str(event.data["to"])
            self._colours.learn(Turn(alarm, event.subject, colour, event.time))

    async def keep(self, *, looked: bool = False) -> None:
        """Write down what changed; `looked`: all that vCenter shows was told, so nobody is the first any more.

        Until then nothing is written: what was told of single alarms would pass for all there is to know.
        """
        self.first = self.first and not looked
        if self.first or not (self._colours.fresh or looked):
            return
        await self._memory.save_alarms(_written(self._place.instance, self._colours))
        self._colours.fresh = False


def _written(instance: str, colours: Colours) -> bytes:
    told = [_Told(**asdict(turn)) for turn in colours.raised().values()]
    while True:
        body = zlib.compress(_Record(instance=instance, told=tuple(told)).model_dump_json().encode())
        if len(body) <= LARGEST:
            return body
        told = told[len(told) // 2 + 1 :]


def _read(body: bytes) -> _Record | None:
    try:
        packed = zlib.decompressobj()
        return _Record.model_validate_json(packed.decompress(body, UNPACKED))
    except (zlib.error, ValidationError) as error:
        log.warning("vcenter.alarms.unreadable", error=type(error).__name__)
        return None
