"""Subscriptions and pushed events over the wire: the simulated controllers post to the real webhook."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from collectors.redfish.subscribing import AGAIN, EVERY, REFUSED_PAUSE, Subscribed, Subscriber
from engine.bus import codec, subjects
from engine.bus.memory import MemoryBus
from engine.clients.redfish import BmcAccount
from engine.clients.redfish_events import EventBmc
from engine.clock import SystemClock
from engine.estate import loading
from engine.model.errors import ConfigurationError, Permanent
from engine.model.source import Source
from tests.actuators.test_third_party_controllers import redfish  # noqa: F401  a third party's service, as a fixture
from toban import example, parts_intake, parts_redfish, settings
from toban.simulator.datacenter import Datacenter

SECRET = "a secret of this site"


class Site:
    """A site whose two controllers post to a webhook on a port of its own."""

    def __init__(self, folder: Path, world: Datacenter) -> None:
        self.folder, self.world, self.clock = folder, world, SystemClock()
        self.bus, self.site = MemoryBus(self.clock), loading.load(folder / "estate.yaml")

    def settings(self, port: int, secret: str = SECRET) -> settings.Settings:
        (self.folder / "secrets" / "events").unlink(missing_ok=True)
        (self.folder / "secrets" / "events").write_text(secret)
        (self.folder / "secrets" / "events").chmod(0o400)
        text = (self.folder / "toban.yaml").read_text()
        more = f"""
webhook: {{bind: "127.0.0.1:{port}"}}
redfish_events: {{secret_file: secrets/events, destination: "http://127.0.0.1:{port}"}}
"""
        (self.folder / "events.yaml").write_text(text + more)
        return settings.load(self.folder / "events.yaml")

    @asynccontextmanager
    async def hearing(self, secret: str = SECRET):
        port = example.free_ports().vcenter
        chosen = self.settings(port, secret)
        told = parts_redfish.Told(chosen, self.site)
        intake = parts_intake.webhook(chosen, self.site, self.bus, self.clock, told.proven)
        subscriber = told.subscriber(intake, self.clock)
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(intake.run(ready))
            await ready.wait()
            try:
                yield subscriber
            finally:
                task.cancel()

    async def events(self):
        return [codec.decode(record).event async for record in self.bus.replay(subjects.ALL_EVENTS)]

    async def until(self, number: int):
        async with asyncio.timeout(10):
            while len(found := await self.events()) < number:
                await asyncio.sleep(0.02)
        return found

    def did(self, what: str) -> list[dict]:
        return [one for one in self.world.ledger.entries() if one["what"] == what]


@pytest.fixture
def here(tmp_path):
    example.write(tmp_path, example.free_ports(), armed=True, quick=True)
    with Datacenter(tmp_path / "estate.yaml", tmp_path / "datacenter") as world:
        yield Site(tmp_path, world)


async def look_at_all(subscriber: Subscriber) -> list[float]:
    return [await subscriber.look(one) for one in subscriber._controllers]


def test_what_happens_to_a_blade_is_told_by_its_controller_at_once(here) -> None:
    async def go():
        async with here.hearing() as subscriber:
            assert await look_at_all(subscriber) == [EVERY, EVERY]
            here.world.faults.apply("bmc-health:Critical", "chassis1/2")
            await here.until(1)
            here.world.faults.apply("blade-power-lost", "chassis1/1")
            return await here.until(2), subscriber.sources()

    events, (first, second) = asyncio.run(go())
    assert [(event.type, event.subject, event.source) for event in events] == [
        ("blade.health.critical", "machine:chassis1/2", "redfish/chassis1/2"),
        ("bmc.power.off", "machine:chassis1/1", "redfish/chassis1/1"),
    ]
    assert (first.name, first.blind, first.gaps, first.drops) == ("redfish:chassis1/1", None, 0, {})
    assert first.age is not None
    assert second.beat is not None


def test_it_subscribes_once_and_again_when_the_controller_forgot(here) -> None:
    async def go():
        async with here.hearing() as subscriber:
            for _ in range(3):
                await look_at_all(subscriber)
            once = len(here.did("bmc.subscribed"))
            here.world.bmcs["chassis1/1"].events.forget()
            await look_at_all(subscriber)
            return once, len(here.did("bmc.subscribed")), subscriber.sources()[0].drops

    assert asyncio.run(go()) == (2, 3, {"forgotten": 1})


def test_a_controller_that_does_not_answer_is_a_blind_source_and_looked_at_again_soon(here) -> None:
    async def go():
        async with here.hearing() as subscriber:
            here.world.faults.apply("bmc-dead", "chassis1/1")
            pauses = await look_at_all(subscriber)
            blind = [one.blind for one in subscriber.sources()]
            here.world.faults.apply("bmc-restored", "chassis1/1")
            return pauses, blind, await look_at_all(subscriber), subscriber.sources()[0].blind

    pauses, blind, later, after = asyncio.run(go())
    assert pauses == [AGAIN, EVERY]
    assert "no subscription: BMC https://127.0.0.1" in blind[0]
    assert (blind[1], later, after) == (None, [EVERY, EVERY], None)


def test_after_the_secret_was_changed_the_old_word_opens_nothing_and_the_subscription_is_renewed(here) -> None:
    async def go():
        async with here.hearing() as subscriber:
            await look_at_all(subscriber)
            held = here.world.bmcs["chassis1/1"].events._subscriptions
            (one,) = held.values()
            one["Context"] = "the word of another controller"
            here.world.faults.apply("bmc-health:Warning", "chassis1/1")
            async with asyncio.timeout(10):
                while not subscriber.sources()[0].drops:
                    await asyncio.sleep(0.02)
            refused = subscriber.sources()[0].drops, await here.events()
            await look_at_all(subscriber)
            (again,) = held.values()
            return refused, again["Context"]

    (drops, events), context = asyncio.run(go())
    assert "token" in drops
    assert events == []
    assert context != "the word of another controller"


def test_a_number_that_a_controller_used_and_nobody_heard_is_a_gap(here) -> None:
    async def go():
        async with here.hearing() as subscriber:
            await look_at_all(subscriber)
            service = here.world.bmcs["chassis1/1"].events
            service.tell("ResourceStatusChangedOK", "one")
            await here.until(1)
            for _ in range(3):
                next(service._numbers)
            service.tell("ResourceStatusChangedOK", "five")
            await here.until(2)
            return subscriber.sources()[0].gaps

    assert asyncio.run(go()) == 3


def test_a_third_partys_controller_without_an_event_service_says_so(redfish) -> None:  # noqa: F811
    account = BmcAccount("toban", "secret-word", redfish.settings.bmc.ca_file)
    with pytest.raises(Permanent, match="EventService"):
        EventBmc(redfish.url, redfish.system, account).stream()


@pytest.mark.parametrize("secret", ["short", ""])
def test_a_secret_that_could_be_guessed_is_refused_with_what_to_do(here, secret) -> None:
    with pytest.raises(ConfigurationError):
        parts_redfish.Told(here.settings(1, secret), here.site)


def test_without_a_webhook_nobody_would_listen_and_that_is_said(here) -> None:
    chosen = here.settings(1).model_copy(update={"webhook": None})
    with pytest.raises(ConfigurationError, match="needs the webhook"):
        parts_redfish.Told(chosen, here.site).subscriber(None, here.clock)


def test_a_controller_that_refuses_us_is_left_alone_for_half_an_hour() -> None:
    def refuses() -> bool:
        raise Permanent("BMC refused us")

    one = Subscribed("c1/1", refuses, lambda: Source(name="redfish:c1/1"))
    subscriber = Subscriber((one,), SystemClock())
    assert asyncio.run(subscriber.look(one)) == REFUSED_PAUSE
    assert subscriber.sources()[0].blind == "no subscription: BMC refused us"
