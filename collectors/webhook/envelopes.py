"""CloudEvents 1.0 over HTTP -> events: binary, structured and batch, read by the CloudEvents SDK; then mapped, pure.

Source of the three modes: CloudEvents HTTP protocol binding 1.0.2, section 3. The SDK invents an id and a time where
they are missing; a message without an id is refused here, since it could not be recognised when it comes again.
"""

from collections.abc import Callable
from dataclasses import dataclass

import orjson
from cloudevents.core.bindings import http
from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from pydantic import JsonValue, ValidationError

from collectors import outside
from collectors.snmp.origins import Origins
from collectors.webhook import posted, rules
from collectors.webhook.posted import Posted, Told
from collectors.webhook.rulefile import Entry
from collectors.webhook.rules import Rules
from engine.model.catalogue import Catalogue
from engine.model.event import Event, Severity
from engine.model.ids import Kind, content_hash, kind_of, object_id

BATCH, STRUCTURED = "application/cloudevents-batch+json", "application/cloudevents+json"
UNDATED = "time"
Envelope = tuple[CloudEvent, bool]
"""An event, and whether its sender said when it happened."""


@dataclass(frozen=True, slots=True)
class CloudEvents:
    """Reads what any sender of CloudEvents posts."""

    known: Rules
    origins: Origins
    catalogue: Catalogue

    def __call__(self, message: Posted) -> tuple[Told, ...]:
        """The message as events; raises Refused for anything that is not CloudEvents 1.0."""
        try:
            return tuple(self._told(one, dated, message) for one, dated in _envelopes(message))
        except BaseCloudEventException as error:
            raise posted.unreadable(f"not CloudEvents 1.0: {posted.line(error)}") from error
        except (ValidationError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            # what a hostile document makes of the library's assumptions
            raise posted.unreadable(f"not CloudEvents 1.0: {posted.line(_first(error))}") from error

    def _told(self, one: CloudEvent, dated: bool, message: Posted) -> Told:
        words = {name: str(value) for name, value in one.get_attributes().items() if isinstance(value, str)}
        entry = rules.chosen(self.known.cloudevents, words)
        kind = self._kind(entry, one.get_type())
        subject = self._subject(entry, words, one)
        entry_of_type = self.catalogue.get(kind)
        event = Event(
            id=content_hash(("cloudevent", message.client, one.get_source(), one.get_id())),
            type=kind,
            source=f"webhook/{message.client}",
            subject=subject or object_id(Kind.SENDER, message.client),
            time=(one.get_time() if dated else None) or message.at,
            severity=entry_of_type.severity if entry_of_type is not None else Severity.INFO,
            data=self._data(one, kind, subject),
            synthetic=str(one.get_extension("synthetic")).lower() == "true",
        )
        number = str(one.get_extension("sequence") or "")
        counts = number.isascii() and number.isdigit() and len(number) < 16
        return Told(event, (content_hash((message.client, one.get_source())), int(number)) if counts else None)

    def _kind(self, entry: Entry | None, said: str) -> str:
        """As the map has it; a type of the catalogue that may come from outside as it is; else received, no more."""
        if entry is not None:
            return entry.type
        return said if outside.objection(self.catalogue, said) is None else rules.RECEIVED

    def _subject(self, entry: Entry | None, words: dict[str, str], one: CloudEvent) -> str | None:
        found = rules.subject_of(entry, words, self.origins)
        said = one.get_subject() or ""
        if found is None and kind_of(said) in (Kind.HOST, Kind.MACHINE, Kind.CHASSIS):
            found = said if said in self.origins.objects else None
        if found is None and kind_of(said) is Kind.VM and posted.line(said) == said:
            found = said
        return found

    def _data(self, one: CloudEvent, kind: str, subject: str | None) -> dict[str, JsonValue]:
        given = one.get_data()
        entry = self.catalogue.get(kind)
        fields = entry.fields if entry is not None else {}
        said: dict[str, JsonValue] = {}
        if isinstance(given, dict):
            said = {name: value for name, value in given.items() if name in fields and _plain(value)}
        shown = given.decode("utf-8", "replace") if isinstance(given, bytes) else given
        text = shown if isinstance(shown, str) else orjson.dumps(shown).decode()
        own = {"ce_type": one.get_type(), "ce_source": one.get_source(), "ce_subject": one.get_subject() or ""}
        return {
            **({"text": posted.line(text)} if given is not None else {}),
            **{name: posted.line(value) if isinstance(value, str) else value for name, value in said.items()},
            **{name: posted.line(value) for name, value in own.items()},
            "unresolved": subject is None,
            "raw": text[: posted.LIMIT_RAW],
        }


def _plain(value: object) -> bool:
    return isinstance(value, str | bool | int | float)


def _envelopes(message: Posted) -> list[Envelope]:
    kind = message.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == BATCH:
        batch = orjson.loads(message.body)
        if not isinstance(batch, list) or len(batch) > posted.LIMIT_EVENTS:
            raise posted.unreadable(f"a batch is a JSON list of at most {posted.LIMIT_EVENTS} events")
        return [_structured(orjson.dumps(one)) for one in batch]
    if kind == STRUCTURED:
        return [_structured(message.body)]
    if "ce-id" not in message.headers:
        raise posted.unreadable("a CloudEvent in binary mode has the header ce-id; the other modes have a content type")
    dated = "ce-time" in message.headers
    return [_made(lambda: http.from_binary(_message(message), JSONFormat(), CloudEvent), dated=dated)]


def _structured(body: bytes) -> Envelope:
    found = orjson.loads(body)
    if not isinstance(found, dict) or not isinstance(found.get("id"), str):
        raise posted.unreadable("a CloudEvent is a JSON object with an id")
    dated = isinstance(found.get(UNDATED), str)
    return _made(lambda: JSONFormat().read(CloudEvent, orjson.dumps(found)), dated=dated)


def _made(read: Callable[[], object], *, dated: bool) -> Envelope:
    found = read()
    if not isinstance(found, CloudEvent):
        raise posted.unreadable("not CloudEvents 1.0")
    return found, dated


def _message(message: Posted) -> http.HTTPMessage:
    return http.HTTPMessage(headers=dict(message.headers), body=message.body)


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_context=False, include_input=False, include_url=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error) or type(error).__name__
