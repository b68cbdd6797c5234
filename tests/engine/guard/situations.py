"""One calm night in values: a policy that fences, its match, and a situation in which nothing speaks against it."""

from datetime import UTC, datetime, timedelta

from engine.estate.places import Places
from engine.guard import limits
from engine.guard.deeds import Deed, Deeds
from engine.guard.limits import Limits
from engine.guard.situation import Situation
from engine.model.decision import Decision, Observation
from engine.model.estate import Estate
from engine.model.event import Event
from engine.model.match import Match
from engine.model.policy import Policy
from tests.engine.worlds import site

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)

FENCING = {
    "apiVersion": "toban/v1",
    "kind": "Policy",
    "metadata": {"name": "host-down", "title": {"en": "Host down", "ja": "ホストダウン"}},
    "spec": {
        "mode": "automatic",
        "when": {"event": "host.unreachable", "for": "45s", "by": "host"},
        "witnesses": {"need": 2, "of": ["vcenter", "chassis", "bmc"], "within": "60s"},
        "unless": ["maintenance", "planned"],
        "if": "host.running_vms > 0",
        "do": [{"id": "fence", "fence": {"host": "$host"}}],
        "cooldown": "30m",
    },
}
GENTLE = {
    "witnesses": None,
    "if": None,
    "cooldown": "0s",
    "do": [{"id": "move", "migrate": {"from": "$host", "vms": 1, "to": "best"}}],
}
"""What makes it a policy that only moves VMs."""


def policy(name: str = "host-down", **spec: object) -> Policy:
    metadata = {**FENCING["metadata"], "name": name}
    return Policy.model_validate({**FENCING, "metadata": metadata, "spec": {**FENCING["spec"], **spec}})


def gentle(name: str = "host-load", **spec: object) -> Policy:
    return policy(name, **{**GENTLE, **spec})


def saw(
    witness: str, *, down: bool = True, age: float = 1, host: str = "host:esx1", proven: bool = True
) -> Observation:
    at = NOW - timedelta(seconds=age)
    return Observation(witness=witness, subject=host, down=down, at=at, says=witness, proven=proven)


def event(**data: object) -> Event:
    return Event(id="e1", type="host.unreachable", source="vcenter/vc1", subject="host:esx1", time=NOW, data=data)


def match(e: Event | None = None, at: datetime = NOW, key: str = "host:esx1") -> Match:
    return Match("m1", "host-down", key, at, at, 0.0, (e or event(),))


def deed(minutes: float, on: str = "host:esx2", by: str = "host-down", **more: object) -> Deed:
    return Deed(NOW - timedelta(minutes=minutes), by, on, **{"ungraceful": False, "finished": True, **more})


def situation(**changes: object) -> Situation:
    where, down = changes.pop("site", site()), changes.pop("hosts_down", frozenset({"host:esx1"}))
    deeds = changes.pop("deeds", ())
    calm = {
        "now": NOW,
        "places": Places(changes.pop("estate", None) or Estate(site=where)),
        "observations": (saw("vcenter"), saw("chassis")),
        "mass": limits.mass_failure(where, down, changes.get("limits", Limits())),
        "deeds": Deeds((f"run{number}", one) for number, one in enumerate(deeds)),
        "stopped": None,
        "condition": True,
    }
    return Situation(**{**calm, **changes})


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]
