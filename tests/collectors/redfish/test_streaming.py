"""Redfish events over streams of the simulated controllers: heard at once, and after a break from where it stopped."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import orjson
import pytest

from collectors.publishing import Memory
from collectors.redfish import messages, resuming
from collectors.redfish.messages import Controller
from collectors.redfish.streaming import Line, Streams
from engine.bus.memory import MemoryBus
from engine.clients.event_stream import PositionRefused, Streamed
from engine.clock import HandClock
from engine.model import catalogue
from engine.model.errors import ConfigurationError
from engine.model.source import Source
from tests.away import Away
from tests.collectors.redfish.test_subscribing import Site, here  # noqa: F401  the simulated site, as a fixture
from toban import parts_redfish, settings

NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)


@asynccontextmanager
async def listening(site: Site, bus: Away | None = None):
    text = (site.folder / "toban.yaml").read_text()
    (site.folder / "streams.yaml").write_text(text + "redfish_events: {by: stream}\n")
    site.bus = bus or Away(site.clock)
    streams = parts_redfish.Told(settings.load(site.folder / "streams.yaml"), site.site).streams(site.bus, site.clock)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(streams.run())
        async with asyncio.timeout(10):
            while any(one.beat is None for one in streams.sources()):
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)  # real time: the stream is found, now its line opens
        try:
            yield streams
        finally:
            task.cancel()


def test_what_happens_to_a_blade_is_heard_at_once(here) -> None:  # noqa: F811
    async def go():
        async with listening(here) as streams:
            here.world.faults.apply("bmc-health:Critical", "chassis1/2")
            await here.until(1)
            here.world.faults.apply("blade-power-lost", "chassis1/1")
            return await here.until(2), streams.sources()

    events, sources = asyncio.run(go())
    assert [(event.type, event.subject, event.source) for event in events] == [
        ("blade.health.critical", "machine:chassis1/2", "redfish/chassis1/2"),
        ("bmc.power.off", "machine:chassis1/1", "redfish/chassis1/1"),
    ]
    assert [(one.name, one.blind, one.gaps) for one in sources] == [
        ("redfish:chassis1/1", None, 0),
        ("redfish:chassis1/2", None, 0),
    ]


def test_after_a_break_it_goes_on_where_it_stopped_and_nothing_is_lost(here) -> None:  # noqa: F811
    async def go():
        async with listening(here) as streams:
            service = here.world.bmcs["chassis1/1"].events
            service.tell("ResourceStatusChangedOK", "before")
            await here.until(1)
            here.world.faults.apply("bmc-dead", "chassis1/1")
            async with asyncio.timeout(15):
                while streams.sources()[0].blind is None:
                    await asyncio.sleep(0.05)
            for number in range(3):
                service.tell("ResourceStatusChangedWarning", f"meanwhile {number}")
            here.world.faults.apply("bmc-restored", "chassis1/1")
            return await here.until(4), streams.sources()[0]

    events, source = asyncio.run(go())
    assert [event.data["text"] for event in events] == ["before", "meanwhile 0", "meanwhile 1", "meanwhile 2"]
    assert (source.blind, source.gaps) == (None, 0)


def test_what_happens_between_two_lives_is_heard_by_the_second_and_nothing_is_told_twice(here) -> None:  # noqa: F811
    service = here.world.bmcs["chassis1/1"].events

    async def go():
        async with listening(here):
            service.tell("ResourceStatusChangedOK", "first life")
            await here.until(1)
        for number in range(3):
            service.tell("ResourceStatusChangedWarning", f"between {number}")
        async with listening(here, here.bus) as streams:
            await here.until(4)
            service.tell("ResourceStatusChangedOK", "second life")
            return await here.until(5), streams.sources()[0]

    events, source = asyncio.run(go())
    told = ["first life", "between 0", "between 1", "between 2", "second life"]
    assert [event.data["text"] for event in events] == told
    assert (source.note, source.gaps, source.drops) == (None, 0, {})


def test_a_controller_that_had_not_kept_so_many_is_named_and_what_it_kept_is_stored(here) -> None:  # noqa: F811
    service = here.world.bmcs["chassis1/1"].events

    async def go():
        async with listening(here):
            service.tell("ResourceStatusChangedOK", "first life")
            await here.until(1)
        for number in range(150):
            service.tell("ResourceStatusChangedWarning", f"between {number}")
        async with listening(here, here.bus) as streams:
            return await here.until(102), streams.sources()[0]

    events, source = asyncio.run(go())
    assert events[1].data["message_id"] == "Base.1.13.0.EventBufferExceeded"
    assert [event.data["text"] for event in events[2:]] == [f"between {number}" for number in range(50, 150)]
    assert "could not tell again what happened after" in source.note
    assert source.note.endswith("it had not kept so many")
    assert (source.drops, source.gaps) == ({"not-replayed": 1}, 50)
    assert source.blind is None, "it is heard again"


def test_a_controller_that_was_reset_meanwhile_cannot_tell_again_and_is_followed_on(here) -> None:  # noqa: F811
    service = here.world.bmcs["chassis1/1"].events

    async def go():
        async with listening(here):
            for number in range(3):
                service.tell("ResourceStatusChangedOK", f"first life {number}")
            await here.until(3)
        service.forget()
        service.tell("ResourceStatusChangedWarning", "after the reset")
        async with listening(here, here.bus) as streams:
            return await here.until(5), streams.sources()[0]

    events, source = asyncio.run(go())
    assert events[-1].data["text"] == "after the reset"
    assert source.drops == {"not-replayed": 1}


# a controller in a value --------------------------------------------------------------------------------------------


class Spoken:
    """A controller that says this at each opening: (id, number) pairs; or refuses to go on."""

    def __init__(self, *openings: list[tuple[str, int]] | PositionRefused) -> None:
        self.openings, self.asked, self.kept = list(openings), [], b""

    async def open(self, _url: str, last: str) -> AsyncGenerator[Streamed, None]:
        self.asked.append(last)
        if not self.openings:
            await asyncio.Event().wait()
        said = self.openings.pop(0)
        if isinstance(said, PositionRefused):
            raise said
        for name, number in said:
            record = {"EventId": str(number), "MessageId": "ResourceEvent.1.3.ResourceChanged", "Message": f"n{number}"}
            yield Streamed(name, orjson.dumps({"Events": [record]}))

    async def load(self) -> bytes:
        return self.kept

    async def save(self, body: bytes) -> None:
        self.kept = body

    def heard(self) -> Source:
        """As a source, after all of it."""
        clock = HandClock(NOW)
        controller = Controller("chassis1/1", {"1": "machine:chassis1/1"}, "chassis:chassis1")
        line = Line(controller, lambda: "https://192.0.2.1/sse", self.open, Memory(self.load, self.save))
        words = catalogue.shipped()
        streams = Streams((line,), messages.load(words, ()), words, MemoryBus(clock), clock)

        async def go() -> Source:
            async with asyncio.TaskGroup() as tasks:
                task = tasks.create_task(streams.run())
                async with asyncio.timeout(10):
                    while self.openings or streams.sources()[0].beat is None:
                        clock.turn(1)
                        await asyncio.sleep(0.01)
                task.cancel()
            return streams.sources()[0]

        return asyncio.run(go())


def test_a_position_that_is_refused_is_said_and_given_up_and_the_line_opened_without_it() -> None:
    controller = Spoken([("7", 7)], PositionRefused("no such event"), [("3", 3)])
    source = controller.heard()
    assert controller.asked == ["", "7", "", "3"]
    assert source.note is not None
    assert source.note.endswith("it does not know that event any more")
    assert source.drops == {"not-replayed": 1}
    assert resuming.read(controller.kept).id == "3"


def test_events_without_ids_cannot_be_asked_for_again_and_each_break_says_so() -> None:
    source = Spoken([("", 1)], [("", 2)]).heard()
    assert source.note is not None
    assert source.note.endswith("it gives its events no ids")
    assert source.drops == {"not-replayed": 2}


@pytest.mark.parametrize(
    ("after", "why"), [([("2", 2)], "it counts its events anew"), ([("12", 12)], "4 of its numbers are missing")]
)
def test_the_first_event_after_a_break_shows_whether_some_before_it_are_lost(after, why) -> None:
    source = Spoken([("7", 7)], after).heard()
    assert source.note is not None
    assert source.note.endswith(why)


def test_a_stream_that_goes_on_where_it_stopped_has_nothing_to_say() -> None:
    source = Spoken([("7", 7)], [("8", 8), ("9", 9)]).heard()
    assert (source.note, source.drops, source.gaps) == (None, {}, 0)


def test_a_position_that_cannot_be_read_is_none() -> None:
    assert resuming.read(b"") is None
    assert resuming.read(b'{"id": 5}') is None
    position = resuming.Position(id="x", number=4, at=NOW)
    assert resuming.read(resuming.written(position)) == position


def test_while_nothing_can_be_stored_what_was_heard_waits(here) -> None:  # noqa: F811
    async def go():
        async with listening(here) as streams:
            here.bus.away = 2
            service = here.world.bmcs["chassis1/1"].events
            service.tell("ResourceStatusChangedOK", "one")
            service.tell("ResourceStatusChangedOK", "two")
            return await here.until(2), streams.sources()[0].gaps

    events, gaps = asyncio.run(go())
    assert [event.data["text"] for event in events] == ["one", "two"]
    assert gaps == 0


def test_to_post_needs_a_secret_and_an_address_and_that_is_said(here) -> None:  # noqa: F811
    file = here.folder / "push.yaml"
    file.write_text((here.folder / "toban.yaml").read_text() + "redfish_events: {by: push}\n")
    with pytest.raises(ConfigurationError, match="push needs secret_file and destination"):
        settings.load(file)
