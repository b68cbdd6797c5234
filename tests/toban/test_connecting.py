"""How a command or a process finds its broker, and what it says where it cannot."""

import asyncio
import io
import sys
import time
from pathlib import Path

import pytest

from engine.bus import embedded, jetstream
from engine.clock import SystemClock
from engine.model.errors import ConfigurationError
from toban import app, connecting, example, settings
from toban.cli import ordering
from toban.settings import BusSettings


def chosen(folder: Path, **bus: object):
    example.write(folder, example.free_ports(), armed=False, quick=True)
    return settings.load(folder / "toban.yaml").model_copy(update={"bus": BusSettings(**bus)})


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nats://me:sesame@192.0.2.1:4222", "bus.user and bus.password_file"),
        ("nats://sesame@192.0.2.1:4222", "bus.user and bus.password_file"),
        ("banana", "no address of a NATS server"),
        ("https://192.0.2.1", "no address of a NATS server"),
        ("nats://[::1", "no address of a NATS server"),
    ],
)
def test_an_address_that_is_none_or_holds_a_secret_is_refused_without_telling_the_secret(tmp_path, url, said) -> None:
    with pytest.raises(ConfigurationError, match=said) as found:
        connecting.address(chosen(tmp_path, url=url))
    assert "sesame" not in str(found.value)


def test_a_missing_certificate_authority_of_the_broker_is_one_sentence(tmp_path) -> None:
    async def go() -> None:
        where = str(tmp_path / "nope.pem")
        async with jetstream.connect("tls://127.0.0.1:1", clock=SystemClock(), name="t", ca_file=where):
            pass

    with pytest.raises(ConfigurationError, match=r"nope.pem of the broker; check bus.ca_file"):
        asyncio.run(go())


def test_a_connection_ends_at_once_though_nobody_read_what_it_was_handed(tmp_path) -> None:
    async def go() -> float:
        clock = SystemClock()
        async with embedded.running(tmp_path / "nats", clock=clock, most=3 * 1024**3) as server:
            async with jetstream.connect(
                server.url, clock=clock, name="t", user=server.user, password=server.password
            ) as bus:
                for number in range(40):
                    await bus.put("CONTROL", f"k{number}", b"v")
                replay = bus.replay("$KV.CONTROL.>")
                await anext(replay)
                began = time.monotonic()
            return time.monotonic() - began

    assert asyncio.run(go()) < 3.0
    assert f"max_file_store: {3 * 1024**3}" in (tmp_path / "nats" / "server.conf").read_text()


def test_a_second_process_on_one_store_is_refused_before_it_takes_anything(tmp_path) -> None:
    with (
        app._alone(tmp_path),
        pytest.raises(ConfigurationError, match="another Toban is on duty"),
        app._alone(tmp_path),
    ):
        pass
    with app._alone(tmp_path):
        pass


def test_where_nobody_can_say_yes_it_says_how_to_go_on(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(ConfigurationError, match="give --yes"):
        ordering.agreed("somebody orders something")
