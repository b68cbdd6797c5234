"""The delivery of the outbox: each notice to its channels, with a fallback, a limit, and an event where it failed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from actuators.notify import routing
from actuators.notify.routing import Allowance, Channel, Report
from engine.bus import outbox, subjects
from engine.bus.port import Bus, Delivery
from engine.clients.offload import Offload
from engine.clock import Clock
from engine.model import ids
from engine.model.errors import Permanent, TobanError, Transient
from engine.model.event import Event, Severity
from engine.model.notice import Notice

log = structlog.get_logger()

DEADLINE = 30.0
TRIES = 5
REST = 30.0
POLL = 5.0
STALE = timedelta(hours=24)
"""What is older is not sent any more: a first start must not page for last month."""
REMEMBERED = 10_000
Send = Callable[[str, str, Severity], None]
"""(title, body, severity) to one channel; blocking; raises Transient."""


@dataclass(frozen=True, slots=True)
class Routes:
    """The site's channels and what it wants to be told."""

    channels: Mapping[str, Channel]
    reports: tuple[Report, ...] = ()
    default: str | None = None
    """For a step whose channel the site does not have."""

    def of(self, notice: Notice) -> tuple[str, ...]:
        """The channels of a notice; a step's unknown one is replaced by the default."""
        found = routing.channels(notice, self.reports)
        return tuple(self.default if one not in self.channels and self.default else one for one in found)


class Notifier:
    """Delivers at least once, in the order of the outbox. A notice that no channel takes becomes an event."""

    def __init__(self, bus: Bus, routes: Routes, senders: Mapping[str, Send], offload: Offload, clock: Clock) -> None:
        """`senders` by channel name."""
        self._bus, self._routes, self._senders = bus, routes, senders
        self._offload, self._clock = offload, clock
        self._allowances = {name: Allowance(channel) for name, channel in routes.channels.items()}
        self._done: dict[tuple[str, str], None] = {}

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with self._bus.subscription(
            "notifier", subjects.ALL_NOTICES, ack_wait=180.0, max_deliver=TRIES + 2
        ) as subscription:
            while True:
                for delivery in await subscription.fetch(16, POLL):
                    await self._deliver(delivery)
                await self._tell_withheld()

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            notice = outbox.read(delivery.record)
        except Permanent as error:
            await delivery.term(str(error))
            return
        if self._clock.now() - notice.at > STALE:
            log.info("notice.stale", notice=notice.id, about=notice.about)
            await delivery.ack()
            return
        failed = [name for name in self._routes.of(notice) if not await self._reach(name, notice)]
        if failed and delivery.delivered < TRIES:
            await delivery.nak(REST * delivery.delivered)
            return
        if failed:
            await self._undelivered(notice, failed)
        await delivery.ack()

    async def _reach(self, name: str, notice: Notice) -> bool:
        """Whether the channel, or one that stands in for it, has the notice (or withheld it for its limit)."""
        if (notice.id, name) in self._done:
            return True
        allowance = self._allowances.get(name)
        taken = allowance is not None and not allowance.take(notice.severity, self._clock.now())
        if taken:
            log.info("notice.withheld", notice=notice.id, channel=name)
        else:
            taken = await self._send(name, *_words(notice), notice.severity)
        if taken:
            self._done[notice.id, name] = None
            while len(self._done) > REMEMBERED:
                self._done.pop(next(iter(self._done)))
        return taken

    async def _send(self, first: str, title: str, body: str, severity: Severity) -> bool:
        for name in routing.chain(first, self._routes.channels):
            said = body if name == first else f"{body}\n\n({first} did not take this notice / {first} へ送信不可)"
            send = self._senders[name]
            try:
                await self._offload.call(lambda send=send, said=said: send(title, said, severity), deadline=DEADLINE)  # type: ignore[misc]
            except Transient as error:
                log.warning("notice.refused", channel=name, error=str(error))
            else:
                log.info("notice.sent", channel=name, title=title)
                return True
        return False

    async def _tell_withheld(self) -> None:
        """One line for all that a channel's limit kept back, once there is room again."""
        for name, allowance in self._allowances.items():
            for severity, count in allowance.due(self._clock.now()).items():
                body = (
                    f"{count} more {severity.value} notice(s) were withheld by the limit of {name}; "
                    f"see: toban decisions\n制限により {count} 件の通知を抑制"
                )
                if await self._send(name, f"Toban: {count} notices withheld", body, severity):
                    allowance.told(severity, count)

    async def _undelivered(self, notice: Notice, channels: list[str]) -> None:
        text = f"nobody was told by {', '.join(channels)}: {notice.en}"
        event = Event(
            id=ids.content_hash(["toban.notice.undelivered", notice.id]),
            type="toban.notice.undelivered",
            source="toban/notifier",
            subject=notice.about,
            time=self._clock.now(),
            severity=Severity.CRITICAL,
            data={"text": text[:1000], "channels": ", ".join(channels)},
        )
        log.error("notice.undelivered", notice=notice.id, channels=channels)
        try:
            await self._bus.publish(event)
        except TobanError as error:
            log.warning("telling.failed", kind=event.type, error=str(error))


def _words(notice: Notice) -> tuple[str, str]:
    drill = "[drill] " if notice.synthetic else ""
    title = f"{drill}Toban {notice.severity.value}: {notice.about}"
    return title, f"{notice.en}\n{notice.ja}\n\n{notice.at:%Y-%m-%d %H:%M:%S} UTC"
