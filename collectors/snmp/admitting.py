"""Who may be heard, and how often: source and community allow-lists, token buckets. Time is handed in."""

from collections import OrderedDict
from collections.abc import Sequence
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


class Rates:
    """Per source 50/s with a burst of 200 and 2,000/s altogether; the last quarter is kept for declared senders."""

    def __init__(self, per_source: tuple[float, float] = (50.0, 200.0), total: float = 2000.0) -> None:
        """Rate and burst of one source; rate of all, which is their burst as well."""
        self._per_source, self._total = per_source, total
        self._sources: OrderedDict[str, Bucket] = OrderedDict()
        self._all: Bucket | None = None

    def admits(self, source: str, known: bool, now: float) -> bool:
        """Whether one more datagram may pass."""
        bucket = self._sources.get(source)
        if bucket is None:
            bucket = self._sources[source] = Bucket(*self._per_source, now)
            if len(self._sources) > LIMIT_SOURCES:
                self._sources.popitem(last=False)
        self._sources.move_to_end(source)
        self._all = self._all or Bucket(self._total, self._total, now)
        return bucket.take(now) and self._all.take(now, 0.0 if known else self._total / 4)


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
