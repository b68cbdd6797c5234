"""Everything that touches the world, built from the settings: listeners, collectors, effectors, eyes."""

import contextlib
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict
from ipaddress import ip_address
from urllib.parse import urlsplit

from actuators.effectors import Effectors, EffectorSettings
from actuators.notify.delivering import Notifier, Routes, Send
from actuators.notify.following import Reporter
from actuators.notify.routing import Channel, Report
from actuators.redfish.blades import FencePatience
from collectors.probe.looking import Looking
from collectors.snmp import engine_file, maps, origins
from collectors.snmp.admitting import Limits
from collectors.snmp.listening import TrapListener, TrapSettings
from collectors.snmp.unsealing import Gate, TrapUser
from collectors.vsphere.alarms import Alarm
from collectors.vsphere.collecting import VsphereCollector, VsphereSettings
from collectors.vsphere.measuring import HOST_COUNTERS, VM_COUNTERS, PerformanceSettings
from collectors.vsphere.remembering import BusMemory
from engine.bus.leases import BusLeases
from engine.bus.port import Bus
from engine.clients import ipmi_pet, usm
from engine.clients.notices import Addresses
from engine.clients.offload import Offload
from engine.clients.redfish import BmcAccount
from engine.clients.vsphere import Account
from engine.clients.vsphere_joining import HostLogin
from engine.clock import Clock, SystemClock
from engine.model import catalogue, ids
from engine.model.errors import ConfigurationError
from engine.model.estate import Site
from engine.model.event import Severity
from engine.model.notice import Moment
from engine.model.source import Source
from toban import parts_intake
from toban import settings as config
from toban.settings import Settings
from toban.snmp_users import SnmpKey, SnmpUser

NOTICE_THREADS = 4


class Wires:
    """One process's connections to the world; nothing is opened before its task runs."""

    def __init__(self, chosen: Settings, site: Site, bus: Bus, clock: Clock) -> None:
        """Raises ConfigurationError for a secret, address or map that cannot be used."""
        accounts = {name: _vcenter(chosen, site, name) for name in chosen.vcenters if _url(site, name) is not None}
        self.effectors = Effectors(
            EffectorSettings(
                vcenters=accounts,
                bmc=_bmc(chosen.bmc),
                chassis={name: _bmc(account) for name, account in chosen.chassis.items()},
                notices=chosen.store / "notices.jsonl",
                fence=FencePatience(double_read=chosen.runs.double_read),
                hypervisor=_hypervisor(chosen.hypervisor),
            ),
            bus,
            clock,
        )
        self.vcenters = [
            VsphereCollector(
                _watched(chosen, site, name, account), bus, BusMemory(bus, f"vcenter/{name}", clock), clock
            )
            for name, account in accounts.items()
        ]
        self.others = parts_intake.Others(chosen, site, self.effectors.reader, bus, clock)
        eyes = {one.name: one for one in self.vcenters}
        self.sight = Looking(eyes, self.effectors.power_of, clock, self.others.prober)
        routes = _routes(chosen)
        senders = {name: sender(name, one) for name, one in chosen.notify.channels.items()}
        self.notifier = Notifier(bus, routes, senders, Offload("notify", NOTICE_THREADS), clock) if senders else None
        self.reporter = Reporter(bus, frozenset(at for one in routes.reports for at in one.at))
        self.leases = BusLeases(bus, clock, _holder(), chosen.runs.lease)
        self.traps = TrapListener(
            traps(chosen, site),
            maps.load(catalogue.shipped(), chosen.snmp.maps),
            origins.declared(site, proxies(chosen)),
            bus,
            clock,
        )

    def health(self) -> dict[str, object]:
        """How each source outside stands, for `toban status`."""
        counts = {key: value for key, value in asdict(self.traps.counts()).items() if value}
        silent = {one.name: one.contact.doubt() for one in self.vcenters}
        return {"traps": counts, "vcenters": {name: doubt or "ok" for name, doubt in silent.items()}}

    def sources(self) -> tuple[Source, ...]:
        """How each source stands, for `toban sources`."""
        vcenters = (one.contact.source() for one in self.vcenters)
        return (self.traps.source(), *vcenters, *self.others.sources())

    def close(self) -> None:
        """Log out and let go."""
        self.others.close()
        self.effectors.close()


def _holder() -> str:
    """Name one process among all that may hold a lease: a new life is a new holder."""
    return f"{socket.gethostname()}-{os.getpid()}-{ids.content_hash([os.urandom(8).hex()])[:8]}"


def _url(site: Site, name: str) -> str | None:
    return next((one.url for one in site.vcenters if one.name == name), None)


def _vcenter(chosen: Settings, site: Site, name: str) -> Account:
    account = chosen.vcenters[name]
    return Account(_url(site, name) or "", account.user, config.secret(account.password_file), account.ca_file)


def _hypervisor(login: config.Login | None) -> HostLogin | None:
    return HostLogin(login.user, config.secret(login.password_file)) if login is not None else None


def _bmc(account: config.Account) -> BmcAccount:
    return BmcAccount(account.user, config.secret(account.password_file), account.ca_file)


def _watched(chosen: Settings, site: Site, name: str, account: Account) -> VsphereSettings:
    collect = chosen.collect
    named = {place.inventory_name: place.host.name for place in site.standings.values() if place.host.vcenter == name}
    return VsphereSettings(
        name=name,
        account=account,
        load_every=collect.load_every,
        reconcile_every=collect.reconcile_every,
        silent_after=collect.silent_after,
        performance=_performance(collect.performance),
        alarms={name: Alarm(**one.model_dump()) for name, one in collect.alarms.items()},
        ours=chosen.own_accounts,
        definitions=named,
    )


def _performance(told: config.PerformanceSettings) -> PerformanceSettings:
    return PerformanceSettings(
        every=told.every,
        vms_every=told.vms_every,
        interval=told.interval,
        batch=told.batch,
        host=HOST_COUNTERS if told.host is None else told.host,
        vm=VM_COUNTERS if told.vm is None else told.vm,
    )


def traps(chosen: Settings, site: Site) -> TrapSettings:
    """What the trap listener is told; raises ConfigurationError for an address or secret that cannot be used."""
    host, _, port = chosen.snmp.bind.rpartition(":")
    if not port.isdigit() or not 0 <= int(port) < 65536:
        msg = f"snmp.bind {chosen.snmp.bind!r} is not ADDRESS:PORT; write for example 0.0.0.0:162"
        raise ConfigurationError(msg)
    path = chosen.snmp.community_file
    lines = (config.secret(path), *config.secrets(path)[1:]) if path is not None else ()
    named = (address for one in chosen.snmp.users.values() for at in one.engines.values() for address in at)
    sources = chosen.snmp.sources or (*_declared(site), *proxies(chosen), *named)
    return TrapSettings(
        spool_dir=chosen.store / "traps",
        bind=host.strip("[]") or "0.0.0.0",  # noqa: S104  the settings' own default: traps come from a network
        port=int(port),
        communities=tuple(line for line in lines if line),
        sources=sources,
        users=tuple(trap_user(name, one) for name, one in chosen.snmp.users.items()),
        spool_bytes=chosen.snmp.spool_bytes,
        acknowledge=ipmi_pet.PORT if chosen.snmp.acknowledge else None,
        limits=Limits(declared=(chosen.snmp.rate, 10 * chosen.snmp.rate), total=chosen.snmp.total_rate),
    )


def proxies(chosen: Settings) -> tuple[str, ...]:
    """Addresses of forwarders of traps."""
    return tuple(str(address) for address in chosen.snmp.proxies)


def _declared(site: Site) -> Iterator[str]:
    """Addresses of chassis managers and of controllers; of one that is declared by its name nothing is known."""
    yield from (chassis.address for chassis in site.chassis)
    for chassis in site.chassis:
        for slot in chassis.slots:
            with contextlib.suppress(ValueError):
                yield str(ip_address(urlsplit(slot.bmc.url).hostname or ""))


def reading_gate(chosen: Settings) -> Gate | None:
    """What opens SNMPv3 for a reader beside the listener: nothing is counted or written. None without users."""
    users = tuple(trap_user(name, one) for name, one in chosen.snmp.users.items())
    if not users:
        return None
    return Gate(users, engine_file.read(chosen.store / "traps" / engine_file.NAME), SystemClock())


def trap_user(name: str, told: SnmpUser) -> TrapUser:
    """A user of SNMPv3 with pass phrases; raises ConfigurationError for a secret that cannot be used."""
    return TrapUser(
        usm.User(
            name=name,
            least=told.least,
            auth=told.auth.protocol if told.auth else None,
            auth_secret=_phrase(told.auth),
            privacy=told.privacy.protocol if told.privacy else None,
            privacy_secret=_phrase(told.privacy),
        ),
        {bytes.fromhex(engine): addresses for engine, addresses in told.engines.items()},
    )


def _phrase(key: SnmpKey | None) -> str:
    if key is None:
        return ""
    phrase = config.secret(key.secret_file)
    if len(phrase) < usm.SHORTEST_SECRET:
        msg = f"the pass phrase in {key.secret_file} has {len(phrase)} characters; SNMPv3 needs {usm.SHORTEST_SECRET}"
        raise ConfigurationError(msg)
    return phrase


def _routes(chosen: Settings) -> Routes:
    told = chosen.notify
    return Routes(
        channels={
            name: Channel(name, fallback=one.fallback, most=one.limit, within=one.within)
            for name, one in told.channels.items()
        },
        reports=tuple(
            Report(one.channel, frozenset(Moment(at) for at in one.at), Severity(one.severity)) for one in told.reports
        ),
        default=told.default,
    )


def sender(name: str, one: config.ChannelSettings) -> Send:
    """What sends through one channel; raises ConfigurationError for an address or file that cannot be used."""
    lines = (line.strip() for line in config.secrets(one.urls_file))
    return Addresses(name, tuple(line for line in lines if line and not line.startswith("#"))).send
