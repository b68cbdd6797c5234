"""What toban.yaml says about sources besides traps and vCenters: the webhook, probes, controllers."""

import ipaddress
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.model.durations import Duration
from engine.model.scalars import Flag, Whole
from toban.site_files import SitePath


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ServerCertificate(_Part):
    """What the webhook proves itself by."""

    chain_file: SitePath
    """PEM: the certificate, then its issuers."""
    key_file: SitePath
    """PEM, not encrypted, mode 0400."""


class WebhookClient(_Part):
    """A system that may post."""

    token_file: SitePath
    """One bearer token a line, mode 0400; several while one is being changed."""
    silent_after: Duration | None = None
    """It promises to post so often, such as Alertmanager by an alert that always fires; then its silence is told."""


class WebhookSettings(_Part):
    """Where other systems post CloudEvents (`/events`) and Prometheus alerts (`/alertmanager`)."""

    bind: str = "127.0.0.1:9480"
    """ADDRESS:PORT. Another address than loopback needs `certificate`: a token is not sent over an open wire."""
    certificate: ServerCertificate | None = None
    clients: dict[str, WebhookClient] = Field(default_factory=dict)
    """By the name under which `toban sources` and events show them."""
    networks: tuple[str, ...] = ()
    """Networks (CIDR) that may connect; empty: all."""
    maps: tuple[SitePath, ...] = ()
    """The site's own maps of alerts and CloudEvents; they come before the shipped ones."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.bind.rpartition(":")
        return host.strip("[]"), int(port)

    @model_validator(mode="after")
    def _safe(self) -> "WebhookSettings":
        host, _, port = self.bind.rpartition(":")
        if not host or not port.isdigit() or not 0 <= int(port) < 65536:
            msg = f"webhook.bind {self.bind!r} is not ADDRESS:PORT; write for example 0.0.0.0:9480"
            raise ValueError(msg)
        if self.certificate is None and not _loopback(host.strip("[]")):
            msg = f"webhook.bind {self.bind} is open to a network: give webhook.certificate, or bind 127.0.0.1"
            raise ValueError(msg)
        return self


class ProbeSettings(_Part):
    """How hosts are asked whether they live; a witness of its own."""

    every: Duration = 10.0
    timeout: Duration = 3.0
    """For one question; long enough for the kernel to repeat a lost SYN once, and shorter than `every`."""
    failures: Whole = Field(default=3, ge=1, le=60)
    """Silent rounds in a row that count as down."""
    tcp: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = (443,)
    """Ports; a refused connection is an answer as well."""
    icmp: Flag = True
    """Echo, where this process may send it: CAP_NET_RAW, or a group within net.ipv4.ping_group_range."""
    addresses: dict[str, str] = Field(default_factory=dict)
    """By host definition, where its name in vCenter is not its address."""
    anchors: tuple[str, ...] = ()
    """Addresses that answer as long as our own network does, such as a router: if none does, we are blind."""
    side_by_side: Whole = Field(default=2048, ge=1, le=20_000)

    @model_validator(mode="after")
    def _fits(self) -> "ProbeSettings":
        if self.timeout * 2 > self.every:
            msg = f"probe.timeout {self.timeout:.0f}s does not fit into probe.every {self.every:.0f}s twice"
            raise ValueError(msg)
        if not self.tcp and not self.icmp:
            msg = "probe: there is nothing to ask by; give a port under tcp, or icmp: true"
            raise ValueError(msg)
        return self


class BmcWatchSettings(_Part):
    """How the controllers of all declared blades are looked at."""

    every: Duration = 60.0


class RedfishEventSettings(_Part):
    """How controllers tell what happens as it happens; those that speak IPMI cannot."""

    by: Literal["push", "stream"] = "push"
    """push: they post to our webhook; stream: we hold a line open to each (server-sent events), and need no webhook."""
    secret_file: SitePath | None = None
    """push: from it each controller's own word is made, by which it proves itself; mode 0400, 16 characters or more."""
    destination: str | None = Field(default=None, pattern=r"^https?://[^\s/]+$")
    """push: how controllers reach the webhook, `https://toban.example:9480`."""
    chassis: tuple[str, ...] = ()
    """Only these; empty: all."""
    maps: tuple[SitePath, ...] = ()
    """The site's own maps, such as its vendor's message registry."""

    @model_validator(mode="after")
    def _whole(self) -> "RedfishEventSettings":
        if self.by == "push" and (self.secret_file is None or self.destination is None):
            msg = "redfish_events: push needs secret_file and destination; or write by: stream"
            raise ValueError(msg)
        return self


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
