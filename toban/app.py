"""The composition root: only here adapters are chosen. One process, all roles, every task owned."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import orjson
import structlog

from engine.bus import embedded as broker
from engine.bus import jetstream
from engine.bus.port import Bus
from engine.clock import Clock, SystemClock
from engine.guard.control import Control
from engine.inhand import InHand
from engine.model.errors import ConfigurationError
from engine.runs.commanding import Commander, EffectorSets, Patience
from engine.runs.journal import BusJournal
from engine.runs.port import Stop
from engine.runs.runner import Runner
from toban import connecting, declaring, parts
from toban.declaring import Declared
from toban.settings import Settings
from toban.source_watch import SourceWatch
from toban.thinking import Thinking

log = structlog.get_logger()


async def serve(path: Path, *, embedded: bool) -> None:
    """Be on duty until cancelled."""
    declared = declaring.declare(path)
    clock = SystemClock()
    store = declared.settings.store
    store.mkdir(mode=0o700, parents=True, exist_ok=True)
    ready = store / "ready.json"
    with _alone(store):
        ready.unlink(missing_ok=True)
        async with _bus(declared.settings, clock, embedded=embedded) as bus:
            await _on_duty(declared, bus, clock, ready)


@contextmanager
def _alone(store: Path) -> Iterator[None]:
    """One process per store: a second one would be handed events that the first one then never hears of.

    The lock ends with the process, however it ends. Raises ConfigurationError if somebody has it.
    """
    with (store / "lock").open("w", encoding="utf-8") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            msg = f"another Toban is on duty on {store}; stop it first, or give this one its own store"
            raise ConfigurationError(msg) from error
        yield


@asynccontextmanager
async def _bus(chosen: Settings, clock: Clock, *, embedded: bool) -> AsyncIterator[Bus]:
    if not embedded:
        if chosen.bus.url is None:
            msg = "no broker: give bus.url in the settings, or start with --embedded"
            raise ConfigurationError(msg)
        async with connecting.bus(chosen, clock, name="toban") as bus:
            yield bus
        return
    async with broker.running(
        chosen.store / "nats", clock=clock, binary=chosen.bus.server, most=chosen.bus.max_bytes
    ) as server:
        where = connecting.Address(url=server.url, user=server.user, password=server.password)
        connecting.write_address(chosen, where)
        try:
            async with jetstream.connect(
                where.url, clock=clock, name="toban", user=where.user, password=where.password
            ) as bus:
                yield bus
        finally:
            connecting.address_file(chosen).unlink(missing_ok=True)


async def _on_duty(declared: Declared, bus: Bus, clock: Clock, ready: Path) -> None:
    chosen = declared.settings
    wires = parts.Wires(chosen, declared.site, bus, clock)
    hand = InHand(chosen.store)

    def runner(control: Control, journal: BusJournal) -> Runner:
        patience = Patience(attempts=chosen.runs.attempts, pause=chosen.runs.pause, grace=chosen.runs.in_doubt)
        effectors = EffectorSets(armed=wires.effectors.armed, rehearsed=wires.effectors.rehearsed)
        commander = Commander(effectors, _stop(control, armed=chosen.armed), clock, patience)
        return Runner(journal, wires.leases, commander, clock)

    try:
        thinking = Thinking(declared, wires, runner, hand, bus, clock)
        sight = SourceWatch(bus, clock, lambda: (*wires.sources(), thinking.source()))
        async with asyncio.TaskGroup() as group:
            rebuilt = asyncio.Event()
            group.create_task(thinking.run(rebuilt), name="engine")
            await rebuilt.wait()
            await _hear(wires, group)
            group.create_task(sight.run(), name="sources")
            ready.write_bytes(orjson.dumps({"pid": os.getpid(), "armed": chosen.armed}))
            names = sorted(one.name for one in declared.policies)
            log.info("toban.on_duty", armed=chosen.armed, policies=names, traps=chosen.snmp.bind)
    finally:
        ready.unlink(missing_ok=True)
        wires.close()
        hand.close()
        log.info("toban.off_duty")


def _stop(control: Control, *, armed: bool) -> Stop:
    """The stop switch; an engine that is not armed stops what an armed life before it had begun."""

    async def stopped(target: str) -> str | None:
        return await control.stopped(target) if armed else "this engine is not armed (armed: false in the settings)"

    return stopped


async def _hear(wires: "parts.Wires", group: asyncio.TaskGroup) -> None:
    """Begin to listen, everywhere; what cannot be opened is said before anything is decided."""
    listening = asyncio.Event()
    group.create_task(wires.traps.run(listening), name="traps")
    await listening.wait()
    await wires.others.start(group)
    for collector in wires.vcenters:
        group.create_task(collector.run(None), name=f"vCenter {collector.name}")
