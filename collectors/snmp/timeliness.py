"""Timeliness of SNMPv3: whether a proven message is news, or an old one sent again by somebody who recorded it.

RFC 3414 section 3.2 step 7, made stricter where one captured trap could be replayed: within a life each message is
remembered, and the highest boots and time of each engine outlive it; nothing up to there is news to a later life.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.clients import usm
from engine.clients.usm import Unproven

WINDOW = 150.0
"""Seconds that a message may be late, by its own engine's clock (RFC 3414 section 2.2.3)."""
REMEMBERED = 600.0
"""Seconds for which a message is known again; four times as long as it could be accepted."""
DRIFT = 0.0002
"""Share by which a sender's clock may go slow: a chassis silent for months is still heard."""
LIMIT_MESSAGES = 16_384
"""Messages remembered of one engine; twice what the rate limit lets through within the window."""
LAST_BOOTS = 2**31 - 1
"""An engine that has come so far is never timely again (RFC 3414 section 2.2.2)."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far an engine's clock was seen."""

    boots: int
    time: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A proven message as far as its age is concerned."""

    engine: bytes
    boots: int
    time: int
    message: bytes
    """Equal for the same message only: its digest and id."""


@dataclass(slots=True)
class _Peer:
    mark: Mark
    at: float
    """When the mark was made, in our seconds."""
    floor: int = -1
    """Up to this time, in the mark's boots, an earlier life has heard."""
    heard: OrderedDict[bytes, float] = field(default_factory=OrderedDict)


class Timeliness:
    """Remembers senders' clocks. Only engines that the settings name come here, so their number is bounded."""

    def __init__(self, marks: Mapping[bytes, Mark], now: float) -> None:
        """What an earlier life had seen. `now` is in seconds of a clock that never steps back, as everywhere here."""
        self._peers = {engine: _Peer(mark, now, mark.time) for engine, mark in marks.items()}

    def judge(self, seen: Seen, now: float) -> None:
        """Return if a sender's message is timely and new; raises `Unproven` if not. Remembers nothing."""
        peer = self._peers.get(seen.engine)
        if seen.boots >= LAST_BOOTS:
            raise Unproven(
                "v3-time", f"engine {seen.engine.hex()} has used up its boots counter: give it a new engine id"
            )
        if peer is None or seen.boots > peer.mark.boots:
            return
        if seen.boots < peer.mark.boots:
            raise Unproven("v3-time", f"boots {seen.boots} of engine {seen.engine.hex()}, after {peer.mark.boots}")
        if seen.time <= peer.floor:
            raise Unproven("v3-time", f"a message of engine {seen.engine.hex()} from before our last start")
        passed = max(0.0, now - peer.at)
        late = peer.mark.time + passed - seen.time
        if seen.time <= peer.mark.time - WINDOW or late > WINDOW + passed * DRIFT:
            raise Unproven("v3-time", f"a message of engine {seen.engine.hex()} comes {late:.0f} s late")
        if seen.message in peer.heard:
            raise Unproven("v3-replay", f"a message of engine {seen.engine.hex()} comes a second time")

    def judge_ours(self, seen: Seen, boots: int, time: int) -> None:
        """The same for an inform, whose clock is ours; the Report that follows tells the sender our clock."""
        if (seen.boots, seen.time) == (0, 0):
            raise Unproven("v3-discovery", "a sender asks for our clock", usm.TIME_REPORT)
        if seen.boots != boots or abs(seen.time - time) > WINDOW:
            detail = f"an inform for boots {seen.boots}, time {seen.time}; ours are {boots}, {time}"
            raise Unproven("v3-time", detail, usm.TIME_REPORT)
        peer = self._peers.get(seen.engine)
        if peer is not None and seen.message in peer.heard:
            raise Unproven("v3-replay", "an inform comes a second time")

    def remember(self, seen: Seen, now: float) -> None:
        """Take this message for old from now on."""
        peer = self._peers.get(seen.engine)
        mark = Mark(seen.boots, seen.time)
        if peer is None or mark.boots > peer.mark.boots:
            peer = self._peers[seen.engine] = _Peer(mark, now)
        elif (mark.boots, mark.time) > (peer.mark.boots, peer.mark.time):
            peer.mark, peer.at = mark, now
        elif mark.boots < peer.mark.boots:
            return
        peer.heard[seen.message] = now
        while len(peer.heard) > LIMIT_MESSAGES or now - next(iter(peer.heard.values())) > REMEMBERED:
            peer.heard.popitem(last=False)

    def marks(self) -> Mapping[bytes, Mark]:
        """How far each sender was seen, to be kept."""
        return {engine: peer.mark for engine, peer in self._peers.items()}
