"""The outbox is delivered at least once, and what nobody took is said."""

import asyncio
from datetime import UTC, datetime, timedelta

from actuators.notify.delivering import Notifier, Routes
from actuators.notify.routing import Channel, Report
from engine.bus import codec, outbox, subjects
from engine.bus.memory import MemoryBus, Storage
from engine.clients.offload import Offload
from engine.clock import HandClock
from engine.model.errors import Transient
from engine.model.event import Severity
from engine.model.notice import Moment, Notice

NIGHT = datetime(2026, 11, 25, 2, tzinfo=UTC)


def notice(name="n1", channel="oncall", **more) -> Notice:
    words = {"moment": Moment.STEP, "severity": Severity.WARNING, "about": "host:esx1", "at": NIGHT}
    return Notice.model_validate(
        {"id": name, "en": f"en {name}", "ja": f"ja {name}", "channel": channel, **words, **more}
    )


class Site:
    """Channels that take notices or do not, over one outbox that outlives processes."""

    def __init__(self, *, reports=(), default=None, **channels: Channel) -> None:
        self.clock, self.storage = HandClock(NIGHT), Storage()
        self.routes = Routes(channels, reports, default)
        self.got: list[tuple[str, str, str]] = []
        self.deaf: set[str] = set()

    def sender(self, name):
        def send(title, body, severity):
            if name in self.deaf:
                msg = f"{name} is away"
                raise Transient(msg)
            self.got.append((name, title, body))

        return send

    def work(self, *notices: Notice, seconds: float = 20.0) -> None:
        """Put these into the outbox and let a fresh notifier work for so long."""

        async def go() -> None:
            bus = MemoryBus(self.clock, self.storage)
            for one in notices:
                await outbox.put(bus, one)
            senders = {name: self.sender(name) for name in self.routes.channels}
            notifier = Notifier(bus, self.routes, senders, Offload("notify", 2), self.clock)
            end = self.clock.monotonic() + seconds
            async with asyncio.TaskGroup() as group:
                task = group.create_task(notifier.run())
                while self.clock.monotonic() < end:
                    await asyncio.sleep(0)
                task.cancel()

        asyncio.run(go())

    def events(self):
        async def go():
            bus = MemoryBus(self.clock, self.storage)
            return [codec.decode(record).event async for record in bus.replay(subjects.ALL_EVENTS)]

        return asyncio.run(go())


def test_a_notice_reaches_its_channel_once_in_both_languages_also_when_it_is_put_twice_and_after_a_restart() -> None:
    site = Site(oncall=Channel("oncall"))
    site.work(notice(), notice())
    site.work()
    ((channel, title, body),) = site.got
    assert (channel, title) == ("oncall", "Toban warning: host:esx1")
    assert "en n1" in body
    assert "ja n1" in body


def test_a_channel_that_does_not_take_it_is_replaced_by_its_fallback_which_says_so() -> None:
    site = Site(oncall=Channel("oncall", fallback="mail"), mail=Channel("mail"))
    site.deaf = {"oncall"}
    site.work(notice())
    ((channel, _, body),) = site.got
    assert channel == "mail"
    assert "oncall did not take this notice" in body
    assert site.events() == []


def test_a_channel_that_is_back_gets_what_nobody_took_before() -> None:
    site = Site(oncall=Channel("oncall"))
    site.deaf = {"oncall"}
    site.work(notice(), seconds=10)
    site.deaf = set()
    site.work(seconds=200)
    assert [channel for channel, _, _ in site.got] == ["oncall"]


def test_what_no_channel_ever_takes_becomes_an_event_that_names_it() -> None:
    site = Site(oncall=Channel("oncall"))
    site.deaf = {"oncall"}
    site.work(notice(), seconds=2000)
    (event,) = site.events()
    assert event.type == "toban.notice.undelivered"
    assert (event.subject, event.data["channels"]) == ("host:esx1", "oncall")
    assert "en n1" in str(event.data["text"])


def test_a_channel_that_the_site_does_not_have_is_replaced_by_the_default_or_said() -> None:
    site = Site(default="mail", mail=Channel("mail"))
    site.work(notice(channel="nobody"))
    assert [channel for channel, _, _ in site.got] == ["mail"]
    strict = Site(mail=Channel("mail"))
    strict.work(notice(channel="nobody"), seconds=2000)
    assert [event.data["channels"] for event in strict.events()] == ["nobody"]


def test_one_channel_that_fails_does_not_make_the_other_tell_twice() -> None:
    reports = (Report("mail", frozenset({Moment.PAGE})), Report("oncall", frozenset({Moment.PAGE})))
    site = Site(reports=reports, mail=Channel("mail"), oncall=Channel("oncall"))
    site.deaf = {"oncall"}
    site.work(notice(channel=None, moment=Moment.PAGE), seconds=500)
    assert [channel for channel, _, _ in site.got] == ["mail"]


def test_more_than_the_limit_is_told_as_one_line_when_its_time_has_passed() -> None:
    site = Site(oncall=Channel("oncall", most=2, within=60))
    site.work(*(notice(f"n{number}") for number in range(6)), seconds=120)
    assert len(site.got) == 3
    assert site.got[-1][1] == "Toban: 4 notices withheld"


def test_what_is_older_than_a_day_is_not_sent_any_more() -> None:
    site = Site(oncall=Channel("oncall"))
    site.work(notice(at=NIGHT - timedelta(hours=25)), notice("n2"))
    assert [body.splitlines()[0] for _, _, body in site.got] == ["en n2"]


def test_a_drill_is_called_one() -> None:
    site = Site(oncall=Channel("oncall"))
    site.work(notice(synthetic=True))
    assert site.got[0][1].startswith("[drill]")
