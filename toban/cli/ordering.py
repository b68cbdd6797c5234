"""What every order of a person carries: who, why, and an event that keeps it."""

import getpass
import os
import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from engine.clock import SystemClock
from engine.guard.control import Order
from engine.model import catalogue, ids
from engine.model.errors import ConfigurationError
from engine.model.event import Event, Severity

By = Annotated[str | None, typer.Option("--by", help="Who orders it; default: the name you are logged in as.")]
Why = Annotated[str, typer.Option("--why", help="The reason; it is shown wherever the order is, and kept.")]


def who(by: str | None, why: str) -> Order:
    """The order of whoever is at the keyboard."""
    return Order(by=by or _login(), why=why, at=SystemClock().now())


def _login() -> str:
    """The name one is logged in as; in a container a user may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def agreed(question: str) -> bool:
    """Whether the person at the terminal says yes; raises `ConfigurationError` where nobody can be asked."""
    try:
        return typer.confirm(f"{question}. Go on?", err=True)
    except typer.Abort:
        if sys.stdin.isatty():
            raise
        msg = "nobody is there to say yes, and nothing was done; give --yes to go on without being asked"
        raise ConfigurationError(msg) from None


def audited(kind: str, about: str, who: Order, text: str, more: Mapping[str, str]) -> Event:
    """What a person ordered, as an event."""
    now = SystemClock().now()
    entry = catalogue.shipped().get(kind)
    return Event(
        id=ids.content_hash([kind, about, who.by, now.isoformat()]),
        type=kind,
        source="toban/cli",
        subject=f"toban:{about}",
        time=now,
        severity=entry.severity if entry is not None else Severity.INFO,
        data={"text": text, "policy": about, "by": who.by, "why": who.why, **more},
    )
