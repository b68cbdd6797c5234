"""How a command finds the bus: the settings' own server, or the embedded one of a running `toban run`."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from engine.bus import jetstream
from engine.bus.port import Bus
from engine.clock import Clock
from engine.guard.control import Control
from engine.model.errors import ConfigurationError
from toban import settings as config
from toban.settings import Settings

Order = Callable[[Control], Awaitable[None]]


class Address(BaseModel):
    """Where a broker listens and how to log in there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    user: str | None = None
    password: str | None = None
    ca_file: str | None = None


def address_file(settings: Settings) -> Path:
    """Where a running `toban run --embedded` writes the address of its broker, mode 0600."""
    return settings.store / "bus.json"


def write_address(settings: Settings, address: Address) -> None:
    """Tell other commands on this machine; only the owner can read it."""
    path = address_file(settings)
    path.touch(mode=0o600)
    path.write_bytes(orjson.dumps(address.model_dump()))


def address(settings: Settings) -> Address:
    """The broker to use; raises `ConfigurationError` if there is none."""
    if settings.bus.url is not None:
        _check(settings.bus.url)
        password = config.secret(settings.bus.password_file) if settings.bus.password_file else None
        ca_file = str(settings.bus.ca_file) if settings.bus.ca_file else None
        return Address(url=settings.bus.url, user=settings.bus.user, password=password, ca_file=ca_file)
    path = address_file(settings)
    try:
        return Address.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        msg = f"no Toban is on duty on {settings.store}; start one with: toban run --config toban.yaml --embedded"
        raise ConfigurationError(msg) from error
    except (OSError, ValidationError) as error:
        msg = f"{path} cannot be used; remove it and start toban run again"
        raise ConfigurationError(msg) from error


def _check(url: str) -> None:
    """An address and no more: a secret in it would be shown wherever the address is."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("nats", "tls") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, usable = urlsplit(""), False
    if parts.username is not None or parts.password is not None:
        msg = "bus.url: no user or password belongs into the address; write bus.user and bus.password_file"
        raise ConfigurationError(msg)
    if not usable:
        msg = f"bus.url {url!r} is no address of a NATS server; write for example nats://192.0.2.1:4222"
        raise ConfigurationError(msg)


@asynccontextmanager
async def bus(settings: Settings, clock: Clock, *, name: str) -> AsyncIterator[Bus]:
    """A connection to the broker. Raises `ConfigurationError` or `Transient` with one sentence."""
    where = address(settings)
    async with jetstream.connect(
        where.url, clock=clock, name=name, user=where.user, password=where.password, ca_file=where.ca_file
    ) as connected:
        yield connected
