"""Controllers as sources of events, built from the settings."""

from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from collectors.publishing import Memory
from collectors.redfish import messages, posting
from collectors.redfish.messages import Controller
from collectors.redfish.posting import RedfishEvents
from collectors.redfish.streaming import Line, Streams
from collectors.redfish.subscribing import Subscribed, Subscriber
from collectors.snmp.admitting import Sources
from collectors.webhook.listening import Intake, Proven
from engine.bus import cursors
from engine.bus.port import Bus
from engine.clients import event_stream
from engine.clients.redfish import BmcAccount
from engine.clients.redfish_events import EventBmc, Subscription
from engine.clock import Clock
from engine.model import catalogue, ids
from engine.model.errors import ConfigurationError
from engine.model.estate import Site
from engine.model.hardware import Chassis
from toban import settings as config
from toban.settings import Settings

PATH = "/redfish"
LEAST_SECRET = 16


class Told:
    """The controllers that are to tell what happens."""

    def __init__(self, chosen: Settings, site: Site) -> None:
        """Raises ConfigurationError for a secret, map or chassis that cannot be used, or where nobody would listen."""
        self._chosen = chosen
        self._controllers = _controllers(chosen, site)
        self.proven: dict[str, Proven] = {}
        """What reads the messages of each controller, by its path."""
        if not self._controllers or chosen.redfish_events is None:
            return
        words = catalogue.shipped()
        self._known = messages.load(words, chosen.redfish_events.maps)
        if chosen.redfish_events.by == "stream":
            return
        for url, one in self._controllers.items():
            reading = RedfishEvents(one, self._word(one.name), self._known, words)
            self.proven[f"{PATH}/{one.name}"] = Proven(f"redfish:{one.name}", reading, Sources(_address(url)))

    def _word(self, name: str) -> str:
        wanted = self._chosen.redfish_events
        secret = config.secret(wanted.secret_file) if wanted is not None and wanted.secret_file is not None else ""
        if len(secret) < LEAST_SECRET:
            msg = f"redfish_events.secret_file needs {LEAST_SECRET} characters; try: openssl rand -hex 32"
            raise ConfigurationError(msg)
        return posting.word(secret, name)

    def subscriber(self, intake: Intake | None, clock: Clock) -> Subscriber | None:
        """What keeps the subscriptions, or None where there are none."""
        wanted = self._chosen.redfish_events
        if wanted is None or wanted.by == "stream" or not self._controllers:
            return None
        if intake is None:
            msg = "redfish_events needs the webhook: give `webhook:` with a `bind` that controllers reach"
            raise ConfigurationError(msg)
        return Subscriber(tuple(self._kept(url, one, intake) for url, one in self._controllers.items()), clock)

    def streams(self, bus: Bus, clock: Clock) -> Streams | None:
        """What holds lines open, or None where controllers post or are not asked."""
        wanted = self._chosen.redfish_events
        if wanted is None or wanted.by == "push" or not self._controllers:
            return None
        lines = tuple(self._line(url, one, bus) for url, one in self._controllers.items())
        return Streams(lines, self._known, catalogue.shipped(), bus, clock)

    def _line(self, url: str, one: Controller, bus: Bus) -> Line:
        bmc, account = self._bmc(url, one)

        def find() -> str | None:
            path = bmc.stream()
            return f"{url}{path}" if path is not None else None

        position = _position(bus, f"redfish/{one.name}")
        return Line(one, find, lambda where, last: event_stream.streamed(where, account, last), position)

    def _bmc(self, url: str, one: Controller) -> tuple[EventBmc, BmcAccount]:
        given = self._chosen.chassis.get(ids.name_of(one.chassis), self._chosen.bmc)
        account = BmcAccount(given.user, config.secret(given.password_file), given.ca_file)
        return EventBmc(url, next(iter(one.machines)), account), account

    def _kept(self, url: str, one: Controller, intake: Intake) -> Subscribed:
        wanted, (bmc, _) = self._chosen.redfish_events, self._bmc(url, one)
        destination = wanted.destination if wanted is not None else ""
        subscription = Subscription(f"{destination}{PATH}/{quote(one.name)}", self._word(one.name))
        return Subscribed(one.name, lambda: bmc.subscribe(subscription), lambda: intake.told_by(f"redfish:{one.name}"))


def _position(bus: Bus, name: str) -> Memory:
    """Where a stream is kept up to which it was stored."""

    async def load() -> bytes:
        record = await cursors.last(bus, name)
        return record.body if record is not None else b""

    async def save(body: bytes) -> None:
        await cursors.keep(bus, name, body)

    return Memory(load, save)


def _controllers(chosen: Settings, site: Site) -> dict[str, Controller]:
    """Every controller that speaks Redfish, by its address; a chassis manager stands for all its blades."""
    wanted = chosen.redfish_events
    if wanted is None:
        return {}
    stray = sorted(set(wanted.chassis) - {chassis.name for chassis in site.chassis})
    if stray:
        msg = f"redfish_events.chassis names {stray[0]!r}, which the estate does not have"
        raise ConfigurationError(msg)
    found: dict[str, Controller] = {}
    for chassis in site.chassis:
        if not wanted.chassis or chassis.name in wanted.chassis:
            found |= _of(chassis)
    return found


def _of(chassis: Chassis) -> dict[str, Controller]:
    behind: dict[str, dict[str, str]] = {}
    for slot in chassis.slots:
        if slot.bmc.url.startswith("https:"):
            behind.setdefault(slot.bmc.url, {})[slot.bmc.system] = ids.machine_id(chassis.name, slot.slot)
    about = ids.object_id(ids.Kind.CHASSIS, chassis.name)
    return {
        url: Controller(ids.name_of(next(iter(machines.values()))), machines, about) for url, machines in behind.items()
    }


def _address(url: str) -> tuple[str, ...]:
    """A controller posts from its own address; where only its name is known, its word alone has to do."""
    host = urlsplit(url).hostname or ""
    try:
        return (str(ip_address(host)),)
    except ValueError:
        return ()
