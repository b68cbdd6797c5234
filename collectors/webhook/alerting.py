"""Alertmanager's webhook, version 4 -> events: pure. One alert that begins is one event, its end another.

Source of the format: Prometheus documentation, "Alerting: configuration", section webhook_config.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from collectors.snmp.origins import Origins
from collectors.webhook import posted, rules
from collectors.webhook.posted import Posted, Told
from collectors.webhook.rules import Rules
from engine.model.catalogue import Catalogue
from engine.model.event import Event, Severity
from engine.model.ids import Kind, content_hash, object_id

SEVERITIES: Mapping[str, Severity] = {
    "info": Severity.INFO,
    "none": Severity.INFO,
    "warning": Severity.WARNING,
    "error": Severity.CRITICAL,
    "critical": Severity.CRITICAL,
    "page": Severity.CRITICAL,
    "emergency": Severity.FATAL,
}
"""Customary values of the label `severity`; another one counts as warning, never as nothing."""
LIMIT_LABELS = 64


class _Open(BaseModel):
    """Fields that later versions add are no mistake."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Alert(_Open):
    """One alert of a group."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str] = Field(max_length=LIMIT_LABELS)
    annotations: dict[str, str] = Field(default_factory=dict, max_length=LIMIT_LABELS)
    starts: AwareDatetime = Field(alias="startsAt")
    ends: AwareDatetime | None = Field(default=None, alias="endsAt")
    fingerprint: str = Field(default="", max_length=128)
    """Of the label set; senders that only imitate the format leave it out."""


class Group(_Open):
    """What one request carries."""

    version: Literal["4"]
    alerts: tuple[Alert, ...] = Field(max_length=posted.LIMIT_EVENTS)
    truncated: int = Field(default=0, ge=0, alias="truncatedAlerts")


@dataclass(frozen=True, slots=True)
class Alerts:
    """Reads what an Alertmanager posts."""

    known: Rules
    origins: Origins
    catalogue: Catalogue

    def __call__(self, message: Posted) -> tuple[Told, ...]:
        """The alerts as events; raises Refused for anything that is not version 4 of the format."""
        try:
            group = Group.model_validate_json(message.body)
        except (ValidationError, RecursionError) as error:
            raise posted.unreadable(f"not an Alertmanager message of version 4: {_why(error)}") from error
        return tuple(Told(self._event(alert, message)) for alert in group.alerts)

    def _event(self, alert: Alert, message: Posted) -> Event:
        entry = rules.chosen(self.known.alerts, alert.labels)
        subject = rules.subject_of(entry, alert.labels, self.origins)
        firing = alert.status == "firing"
        if entry is not None:
            kind = entry.type if firing else rules.ended(entry, self.catalogue)
        else:
            kind = rules.FIRING if firing else rules.RESOLVED
        known = self.catalogue.get(kind)
        said = SEVERITIES.get(alert.labels.get("severity", "warning").lower(), Severity.WARNING)
        severity = said if kind == rules.FIRING or known is None else known.severity
        whose = alert.fingerprint or content_hash(f"{name}={value}" for name, value in sorted(alert.labels.items()))
        return Event(
            id=content_hash(("alert", message.client, whose, alert.status, alert.starts.isoformat())),
            type=kind,
            source=f"webhook/{message.client}",
            subject=subject or object_id(Kind.SENDER, message.client),
            time=_when(alert, message.at),
            severity=severity,
            data=_data(alert, subject),
        )


def _when(alert: Alert, at: datetime) -> datetime:
    if alert.status == "firing":
        return alert.starts
    return alert.ends if alert.ends is not None and alert.ends >= alert.starts else at


def _data(alert: Alert, subject: str | None) -> dict[str, JsonValue]:
    labels = alert.labels
    said = {
        "alertname": labels.get("alertname", ""),
        "vendor_severity": labels.get("severity", ""),
        "instance": labels.get("instance", ""),
        "job": labels.get("job", ""),
        "part": labels.get("sensor") or labels.get("device") or labels.get("name", ""),
        "text": alert.annotations.get("summary") or alert.annotations.get("description", ""),
    }
    original = {"labels": labels, "annotations": alert.annotations}
    return {
        **{name: posted.line(text) for name, text in said.items() if text},
        "unresolved": subject is None,
        "raw": orjson.dumps(original).decode()[: posted.LIMIT_RAW],
    }


def _why(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return "nested too deeply"
    first = error.errors(include_context=False, include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return posted.line(f"{where}: {first['msg']}" if where else first["msg"])
