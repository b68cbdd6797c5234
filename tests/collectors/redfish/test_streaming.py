"""Redfish events over streams of the simulated controllers: heard at once, and after a break from where it stopped."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from engine.model.errors import ConfigurationError
from tests.away import Away
from tests.collectors.redfish.test_subscribing import Site, here  # noqa: F401  the simulated site, as a fixture
from toban import parts_redfish, settings


@asynccontextmanager
async def listening(site: Site):
    text = (site.folder / "toban.yaml").read_text()
    (site.folder / "streams.yaml").write_text(text + "redfish_events: {by: stream}\n")
    site.bus = Away(site.clock)
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
