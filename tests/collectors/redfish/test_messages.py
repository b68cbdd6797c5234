"""Redfish messages become events: which, about which blade, once; and no more than a controller may say."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.redfish import messages, posting
from collectors.redfish.messages import Controller
from collectors.redfish.posting import RedfishEvents
from collectors.webhook.posted import Posted, Refused
from engine.bus import codec
from engine.model.catalogue import shipped
from engine.model.errors import ConfigurationError
from tests.collectors.webhook.place import NOW

WORDS = shipped()
KNOWN = messages.load(WORDS, ())
ONE = Controller("chassis1/1", {"1": "machine:chassis1/1"}, "chassis:chassis1")
MANAGER = Controller("chassis1/1", {"Blade1": "machine:chassis1/1", "Blade2": "machine:chassis1/2"}, "chassis:chassis1")
CONTEXT = posting.word("a secret of this site", "chassis1/1")


def record(message_id: str = "ResourceEvent.1.3.ResourceStatusChangedCritical", **fields: object) -> dict:
    return {"EventId": "7", "MessageId": message_id, "EventTimestamp": "2026-11-25T01:59:00+00:00", **fields}


def payload(*records: dict, context: str = CONTEXT) -> bytes:
    return json.dumps({"@odata.type": "#Event.v1_7_0.Event", "Context": context, "Events": list(records)}).encode()


def read(body: bytes, controller: Controller = ONE):
    return RedfishEvents(controller, CONTEXT, KNOWN, WORDS)(Posted("x", {}, body, NOW))


@pytest.mark.parametrize(
    ("message_id", "kind"),
    [
        ("ResourceEvent.1.3.ResourceStatusChangedCritical", "blade.health.critical"),
        ("ResourceEvent.1.0.3.ResourceStatusChangedOK", "blade.health.ok"),
        ("ResourceEvent.ResourceStatusChangedWarning", "blade.health.warning"),
        ("ResourceEvent.1.3.ResourcePoweredOff", "bmc.power.off"),
        ("Environmental.1.0.FanFailed", "fan.failed"),
        ("StorageDevice.1.1.DriveFailure", "disk.failed"),
        ("Oem.1.0.DriveFailure", "redfish.received"),
        ("nonsense", "redfish.received"),
    ],
)
def test_a_message_is_the_event_of_its_registry_and_key_whatever_the_version(message_id, kind) -> None:
    (told,) = read(payload(record(message_id)))
    assert (told.event.type, told.event.subject) == (kind, "machine:chassis1/1")
    assert told.event.data["message_id"] == message_id
    assert codec.parse(codec.encode(told.event)) == told.event


@pytest.mark.parametrize(
    ("origin", "subject"),
    [
        ({"@odata.id": "/redfish/v1/Systems/Blade2"}, "machine:chassis1/2"),
        ({"@odata.id": "/redfish/v1/Systems/Blade1/Storage/1/Drives/0"}, "machine:chassis1/1"),
        ("/redfish/v1/Systems/Blade2#/Status", "machine:chassis1/2"),
        ({"@odata.id": "/redfish/v1/Systems/Blade9"}, "chassis:chassis1"),
        ({"@odata.id": "/redfish/v1/Chassis/Enclosure/Thermal"}, "chassis:chassis1"),
        (None, "chassis:chassis1"),
        ([1], "chassis:chassis1"),
    ],
)
def test_a_chassis_manager_speaks_about_the_blade_that_the_origin_names(origin, subject) -> None:
    (told,) = read(payload(record(OriginOfCondition=origin)), MANAGER)
    assert told.event.subject == subject


def test_the_same_message_posted_again_is_the_same_event_and_its_number_is_counted() -> None:
    first, again, other = read(payload(record(), record(), record(EventId="8")))
    assert first.event.id == again.event.id != other.event.id
    assert first.counted == ("chassis1/1", 7)
    assert read(payload(record(EventId="{A-GUID}")))[0].counted is None


@pytest.mark.parametrize("stamp", ["", "yesterday", "2026-11-25T01:59:00", "0", "99999999999"])
def test_a_controller_without_a_usable_clock_spoke_when_it_was_heard(stamp) -> None:
    assert read(payload(record(EventTimestamp=stamp)))[0].event.time == NOW


@pytest.mark.parametrize("number", ["9" * 30, "-" + "9" * 400, "1e999"])
def test_a_number_of_any_size_is_a_number(number) -> None:
    body = payload(record(MessageArgs=["NUMBER"], OriginOfCondition={"x": "NUMBER"})).replace(
        b'"NUMBER"', number.encode()
    )
    (told,) = read(body)
    assert codec.parse(codec.encode(told.event)) == told.event


@pytest.mark.parametrize("stamp", ["inf", "nan", "1e400", "-1e30", "9" * 40 + ".5", "0001-01-01T00:00:00+14:00"])
def test_no_time_that_a_controller_names_makes_an_event_that_cannot_be_stored(stamp) -> None:
    (told,) = read(payload(record(EventTimestamp=stamp)))
    assert codec.parse(codec.encode(told.event)) == told.event


@pytest.mark.parametrize("context", ["", "guess", posting.word("a secret of this site", "chassis1/2"), "あ"])
def test_only_the_word_that_this_controller_was_given_opens(context) -> None:
    with pytest.raises(Refused) as refusal:
        read(payload(record(), context=context))
    assert (refusal.value.status, refusal.value.reason) == (401, "token")


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=9).map(
    lambda value: json.dumps({"Context": CONTEXT, "Events": value}).encode()
))  # fmt: skip
def test_no_octets_make_it_raise_anything_but_a_refusal(body) -> None:
    with pytest.raises(Refused):
        read(body)


@given(
    st.dictionaries(
        st.sampled_from(["Message", "Severity", "MemberId", "EventId", "EventTimestamp"]), st.text(max_size=300)
    )
)
def test_whatever_a_controller_says_is_one_bounded_event(fields) -> None:
    try:
        (told,) = read(payload({**record(), **fields}))
    except Refused:
        return
    codec.encode(told.event)
    assert all(str(value).isprintable() for name, value in told.event.data.items() if name != "raw")


@pytest.mark.parametrize(
    "kind", ["host.unreachable", "blade.power.lost", "order.requested", "inventory.host", "no.such"]
)
def test_a_map_that_lets_a_controller_speak_as_another_witness_is_refused_at_its_line(tmp_path, kind) -> None:
    file = tmp_path / "messages.yaml"
    file.write_text(f"title: ours\nmessages:\n  Oem.X: {kind}\n")
    with pytest.raises(ConfigurationError, match=r"messages\.yaml:3:\d+: event type"):
        messages.load(WORDS, [file])


def test_a_sites_map_comes_over_the_shipped_one(tmp_path) -> None:
    file = tmp_path / "messages.yaml"
    file.write_text("title: ours\nmessages:\n  Environmental.FanFailed: fan.warning\n  iLOEvents.X: psu.failed\n")
    ours = messages.load(WORDS, [file])
    assert (ours["Environmental.FanFailed"], ours["iLOEvents.X"]) == ("fan.warning", "psu.failed")
