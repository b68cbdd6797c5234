"""Sources besides traps and vCenters, built from the settings."""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from collectors.probe.asking import Asking
from collectors.probe.probing import Prober, ProbeSettings
from collectors.publishing import Memory
from collectors.redfish.watching import BmcWatch, Controlled
from collectors.snmp import origins
from collectors.webhook import listening, rules
from collectors.webhook.alerting import Alerts
from collectors.webhook.envelopes import CloudEvents
from collectors.webhook.listening import Intake, Proven
from collectors.webhook.posted import Reading
from collectors.webhook.serving import Certificate
from engine.bus.port import Bus
from engine.clients.icmp import Pinger
from engine.clients.redfish import Power
from engine.clock import Clock
from engine.model import catalogue
from engine.model.errors import ConfigurationError
from engine.model.estate import Site
from engine.model.source import Source
from toban import files, parts_redfish
from toban import settings as config
from toban.settings import Settings

ALERTMANAGER, EVENTS = "/alertmanager", "/events"
LEAST_TOKEN = 16
Read = Callable[[str, str, str], Callable[[], Power]]
"""What reads a controller, by its address, system and chassis."""


class Others:
    """These sources of one process; nothing is opened before they are started."""

    def __init__(self, chosen: Settings, site: Site, read: Read, bus: Bus, clock: Clock) -> None:
        """Raises ConfigurationError for a secret, map or address that cannot be used."""
        told = parts_redfish.Told(chosen, site)
        self._intake = webhook(chosen, site, bus, clock, told.proven)
        self._subscriber, self._streams = told.subscriber(self._intake, clock), told.streams(bus, clock)
        self._pinger = Pinger(os.getpid())
        self._bmcs = watching(chosen, site, read, bus, clock)
        self._every = chosen.bmc_watch.every if chosen.bmc_watch is not None else 0.0
        self.prober = probing(chosen, site, self._pinger, bus, clock)

    async def start(self, group: asyncio.TaskGroup) -> None:
        """Begin to hear, as tasks of this group; ConfigurationError (of the group) where a port is taken."""
        if self._intake is not None:
            listening = asyncio.Event()
            group.create_task(self._intake.run(listening), name="webhook")
            await listening.wait()
        if self._subscriber is not None:
            group.create_task(self._subscriber.run(), name="redfish subscriptions")
        if self._streams is not None:
            group.create_task(self._streams.run(), name="redfish streams")
        if self.prober is not None:
            self._pinger.open()
            group.create_task(self.prober.run(), name="probes")
        if self._bmcs is not None:
            group.create_task(self._bmcs.run(self._every), name="controllers")

    def close(self) -> None:
        """Give sockets back."""
        self._pinger.close()

    def sources(self) -> tuple[Source, ...]:
        """How each of them stands."""
        posted = self._intake.sources() if self._intake is not None else ()
        rounds = (one.source() for one in (self.prober, self._bmcs) if one is not None)
        told = (one.sources() for one in (self._subscriber, self._streams) if one is not None)
        return (*posted, *rounds, *(source for several in told for source in several))


def webhook(
    chosen: Settings, site: Site, bus: Bus, clock: Clock, proven: Mapping[str, Proven] | None = None
) -> Intake | None:
    """The intake, or None where nobody posts; ConfigurationError for a map, token or certificate of no use."""
    wanted = chosen.webhook
    if wanted is None:
        return None
    words, parts = catalogue.shipped(), origins.declared(site)
    known = rules.load(words, wanted.maps)
    host, port = wanted.address
    given = wanted.certificate
    if given is not None:
        config.secrets(given.key_file)
    settings = listening.WebhookSettings(
        bind=host,
        port=port,
        tokens={name: _tokens(name, one.token_file) for name, one in wanted.clients.items()},
        silent_after={name: one.silent_after for name, one in wanted.clients.items() if one.silent_after is not None},
        networks=wanted.networks,
        certificate=Certificate(given.chain_file, given.key_file) if given is not None else None,
    )
    routes: Mapping[str, Reading] = {
        ALERTMANAGER: Alerts(known, parts, words),
        EVENTS: CloudEvents(known, parts, words),
    }
    return Intake(settings, routes, bus, clock, proven)


def probing(chosen: Settings, site: Site, pinger: Pinger, bus: Bus, clock: Clock) -> Prober | None:
    """The prober, or None where nobody is probed; ConfigurationError for an address of no declared host."""
    wanted = chosen.probe
    if wanted is None:
        return None
    stray = sorted(set(wanted.addresses) - set(site.standings))
    if stray:
        msg = f"probe.addresses names {stray[0]!r}, which is no host definition of the estate"
        raise ConfigurationError(msg)
    targets = {name: wanted.addresses.get(name, place.inventory_name) for name, place in site.standings.items()}
    settings = ProbeSettings(
        targets=targets,
        anchors=wanted.anchors,
        every=wanted.every,
        failures=wanted.failures,
        side_by_side=max(1, min(wanted.side_by_side, files.spare() // max(1, len(wanted.tcp)))),
    )
    asking = Asking(wanted.tcp, pinger if wanted.icmp else None, wanted.timeout, clock)
    return Prober(settings, asking, bus, _memory(bus, "probe.down"), clock)


def watching(chosen: Settings, site: Site, read: Read, bus: Bus, clock: Clock) -> BmcWatch | None:
    """The watch over controllers, or None where it is switched off or no blade is declared."""
    slots = [(chassis.name, slot) for chassis in site.chassis for slot in chassis.slots]
    if chosen.bmc_watch is None or not slots:
        return None
    blades = tuple(
        Controlled(f"{name}/{slot.slot}", slot, read(slot.bmc.url, slot.bmc.system, name)) for name, slot in slots
    )
    return BmcWatch(blades, bus, _memory(bus, "bmc.told"), catalogue.shipped(), clock)


def _memory(bus: Bus, key: str) -> Memory:
    """What a source told, in the bucket CONTROL."""

    async def load() -> bytes:
        entry = await bus.get("CONTROL", key)
        return entry.value if entry is not None else b""

    async def save(body: bytes) -> None:
        await bus.put("CONTROL", key, body)

    return Memory(load, save)


def _tokens(name: str, file: Path) -> tuple[str, ...]:
    found = tuple(line.strip() for line in config.secrets(file) if line.strip())
    short = [token for token in found if len(token) < LEAST_TOKEN]
    if not found or short:
        msg = f"webhook.clients.{name}: a token in {file} needs {LEAST_TOKEN} characters; try: openssl rand -hex 32"
        raise ConfigurationError(msg)
    return found
