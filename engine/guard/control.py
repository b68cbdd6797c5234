"""What people have ordered, in the CONTROL bucket; what cannot be read counts as stopped."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from engine.bus import subjects
from engine.bus.port import Bus, KvEntry
from engine.guard.approval import Answer
from engine.model.errors import Conflict, TobanError

log = structlog.get_logger()
BUCKET = "CONTROL"
ANSWER_LIFE = 30 * 86400.0
"""Seconds an answer is kept; by then its decision is long made, or the answer is too old to be acted on."""


class Order(BaseModel):
    """Who ordered something, and why. `at` is written by the sender, for people; the broker's time is what counts."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    by: str = "unknown"
    why: str = ""
    at: datetime | None = None


class _Breaker(Order):
    open: bool = True


class _Answer(Order):
    yes: bool


Parsed = TypeVar("Parsed", bound=Order)


@dataclass(frozen=True, slots=True)
class Breaker:
    """The breaker of a policy: open since then; or closed again then, and counted anew from there."""

    open: bool
    at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class Orders:
    """All orders at one moment."""

    entries: Mapping[str, KvEntry] = field(default_factory=dict)
    unreadable: str | None = None

    def stopped(self, *targets: str) -> str | None:
        """Why nothing may be done to any of these, or None."""
        if self.unreadable is not None:
            return f"the stop switch cannot be read ({self.unreadable}), which counts as stopped"
        found = (self._text(key) for key in ("stop", *(f"stop.{token(target)}" for target in targets)))
        why = next((text for text in found if text), None)
        return f"the stop switch is set: {why}" if why is not None else None

    def maintenance(self, *targets: str) -> str | None:
        """Who flagged any of these as in maintenance, or None."""
        return next((text for target in targets if (text := self._text(f"maintenance.{token(target)}"))), None)

    def quarantine(self, target: str) -> tuple[str, datetime] | None:
        """Why this host is in quarantine and since when; with an empty reason: when it was last released from it."""
        key = f"quarantine.{token(target)}"
        entry = self.entries.get(key)
        return (self._text(key), entry.stored_at) if entry is not None else None

    def quarantined(self, target: str) -> bool:
        """Whether it is there now."""
        known = self.quarantine(target)
        return known is not None and bool(known[0])

    def disarmed(self, policy: str) -> Order | None:
        """Who took this policy out of service, or None."""
        entry = self.entries.get(f"disarmed.{policy}")
        if entry is None or not entry.value:
            return None
        return _parsed(Order, entry.value) or Order(why="the order cannot be read")

    def breaker(self, policy: str) -> Breaker | None:
        """The policy's breaker; None: it never opened. One that cannot be read is open."""
        entry = self.entries.get(f"breaker.{policy}")
        if entry is None or not entry.value:
            return None
        known = _parsed(_Breaker, entry.value)
        return Breaker(known.open if known else True, entry.stored_at, known.why if known else "it cannot be read")

    def answer(self, match: str) -> Answer | None:
        """What a person said about a match; what cannot be read was not said."""
        entry = self.entries.get(f"approval.{match}")
        known = _parsed(_Answer, entry.value) if entry is not None and entry.value else None
        return Answer(known.yes, known.by, entry.stored_at, known.why) if entry is not None and known else None

    def opened(self, policy: str, why: str, at: datetime) -> "Orders":
        """The same with this breaker open."""
        entry = KvEntry(_Breaker(why=why, at=at).model_dump_json().encode(), 0, at)
        return replace(self, entries={**self.entries, f"breaker.{policy}": entry})

    def _text(self, key: str) -> str:
        entry = self.entries.get(key)
        return entry.value.decode("utf-8", "replace")[:200] if entry is not None else ""


class Control:
    """Reads and writes orders (safety rules S15, S16, S17)."""

    def __init__(self, bus: Bus) -> None:
        """Any bus."""
        self._bus = bus

    async def orders(self) -> Orders:
        """Everything as it stands now, in one reading; never raises."""
        found: dict[str, KvEntry] = {}
        try:
            async for record in self._bus.replay(subjects.keys_of(BUCKET), last_per_subject=True):
                name = subjects.name_of_key(record.subject)
                found[name] = KvEntry(record.body, record.sequence, record.stored_at)
        except TobanError as error:
            return Orders(unreadable=str(error))
        return Orders(found)

    async def stopped(self, target: str) -> str | None:
        """Why nothing may be done to this target, or None; read anew each time."""
        found: dict[str, KvEntry] = {}
        try:
            for key in ("stop", f"stop.{token(target)}"):
                entry = await self._bus.get(BUCKET, key)
                if entry is not None:
                    found[key] = entry
        except TobanError as error:
            return Orders(unreadable=str(error)).stopped()
        return Orders(found).stopped(target)

    async def stop(self, why: str, target: str | None = None) -> None:
        """Set the switch, for everything or for one object."""
        await self._bus.put(BUCKET, f"stop.{token(target)}" if target else "stop", why.encode())

    async def put_into_quarantine(self, target: str, why: str) -> None:
        """Nothing is done to this host by itself until `release`."""
        await self._bus.put(BUCKET, f"quarantine.{token(target)}", why.encode())

    async def release(self, target: str | None = None) -> None:
        """Take the switch back, and end the host's quarantine."""
        if target is not None and (await self.orders()).quarantine(target) is not None:
            await self._bus.put(BUCKET, f"quarantine.{token(target)}", b"")
        await self._bus.put(BUCKET, f"stop.{token(target)}" if target else "stop", b"")

    async def flag_maintenance(self, target: str, why: str | None) -> None:
        """Flag an object as in maintenance, or take the flag back with None."""
        await self._bus.put(BUCKET, f"maintenance.{token(target)}", (why or "").encode())

    async def disarm(self, policy: str, order: Order) -> None:
        """Take a policy out of service, until `arm`."""
        await self._bus.put(BUCKET, f"disarmed.{policy}", order.model_dump_json().encode())

    async def arm(self, policy: str, order: Order) -> tuple[bool, bool]:
        """Put a policy back into service and close its breaker: whether it was out of service, whether it was open."""
        orders = await self.orders()
        if orders.unreadable is not None:
            msg = f"the orders cannot be read: {orders.unreadable}"
            raise TobanError(msg)
        breaker, was_disarmed = orders.breaker(policy), orders.disarmed(policy) is not None
        was_open = breaker is not None and breaker.open
        if was_open:
            body = _Breaker(**order.model_dump(), open=False).model_dump_json().encode()
            await self._bus.put(BUCKET, f"breaker.{policy}", body)
        if was_disarmed:
            await self._bus.put(BUCKET, f"disarmed.{policy}", b"")
        return was_disarmed, was_open

    async def open_breaker(self, policy: str, why: str, at: datetime) -> None:
        """Nothing more is done by this policy until a person says `toban policy arm`."""
        await self._bus.put(BUCKET, f"breaker.{policy}", _Breaker(why=why, at=at).model_dump_json().encode())

    async def answer(self, match: str, order: Order, *, yes: bool) -> None:
        """Say yes or no to a match, once; raises `Conflict` with the earlier word if somebody was first."""
        body = _Answer(**order.model_dump(), yes=yes).model_dump_json().encode()
        try:
            await self._bus.swap(BUCKET, f"approval.{match}", body, expected=0, life=ANSWER_LIFE)
        except Conflict as error:
            before = (await self.orders()).answer(match)
            word = "approved" if before is not None and before.yes else "rejected"
            who = f"{before.by} has {word} it at {before.at:%Y-%m-%d %H:%M:%S}" if before else "somebody was first"
            raise Conflict(who) from error


def _parsed(model: type[Parsed], value: bytes) -> Parsed | None:
    try:
        return model.model_validate_json(value)
    except ValidationError as error:
        log.warning("order.unreadable", kind=model.__name__, error=str(error)[:200])
        return None


def token(target: str) -> str:
    """An object id as part of a key."""
    return "".join(c if c.isalnum() or c in "-_" else f"={ord(c):04x}" for c in target)
