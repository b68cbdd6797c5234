"""The gate for SNMPv3: which sender, engine and user belong together, is it proven, is it news; and what we answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from collectors.snmp.admitting import Rates, Sources
from collectors.snmp.engine_file import EngineState
from collectors.snmp.timeliness import Seen, Timeliness
from engine.clients import snmp, usm, usm_answering
from engine.clients.snmp_v3 import Sealed
from engine.clients.usm import Keys, Unproven
from engine.clients.usm_answering import Moment
from engine.clock import Clock
from engine.model.errors import ConfigurationError

REPORTS = (5.0, 20.0)
"""Reports a second to one address, and at once: whoever forges addresses must not make us loud."""
REPORTS_TOTAL = 100.0

_NOWHERE: Mapping[bytes, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TrapUser:
    """A user, and from where traps under this name are heard."""

    user: usm.User
    engines: Mapping[bytes, tuple[str, ...]] = field(default_factory=lambda: _NOWHERE)
    """Networks by the engine id of the sender of traps. Informs need none: their engine is ours."""


class Gate:
    """Opens what is proven; knows no wildcard: engine, user and source must have been declared together."""

    def __init__(self, users: Sequence[TrapUser], state: EngineState, clock: Clock) -> None:
        """Derives all keys, which takes some hundredths of a second each; ConfigurationError for a wrong network."""
        self._state, self._clock, self._start = state, clock, clock.monotonic()
        self._times = Timeliness(state.marks, self._start)
        self._keys: dict[tuple[bytes, bytes], Keys] = {}
        self._from: dict[tuple[bytes, bytes], Sources] = {}
        for one in users:
            name = one.user.name.encode()
            for engine, known in usm.keys(one.user, [*one.engines, state.engine]).items():
                self._keys[engine, name] = known
            for engine, networks in one.engines.items():
                if not networks:
                    raise ConfigurationError(f"SNMPv3 user {one.user.name}: engine {engine.hex()} has no address")
                self._from[engine, name] = Sources(networks)
        self._engines = {engine for engine, _ in self._keys}
        self._reports = Rates(REPORTS, REPORTS_TOTAL)
        self._reported: dict[int, int] = {}

    def admit(self, datagram: bytes, sealed: Sealed, source: str) -> snmp.Notification | snmp.Ignored:
        """What a message says that is proven and new; raises `Unproven` or `Malformed`. Remembers nothing yet."""
        known = self._known(sealed, source)
        usm.authentic(datagram, sealed, known)
        if sealed.level > 0:
            seen, now = _seen(datagram, sealed), self._clock.monotonic()
            if sealed.engine == self._state.engine:
                self._times.judge_ours(seen, self._state.boots, self._now().time)
            else:
                self._times.judge(seen, now)
        found = usm.content(sealed, usm.opened(datagram, sealed, known), known)
        ours = sealed.engine == self._state.engine
        if isinstance(found, snmp.Notification) and found.confirmed is not ours:
            what = "an inform under its sender's engine id" if found.confirmed else "a trap under our own engine id"
            raise Unproven("v3-engine", f"{what}: nobody could prove when it was sent")
        return found

    def remember(self, datagram: bytes, sealed: Sealed) -> None:
        """The message was taken: from now on it is old."""
        if sealed.level > 0:
            self._times.remember(_seen(datagram, sealed), self._clock.monotonic())

    def reopen(self, datagram: bytes, sealed: Sealed) -> snmp.Notification | snmp.Ignored:
        """What a message says that was admitted before, by any life; raises `Unproven` or `Malformed`."""
        return self.read(datagram, sealed)[0]

    def read(self, datagram: bytes, sealed: Sealed) -> tuple[snmp.Notification | snmp.Ignored, bytes]:
        """The same, and the message without its seals: what a person or another tool can read later."""
        known = self._keys.get((sealed.engine, sealed.user))
        if known is None:
            raise Unproven("v3-user", f"the settings no longer know {_name(sealed)}")
        usm.authentic(datagram, sealed, known)
        plain = usm.opened(datagram, sealed, known)
        return usm.content(sealed, plain, known), usm_answering.in_clear(sealed, plain)

    def response_to(self, datagram: bytes) -> bytes | None:
        """The Response to an admitted inform; None if its user is not known any more."""
        sealed = snmp.decode(datagram)
        known = self._keys.get((sealed.engine, sealed.user)) if isinstance(sealed, Sealed) else None
        if not isinstance(sealed, Sealed) or known is None:
            return None
        return usm_answering.response_to(datagram, sealed, known, self._now())

    def report_to(self, datagram: bytes, sealed: Sealed, why: Unproven, source: str) -> bytes | None:
        """The Report for a message that was refused; None where none is due."""
        if why.report is None or not sealed.reportable:
            return None
        if not self._reports.admits(source, True, self._clock.monotonic()):
            return None
        count = self._reported[why.report] = self._reported.get(why.report, 0) + 1
        known = self._keys.get((sealed.engine, sealed.user))
        return usm_answering.report_to(datagram, sealed, why, count, self._now(), known)

    def state(self) -> EngineState:
        """What has to be on disk before anything that was remembered has an effect."""
        marks = self._times.marks()
        return replace(self._state, marks={one: mark for one, mark in marks.items() if one != self._state.engine})

    def _known(self, sealed: Sealed, source: str) -> Keys:
        if sealed.engine not in self._engines:
            if not sealed.engine:
                raise Unproven("v3-discovery", "a sender asks for our engine id", usm.ENGINE_REPORT)
            raise Unproven("v3-engine", f"engine {sealed.engine.hex()} is not in the settings", usm.ENGINE_REPORT)
        known = self._keys.get((sealed.engine, sealed.user))
        if known is None:
            raise Unproven("v3-user", f"{_name(sealed)} is not in the settings", usm.USER_REPORT)
        networks = self._from.get((sealed.engine, sealed.user))
        if networks is not None and not networks.admits(source):
            raise Unproven("v3-source", f"{_name(sealed)} may not send from {source}")
        return known

    def _now(self) -> Moment:
        return Moment(self._state.engine, self._state.boots, int(self._clock.monotonic() - self._start))


def _seen(datagram: bytes, sealed: Sealed) -> Seen:
    start, stop = sealed.digest
    message = sealed.message_id.to_bytes(4, "big") + datagram[start:stop]
    return Seen(sealed.engine, sealed.boots, sealed.time, message)


def _name(sealed: Sealed) -> str:
    shown = sealed.user.decode("ascii", "backslashreplace")
    return f"user {shown!r} of engine {sealed.engine.hex()}"
