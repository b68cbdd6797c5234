"""The composition root: only here adapters are chosen. One process, all roles, every task owned."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import structlog

from engine.bus import embedded as broker
from engine.bus import jetstream
from engine.bus.port import Bus
from engine.clock import Clock, SystemClock
from engine.deciding import Decider
from engine.estate import loading as estates
from engine.flow import Flow
from engine.guard import limits
from engine.guard.control import Control
from engine.hearing import Hearing
from engine.inhand import InHand
from engine.model import catalogue, pattern
from engine.model.catalogue import Catalogue
from engine.model.errors import ConfigurationError
from engine.model.estate import Site
from engine.model.policy import Policy
from engine.past import FlowSettings
from engine.runs.commanding import Commander, EffectorSets, Patience
from engine.runs.journal import BusJournal
from engine.runs.port import Stop
from engine.runs.runner import Runner
from engine.schedule.ticking import Ticking, planned
from engine.telling import Teller
from toban import connecting, guarding, parts, settings
from toban.duty import PolicyWatch
from toban.reloading import Files
from toban.settings import Settings
from toban.source_watch import SourceWatch

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Declared:
    """What people wrote, read and checked before anything is started."""

    settings: Settings
    site: Site
    catalogue: Catalogue
    policies: tuple[Policy, ...]
    files: Files
    """Where the policies came from, to be looked at again while on duty."""


def declare(path: Path) -> Declared:
    """Read settings, estate and policies; raises `ConfigurationError` with the first mistake and its line."""
    chosen = settings.load(path)
    site = estates.load(chosen.estate)
    words = catalogue.shipped()
    files = Files(chosen.policies, words, lambda one: too_short(one, chosen))
    shelf = files.first()
    errors = list(shelf.problems)
    if errors:
        more = f" (and {len(errors) - 1} more: toban policy check)" if len(errors) > 1 else ""
        msg = f"{errors[0]}{more}"
        raise ConfigurationError(msg)
    missing = sorted({vcenter.name for vcenter in site.vcenters} - set(chosen.vcenters))
    if missing:
        msg = f"{path}: the estate names the vCenter {missing[0]}, but `vcenters:` has no account for it; add one"
        raise ConfigurationError(msg)
    return Declared(chosen, site, words, shelf.policies, files)


def too_short(one: Policy, chosen: Settings) -> str | None:
    """Why this site does not let a policy fence so soon, or None."""
    held, least = pattern.least_time(one.spec.when), chosen.guard.minimum_hold
    if not limits.is_ungraceful(one) or held >= least:
        return None
    return (
        f"policy {one.name} fences after {held:.0f} s, but guard.minimum_hold is {least:.0f} s; "
        f"write for: {least:.0f}s or more (safety rule S2)"
    )


async def serve(path: Path, *, embedded: bool) -> None:
    """Be on duty until cancelled."""
    declared = declare(path)
    clock = SystemClock()
    store = declared.settings.store
    store.mkdir(mode=0o700, parents=True, exist_ok=True)
    ready = store / "ready.json"
    ready.unlink(missing_ok=True)
    async with _bus(declared.settings, clock, embedded=embedded) as bus:
        await _on_duty(declared, bus, clock, ready)


@asynccontextmanager
async def _bus(chosen: Settings, clock: Clock, *, embedded: bool) -> AsyncIterator[Bus]:
    if not embedded:
        if chosen.bus.url is None:
            msg = "no broker: give bus.url in the settings, or start with --embedded"
            raise ConfigurationError(msg)
        async with connecting.bus(chosen, clock, name="toban") as bus:
            yield bus
        return
    async with broker.running(chosen.store / "nats", clock=clock, binary=chosen.bus.server) as server:
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
    control = Control(bus)
    named = {one.name: one for one in declared.policies}
    decider = Decider(
        bus,
        clock,
        control,
        wires.sight,
        named,
        guarding.decider_settings(chosen),
    )
    patience = Patience(attempts=chosen.runs.attempts, pause=chosen.runs.pause, grace=chosen.runs.in_doubt)
    effectors = EffectorSets(armed=wires.effectors.armed, rehearsed=wires.effectors.rehearsed)
    commander = Commander(effectors, _stop(control, armed=chosen.armed), clock, patience)
    runner = Runner(BusJournal(bus), wires.leases, commander, clock)
    hand = InHand(chosen.store)
    hearing = Hearing(declared.site, declared.policies, declared.catalogue, hand, chosen.own_accounts)
    flow = Flow(bus, clock, declared.policies, hearing, decider, runner, FlowSettings(replay=chosen.replay))
    ticking = Ticking(bus, clock, planned(declared.policies), leases=wires.leases)
    sight = SourceWatch(bus, clock, lambda: (*wires.sources(), ticking.source()))
    watch = PolicyWatch(declared.files, flow, ticking, Teller(bus, clock), clock)
    try:
        async with asyncio.TaskGroup() as group:
            rebuilt = asyncio.Event()
            group.create_task(flow.run(rebuilt), name="flow")
            await rebuilt.wait()
            await _hear(wires, group)
            if wires.notifier is not None:
                group.create_task(wires.notifier.run(), name="notices")
                group.create_task(wires.reporter.run(), name="reports")
            group.create_task(ticking.run(), name="schedules")
            group.create_task(watch.run(), name="policy files")
            group.create_task(_heartbeat(bus, clock, chosen, wires, (watch, decider)), name="heartbeat")
            group.create_task(sight.run(), name="sources")
            ready.write_bytes(orjson.dumps({"pid": os.getpid(), "armed": chosen.armed}))
            log.info("toban.on_duty", armed=chosen.armed, policies=sorted(named), traps=chosen.snmp.bind)
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


async def _heartbeat(
    bus: Bus, clock: Clock, chosen: Settings, wires: "parts.Wires", inner: tuple[PolicyWatch, Decider]
) -> None:
    watch, decider = inner
    while True:
        broken, counts = list(watch.problems), dict(sorted(decider.counts.items()))
        told = {"broken_policies": broken, "decisions": counts, **wires.health()}
        state = {"armed": chosen.armed, "at": clock.now().isoformat(), **told}
        await bus.put("CONTROL", "heartbeat", orjson.dumps(state))
        await clock.sleep(5.0)
