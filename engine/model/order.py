"""Order: what a person asks for by hand. It becomes a match of a policy of its own, and passes the same guards."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from engine.model import actions, ids
from engine.model.errors import Permanent
from engine.model.event import Event
from engine.model.ids import ObjectId
from engine.model.policy import Policy

REQUESTED = "order.requested"
"""The event that carries an order."""
VALID_FOR = 300.0
"""Seconds, from its storing, for which an order waits for what holds it; then it is void. The engine's clock counts."""
OVERRIDES = ("maintenance", "cooldown", "constraints")
"""What a person may set aside, with a reason: two guards, and the placement rules; never witnesses, fencing, limits or
the stop switch."""
NAME = re.compile(r"by-hand-([a-z-]+)-[0-9a-f]{8}")


class Asked(BaseModel):
    """One step of an order: a verb of a policy, and what it is told beside the object."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verb: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)


class Order(BaseModel):
    """Who asks for what, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: ObjectId
    steps: tuple[Asked, ...] = Field(min_length=1, max_length=8)
    by: str = Field(min_length=1, max_length=200)
    why: str = Field(default="", max_length=2000)
    overrides: tuple[str, ...] = ()


def requested(order: Order, now: datetime, nonce: str) -> Event:
    """The event that carries the order; the nonce tells it from the same order given again."""
    return Event(
        id=ids.content_hash([REQUESTED, order.model_dump_json(), nonce]),
        type=REQUESTED,
        source="toban/cli",
        subject=order.about,
        time=now,
        data={"order": order.model_dump(mode="json"), "by": order.by, "why": order.why, "text": words(order)},
    )


def words(order: Order) -> str:
    """The order as one line."""
    steps = ", then ".join(step.verb for step in order.steps)
    return f"{order.by} orders {steps} for {order.about}" + (f": {order.why}" if order.why else "")


def of(event: Event) -> Order:
    """The order that an event carries; raises Permanent for anything else."""
    try:
        return Order.model_validate(event.data.get("order"))
    except ValidationError as error:
        msg = f"event {event.id} carries no order that can be read"
        raise Permanent(msg) from error


def match_id(event: Event) -> str:
    """The id of the match, and of the run, that an order becomes."""
    return ids.content_hash(["by-hand", event.id])


def policy(event: Event) -> Policy:
    """The policy of an order: its steps, one after the success of the other; raises Permanent for an unknown verb."""
    order = of(event)
    return _policy(f"by-hand-{order.steps[0].verb}-{match_id(event)[:8]}", order.steps, order.about)


def named(name: str) -> Policy | None:
    """What can be told of an order's policy by its name alone: its first verb, and so what it means for safety."""
    found = NAME.fullmatch(name)
    if found is None or found.group(1) not in actions.shipped():
        return None
    return _policy(name, (Asked(verb=found.group(1)),), "")


def of_events(events: Sequence[Event]) -> Policy | None:
    """The policy of the order that opened a match; None where no order did."""
    return policy(events[0]) if events and events[0].type == REQUESTED else None


def _policy(name: str, steps: Sequence[Asked], about: str) -> Policy:
    done = [_step(number, step, about) for number, step in enumerate(steps, start=1)]
    title = " + ".join(step.verb for step in steps)
    try:
        return Policy.model_validate(
            {
                "apiVersion": "toban/v1",
                "kind": "Policy",
                "metadata": {"name": name, "title": {"en": f"By hand: {title}", "ja": f"手動操作: {title}"}},
                "spec": {"mode": "automatic", "priority": 90, "when": {"event": REQUESTED}, "do": done, "late": "fire"},
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        msg = f"this order cannot be carried out: {first['msg']}"
        raise Permanent(msg) from error


def _step(number: int, step: Asked, about: str) -> dict[str, object]:
    action = actions.shipped().get(step.verb)
    if action is None:
        msg = f"there is no act {step.verb!r}; there are {', '.join(sorted(actions.shipped()))}"
        raise Permanent(msg)
    return {"id": f"step-{number}", step.verb: {**_references(action, about), **step.parameters}}


def _references(action: actions.Action, about: str) -> Mapping[str, str]:
    """Each object that the act needs: the one that the order is about, or the one that this hangs on."""
    kind = about.partition(":")[0]
    found = {}
    for name, parameter in action.parameters.items():
        words_of_it = parameter.words
        if parameter.type == "reference" and parameter.needed and words_of_it:
            found[name] = f"${kind}" if f"${kind}" in words_of_it else words_of_it[0]
    return found
