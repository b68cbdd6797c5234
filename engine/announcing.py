"""What the deciding stage tells people: held decisions, ended conditions, and pages that are few enough to be read."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from engine.bus import outbox
from engine.bus.port import Bus
from engine.clock import Clock
from engine.model import ids
from engine.model.decision import Decision, Hold, Ignore
from engine.model.errors import TobanError
from engine.model.event import Severity
from engine.model.match import Ended
from engine.model.notice import Moment, Notice
from engine.model.policy import Policy
from engine.telling import Teller

log = structlog.get_logger()
NAMED = 20
"""Objects that a page about several names."""
TOLD_AT_ONCE = 64


class Announcer:
    """Tells by events. Many objects held for one reason are one page, and so is a mass failure as long as it lasts."""

    def __init__(self, bus: Bus, clock: Clock, episode: float) -> None:
        """`episode`: seconds for which one page stands for all that a mass failure holds."""
        self._bus, self._clock = bus, clock
        self._teller, self._episode = Teller(bus, clock), timedelta(seconds=episode)
        self._mass_paged: datetime | None = None

    async def decided(self, stored: Sequence[tuple[Policy, Decision]]) -> None:
        """New decisions, in the order in which they were made."""
        held = [one for _, one in stored if isinstance(one, Hold)]
        gate = asyncio.Semaphore(TOLD_AT_ONCE)

        async def tell(one: Hold) -> None:
            async with gate:
                await self._teller.tell("toban.decision.held", f"{one.match}.{one.revision}", one.object, _why(one))

        async with asyncio.TaskGroup() as group:
            for one in held:
                group.create_task(tell(one), name=f"tell {one.match}")
        await self._page_all([one for one in held if one.page])
        for _, left in stored:
            if isinstance(left, Ignore) and left.reasons[0].code == "minimum.running":
                text = f"{left.policy} did nothing: {left.reasons[0].en}"
                await self._teller.tell("toban.minimum.running", f"{left.match}.{left.revision}", left.object, text)

    async def ended(self, ended: Ended) -> None:
        """The condition behind a match is over."""
        text = f"{ended.policy}: the condition is over for {ended.key}"
        await self._teller.tell("toban.condition.ended", ended.id, ended.key, text)

    async def overflowed(self, policy: str, count: int) -> None:
        """Open conditions were dropped."""
        text = f"{policy}: {count} open conditions were dropped, the oldest first; narrow its pattern or its `by`"
        cause = f"{policy}.{self._clock.now().isoformat()}"
        await self._teller.tell("toban.rules.overflow", cause, "toban:engine", text)

    async def page(self, cause: str, about: str, text: str) -> None:
        """A person must look."""
        log.warning("page", object=about, text=text)
        await self._teller.tell("toban.page", cause, about, text, Severity.CRITICAL)
        page = Notice(
            id=ids.content_hash([Moment.PAGE.value, cause]),
            moment=Moment.PAGE,
            severity=Severity.CRITICAL,
            about=about,
            at=self._clock.now(),
            en=text,
            ja=f"担当者の確認が必要: {text}",
        )
        try:
            await outbox.put(self._bus, page)
        except TobanError as error:
            log.warning("page.not_stored", about=about, error=str(error))

    async def _page_all(self, held: Sequence[Hold]) -> None:
        alike: dict[tuple[str, str], list[Hold]] = {}
        for one in held:
            codes = [reason.code for reason in one.reasons]
            code = "mass.failure" if "mass.failure" in codes else codes[0]
            alike.setdefault((one.policy, code), []).append(one)
        for (policy, code), some in alike.items():
            if code == "mass.failure" and self._is_known():
                log.info("page.folded", policy=policy, objects=len(some))
                continue
            first = some[0]
            if len(some) == 1:
                await self.page(f"{first.match}.{first.revision}", first.object, f"{policy} holds: {_why(first)}")
                continue
            named = ", ".join(one.object for one in some[:NAMED])
            more = f" and {len(some) - NAMED} more" if len(some) > NAMED else ""
            text = f"{policy} holds {len(some)} objects: {_why(first)}: {named}{more}"
            await self.page(f"{first.match}.{first.revision}.{len(some)}", "toban:engine", text)

    def _is_known(self) -> bool:
        now = self._clock.now()
        known = self._mass_paged is not None and now < self._mass_paged + self._episode
        if not known:
            self._mass_paged = now
        return known


def _why(one: Decision) -> str:
    return "; ".join(reason.en for reason in one.reasons)
