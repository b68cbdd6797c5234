"""Alertmanager's message becomes events: which, about whom, once; and nobody outside testifies or orders."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import outside
from collectors.webhook import rules
from collectors.webhook.posted import Posted, Refused
from engine.bus import codec
from engine.model.errors import ConfigurationError
from engine.model.event import Severity
from tests.collectors.webhook.place import ALERTS, ENVELOPES, NOW, WORDS, alert, group


def read(body: bytes, reader=ALERTS, **headers):
    return [told.event for told in reader(Posted("alertmanager", headers, body, NOW))]


@pytest.mark.parametrize(
    ("labels", "kind", "subject"),
    [
        ({}, "thermal.critical", "host:esx1"),
        ({"instance": "esx1"}, "thermal.critical", "host:esx1"),
        ({"host": "esx2"}, "thermal.critical", "host:esx2"),
        ({"vm": "VM-01"}, "thermal.critical", "vm:VM-01"),
        ({"instance": "192.0.2.11:9290"}, "thermal.critical", "machine:chassis1/1"),
        ({"instance": "192.0.2.1"}, "thermal.critical", "chassis:chassis1"),
        ({"alertname": "IPMIHighTemperature", "instance": "192.0.2.11:9290"}, "thermal.critical", "machine:chassis1/1"),
        (
            {"alertname": "IPMIHighTemperature", "severity": "warning", "instance": "192.0.2.11"},
            "thermal.warning",
            "machine:chassis1/1",
        ),
        ({"alertname": "ShopIsSlow", "instance": "shop:443"}, "alert.firing", "sender:alertmanager"),
        ({"alertname": "HostDown"}, "alert.firing", "host:esx1"),
        ({"instance": "esx1.elsewhere.example:9100"}, "thermal.critical", "sender:alertmanager"),
    ],
)
def test_an_alert_is_the_event_that_the_map_says_about_the_object_that_its_labels_name(labels, kind, subject) -> None:
    (event,) = read(group(alert(**labels)))
    assert (event.type, event.subject) == (kind, subject)
    assert event.data["unresolved"] is (subject == "sender:alertmanager")
    assert codec.parse(codec.encode(event)) == event


def test_its_end_is_the_catalogues_recovery_and_another_event() -> None:
    begun, over = read(group(alert(), alert("resolved")))
    assert (begun.type, over.type) == ("thermal.critical", "thermal.ok")
    assert begun.id != over.id
    assert over.time.isoformat() == "2026-11-25T02:10:00+00:00"


def test_an_alert_that_no_map_names_ends_as_resolved_and_keeps_its_own_severity() -> None:
    one = {"alertname": "ShopIsSlow", "severity": "page"}
    begun, over = read(group(alert(**one), alert("resolved", **one)))
    assert (begun.type, begun.severity) == ("alert.firing", Severity.CRITICAL)
    assert (over.type, over.severity) == ("alert.resolved", Severity.INFO)


def test_the_same_alert_sent_again_is_the_same_event_and_a_new_one_of_the_same_kind_is_not() -> None:
    again = {**alert(), "annotations": {"summary": "still too hot"}}
    later = {**alert(), "startsAt": "2026-11-25T03:00:00Z"}
    first, second, third = read(group(alert(), again, later))
    assert first.id == second.id
    assert first.id != third.id


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (b"", "not an Alertmanager message"),
        (b"[]", "not an Alertmanager message"),
        (group(alert()).replace(b'"version": "4"', b'"version": "3"'), "version"),
        (group({**alert(), "status": "maybe"}), "alerts.0.status"),
        (group({**alert(), "labels": {str(n): "x" for n in range(65)}}), "alerts.0.labels"),
        (group(*[alert()] * 1001), "alerts"),
        (b"[" * 100_000, "not an Alertmanager message"),
    ],
)
def test_what_is_no_message_of_that_format_is_refused_with_the_place(change, said) -> None:
    with pytest.raises(Refused, match="not an Alertmanager message") as refusal:
        read(change)
    assert said in str(refusal.value)
    assert refusal.value.status == 400


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=400), max_size=8), st.text(max_size=300))
def test_whatever_labels_say_the_event_can_be_stored_and_shown_on_one_line(labels, summary) -> None:
    one = {**alert(), "annotations": {"summary": summary}}
    one["labels"] = labels
    (event,) = read(json.dumps({"version": "4", "alerts": [one]}).encode())
    codec.encode(event)
    assert all(str(value).isprintable() for name, value in event.data.items() if name != "raw")


@given(st.binary(max_size=300), st.sampled_from(["application/cloudevents+json", "application/json", ""]))
def test_no_octets_make_a_reader_raise_anything_but_a_refusal(body, kind) -> None:
    for reader in (ALERTS, ENVELOPES):
        try:
            read(body, reader, **{"content-type": kind, "ce-id": "1", "ce-type": "a", "ce-source": "b"})
        except Refused as refusal:
            assert refusal.status == 400


@pytest.mark.parametrize("kind", ["host.unreachable", "order.requested", "inventory.host", "toban.page", "no.such"])
def test_a_map_that_lets_a_stranger_testify_order_or_draw_the_picture_is_refused_at_its_line(tmp_path, kind) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text(f"title: ours\nalerts:\n  - match: {{alertname: HostDown}}\n    type: {kind}\n")
    with pytest.raises(ConfigurationError, match=r"alerts\.yaml:4:\d+: event type"):
        rules.load(WORDS, [file])


def test_no_type_that_testifies_may_come_from_outside() -> None:
    testifying = [name for name, entry in WORDS.types.items() if entry.tells is not None]
    assert testifying
    assert all(outside.objection(WORDS, name) is not None for name in testifying)


def test_a_sites_map_comes_before_the_shipped_one(tmp_path) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text(
        "title: ours\nalerts:\n  - match: {alertname: Host*}\n    type: blade.health.warning\n"
        "    about: [{kind: host, label: instance, strip: '.lan:9100'}]\n"
    )
    ours = rules.load(WORDS, [file])
    entry = rules.chosen(ours.alerts, {"alertname": "HostNodeOvertemperatureAlarm"})
    assert entry is not None
    assert entry.type == "blade.health.warning"
    assert rules.subject_of(entry, {"instance": "esx2.lan:9100"}, ALERTS.origins) == "host:esx2"
