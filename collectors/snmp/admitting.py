"""Who may be heard, and how often: source and community allow-lists, token buckets. Time is handed in."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from engine.model.errors import ConfigurationError

LIMIT_SOURCES = 4096
"""Sources whose rate is remembered; the one silent longest goes first."""


class Bucket:
    """Tokens that fill at a rate up to a burst; each datagram takes one."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        """Full at the start; `now` is in seconds of a clock that never steps back."""
        self._rate, self._burst, self._left, self._at = rate, burst, burst, now

    def take(self, now: float, reserve: float = 0.0) -> bool:
        """Take a token; no, if that would leave fewer than `reserve`."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1.0 + reserve:
            return False
        self._left -= 1.0
        return True


@dataclass(frozen=True, slots=True)
class Limits:
    """Datagrams a second, and how many at once, of one source; a second of all, and as many at once."""

    strangers: tuple[float, float] = (50.0, 200.0)
    """A source that the site does not declare."""
    declared: tuple[float, float] = (500.0, 5000.0)
    """A declared chassis, BMC or proxy: what its storm is made of after repetitions were counted away."""
    total: float = 3000.0
    """No more than is stored in time: what was let in and waits long is as late as if it had been lost."""
    flood: tuple[float, float] = (10_000.0, 20_000.0)
    """Of one source before anything is read."""
    flood_total: float = 40_000.0


class Rates:
    """Token buckets. Strangers leave a quarter of all to declared senders, everybody a quarter to what is urgent.

    Without `declared` all sources have the same rate and nothing is kept for what is urgent.
    """

    def __init__(
        self,
        per_source: tuple[float, float] = (50.0, 200.0),
        total: float = 2000.0,
        declared: tuple[float, float] | None = None,
    ) -> None:
        """Rate and burst of one source; rate of all, which is their burst as well; rate and burst of a declared one."""
        self._per_source, self._total, self._declared = per_source, total, declared
        self._sources: OrderedDict[str, Bucket] = OrderedDict()
        self._all: Bucket | None = None

    def admits(self, source: str, known: bool, now: float, *, urgent: bool = False) -> bool:
        """Whether one more datagram may pass."""
        chosen = self._declared if known and self._declared else self._per_source
        bucket = self._sources.get(source)
        if bucket is None:
            bucket = self._sources[source] = Bucket(*chosen, now)
            if len(self._sources) > LIMIT_SOURCES:
                self._sources.popitem(last=False)
        self._sources.move_to_end(source)
        self._all = self._all or Bucket(self._total, self._total, now)
        kept = 0.0 if urgent or self._declared is None else 0.25
        strange = 0.0 if known else 0.25
        return bucket.take(now, chosen[1] * kept) and self._all.take(now, self._total * (kept + strange))


class Sources:
    """The networks that may send; an empty list lets everybody in."""

    def __init__(self, networks: Sequence[str]) -> None:
        """Networks as `10.0.0.0/8` or single addresses; raises ConfigurationError for anything else."""
        self._networks = [_network(text) for text in networks]
        self._judged: OrderedDict[str, bool] = OrderedDict()

    def admits(self, source: str) -> bool:
        """Whether this address may send."""
        if not self._networks:
            return True
        known = self._judged.get(source)
        if known is None:
            address = ip_address(source.partition("%")[0])
            known = self._judged[source] = any(address in network for network in self._networks)
            if len(self._judged) > LIMIT_SOURCES:
                self._judged.popitem(last=False)
        return known


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise ConfigurationError(
            f"the trap source {text!r} is not a network: write it as 192.0.2.0/24 or 192.0.2.7"
        ) from error
