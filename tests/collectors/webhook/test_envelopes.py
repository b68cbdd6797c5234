"""CloudEvents in all three modes, as the SDK writes them, become events; a stranger's words stay a stranger's."""

import json

import pytest
from cloudevents.core.bindings import http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from collectors.webhook.posted import Posted, Refused
from tests.collectors.webhook.place import ENVELOPES, NOW


def cloudevent(data=None, **attributes) -> CloudEvent:
    given = {"id": "1", "source": "/shop", "type": "blade.health.warning", "subject": "machine:chassis1/1"}
    return CloudEvent({**given, **attributes}, data)


def read(headers, body):
    return ENVELOPES(Posted("shop", {name.lower(): value for name, value in headers.items()}, body, NOW))


def binary(one):
    message = http.to_binary(one, JSONFormat())
    return read(message.headers, message.body)


def structured(one):
    message = http.to_structured(one, JSONFormat())
    return read(message.headers, message.body)


def batch(*several):
    body = json.dumps([json.loads(http.to_structured(one, JSONFormat()).body) for one in several]).encode()
    return read({"content-type": "application/cloudevents-batch+json; charset=utf-8"}, body)


@pytest.mark.parametrize("mode", [binary, structured, batch])
def test_an_event_of_the_catalogue_is_itself_about_a_declared_object(mode) -> None:
    (told,) = mode(cloudevent({"part": "fan 3", "slot": 1, "strange": "x"}))
    event = told.event
    assert (event.type, event.subject, event.source) == ("blade.health.warning", "machine:chassis1/1", "webhook/shop")
    assert (event.data["part"], event.data["slot"], event.data["ce_source"]) == ("fan 3", 1, "/shop")
    assert "strange" not in event.data
    assert event.data["unresolved"] is False


@pytest.mark.parametrize("mode", [binary, structured, batch])
def test_it_is_the_same_event_in_every_mode_and_when_it_comes_again(mode) -> None:
    assert mode(cloudevent())[0].event.id == binary(cloudevent())[0].event.id
    assert mode(cloudevent(id="2"))[0].event.id != binary(cloudevent())[0].event.id


@pytest.mark.parametrize("kind", ["host.unreachable", "order.requested", "inventory.vm", "toban.page", "com.example.x"])
def test_what_a_stranger_may_not_say_is_only_received(kind) -> None:
    (told,) = structured(cloudevent(type=kind))
    assert (told.event.type, told.event.data["ce_type"]) == ("cloudevent.received", kind)


@pytest.mark.parametrize("subject", ["machine:chassis9/9", "toban:policies", "host:nobody", "anything"])
def test_an_object_that_the_estate_does_not_know_is_the_sender(subject) -> None:
    (told,) = structured(cloudevent(subject=subject))
    assert told.event.subject == "sender:shop"
    assert told.event.data["unresolved"] is True


def test_a_running_number_is_counted_per_source_and_a_drill_is_marked() -> None:
    first, second = batch(cloudevent(sequence="7", synthetic="true"), cloudevent(id="2", sequence="x"))
    assert first.counted is not None
    assert first.counted[1] == 7
    assert first.event.synthetic
    assert second.counted is None


def test_without_a_time_of_its_own_it_happened_when_it_came() -> None:
    (told,) = read({"ce-id": "1", "ce-type": "a.b", "ce-source": "/s", "ce-specversion": "1.0"}, b"")
    assert told.event.time == NOW


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b"{}"),
        ({"content-type": "application/cloudevents+json"}, b'{"specversion": "1.0", "type": "a", "source": "b"}'),
        (
            {"content-type": "application/cloudevents+json"},
            b'{"specversion": "9", "type": "a", "source": "b", "id": "1"}',
        ),
        ({"content-type": "application/cloudevents+json"}, b'"text"'),
        ({"content-type": "application/cloudevents+json"}, b'{"id": "1", "time": "yesterday"}'),
        ({"content-type": "application/cloudevents-batch+json"}, b"{}"),
        ({"content-type": "application/cloudevents-batch+json"}, b"[" + b'{"id":"1"},' * 1001 + b"1]"),
        ({"ce-id": "1", "ce-time": "never", "ce-type": "a", "ce-source": "b", "ce-specversion": "1.0"}, b""),
        ({"ce-id": "1", "ce-type": "a"}, b""),
    ],
)
def test_what_is_no_cloudevent_with_an_id_is_refused(headers, body) -> None:
    with pytest.raises(Refused) as refusal:
        read(headers, body)
    assert refusal.value.status == 400
