"""What became of each datagram: counters that add up, and a bounded sample of what was refused."""

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

LIMIT_SENDERS = 1024
LIMIT_SAMPLES = 64
LIMIT_OCTETS = 512


@dataclass(frozen=True, slots=True)
class Counts:
    """Datagrams since the start.

    received = accepted + collapsed + dropped_by_flood + dropped_by_rate + backlog_lost + all of rejected.
    """

    received: int = 0
    accepted: int = 0
    """Notifications for us: decoded, from an allowed source, with an allowed community."""
    rejected: Mapping[str, int] = field(default_factory=dict)
    """By reason: a word of the decoder (`length`, `tag`, ...), `source`, `community`, `get`, ...; of v3 `v3-auth`,
    `v3-time`, `v3-replay`, `v3-user`, `v3-engine`, `v3-source`, `v3-level`, `v3-decryption`, `v3-discovery`."""
    collapsed: int = 0
    """Said again within the minute: counted, and told as `trap.repeated`."""
    kernel_lost: int = 0
    """Dropped by the kernel before we could take them; not in `received`."""
    dropped_by_flood: int = 0
    """Not even read: one source, or all of them, sent more than can be."""
    dropped_by_rate: int = 0
    backlog_lost: int = 0
    """Accepted too late: the spool could not take it and the waiting room was full."""
    spooled: int = 0
    replayed: int = 0
    """Found unpublished in the spool at the start."""
    duplicates: int = 0
    unmapped: int = 0
    """Published as `trap.unmapped`."""
    unexplained: int = 0
    """No event: the state varbind holds a value that no map explains."""
    published: int = 0
    told: int = 0
    """Events of our own: what was counted away, what was lost."""
    refused: int = 0
    """Events that the bus will never take."""
    missed: int = 0
    """Numbers that a counting sender used and nobody heard."""
    acknowledged: int = 0
    """Platform Event Traps whose sender was told that they are stored."""
    lenient: int = 0
    uncounted: int = 0
    """Said again, but the count found no room."""
    damaged_octets: int = 0
    """Of the spool, that could not be read any more."""
    unreadable: int = 0
    """In the spool, but the settings no longer hold the keys that it was sealed with."""

    def drops(self) -> Mapping[str, int]:
        """What arrived and became no event, by reason; of a reason that never was there is nothing.

        A discovery is no loss: it is how the sender of a v3 inform learns our engine id and clock.
        """
        ours = {
            "kernel": self.kernel_lost,
            "flood": self.dropped_by_flood,
            "rate": self.dropped_by_rate,
            "backlog": self.backlog_lost,
            "unexplained": self.unexplained,
            "bus": self.refused,
            "unreadable": self.unreadable,
            "count": self.uncounted,
            "damaged-octets": self.damaged_octets,
        }
        said = {reason: count for reason, count in self.rejected.items() if reason != "v3-discovery"}
        return {reason: count for reason, count in {**said, **ours}.items() if count}


@dataclass(frozen=True, slots=True)
class Sample:
    """One refused datagram."""

    reason: str
    source: str
    octets: str
    """Its first 512 octets in hex."""


class Tally:
    """Counts as they grow."""

    def __init__(self) -> None:
        """All zero."""
        self._numbers: dict[str, int] = {}
        self._rejected: dict[str, int] = {}
        self._senders: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._samples: deque[Sample] = deque(maxlen=LIMIT_SAMPLES)
        self._latest: dict[str, Sample] = {}

    def add(self, name: str, number: int = 1) -> None:
        """Count under a field of Counts."""
        self._numbers[name] = self._numbers.get(name, 0) + number

    def set(self, name: str, number: int) -> None:
        """Take over a number that somebody else counts."""
        self._numbers[name] = number

    def reject(self, reason: str, source: str, datagram: bytes) -> int:
        """Count a refused datagram by reason and sender, keep a sample; returns the sender's count for this reason."""
        self._rejected[reason] = self._rejected.get(reason, 0) + 1
        key = (source, reason)
        count = self._senders[key] = self._senders.pop(key, 0) + 1
        if len(self._senders) > LIMIT_SENDERS:
            self._senders.popitem(last=False)
        self.keep(reason, source, datagram)
        return count

    def keep(self, reason: str, source: str, datagram: bytes) -> None:
        """Keep a sample."""
        self._latest[reason] = Sample(reason, source, datagram[:LIMIT_OCTETS].hex())
        self._samples.append(self._latest[reason])

    def counts(self) -> Counts:
        """The numbers now."""
        return Counts(rejected=dict(self._rejected), **self._numbers)

    def senders(self) -> Mapping[tuple[str, str], int]:
        """Refused datagrams by sender and reason; of very many senders the latest."""
        return dict(self._senders)

    def latest(self, reason: str) -> Sample | None:
        """The last datagram that was refused for this reason."""
        return self._latest.get(reason)

    def samples(self) -> tuple[Sample, ...]:
        """The latest refused or unexplained datagrams, oldest first."""
        return tuple(self._samples)
