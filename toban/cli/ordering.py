"""What every order of a person carries: who, why, and an event that keeps it."""

import getpass
from collections.abc import Mapping
from typing import Annotated

import typer

from engine.clock import SystemClock
from engine.guard.control import Order
from engine.model import catalogue, ids
from engine.model.event import Event, Severity

By = Annotated[str | None, typer.Option("--by", help="Who orders it; default: the name you are logged in as.")]
Why = Annotated[str, typer.Option("--why", help="The reason; it is shown wherever the order is, and kept.")]


def who(by: str | None, why: str) -> Order:
    """The order of whoever is at the keyboard."""
    return Order(by=by or getpass.getuser(), why=why, at=SystemClock().now())


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
