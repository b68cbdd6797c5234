import json
from pathlib import Path

import pytest

from collectors.snmp import maps, origins
from collectors.snmp.deduplicating import Gaps, Repeats
from collectors.snmp.mapping import Tables
from collectors.snmp.origins import Origins
from engine.clients import snmp
from engine.model import catalogue
from engine.model.errors import ConfigurationError
from engine.model.estate import Site
from engine.model.event import Severity
from engine.model.hardware import Bmc, Chassis, Slot
from tests.collectors.snmp import traps
from tests.collectors.snmp.traps import blade, mapped, notification
from tests.engine.clients.snmp.vectors import vectors
from tests.shared_data import shared

NO_TYPE = frozenset({"watchdog.poweroff.cleared", "post.error.cleared"})
"""Recoveries of facts: the vocabulary has none."""
BLADECENTER = "1.3.6.1.4.1.2.6.158.3.1.1"


def test_the_catalogue_knows_every_type_of_the_shared_vocabulary():
    known = catalogue.shipped()
    types = json.loads(shared("traps/normalised_traps.json").read_text(encoding="utf-8"))["types"]
    for name, entry in types.items():
        assert known.get(name) is not None, name
        assert known.types[name].severity == entry["severity"], name
        assert known.types[name].recovery == entry["cleared_by"], name


def test_only_the_loss_of_a_machine_tells_that_it_is_down():
    told = {name: entry.tells for name, entry in catalogue.shipped().types.items() if entry.witness == "chassis"}
    down = {name for name, word in told.items() if word == "down"}
    assert down == {"blade.power.lost", "blade.removed", "blade.power.off", "watchdog.poweroff", "cpu.thermal.trip"}
    assert {name for name, word in told.items() if word == "up"} == {"blade.power.on"}


def test_every_built_trap_of_every_vendor_becomes_its_type():
    seen = 0
    for comment, datagram in vectors("mib_synthetic").items():
        _, _, expected = (part.strip() for part in comment.split("|"))
        found = mapped(datagram)
        if expected in NO_TYPE:
            assert found is None or found.event.type == "trap.unmapped", comment
        else:
            assert found.event.type == expected, comment
            seen += 1
    assert seen == 512


def test_a_blade_of_a_bladecenter_is_told_by_its_slot_and_another_part_by_its_chassis():
    items = [(f"{BLADECENTER}.5.0", b"ENCL-SER-1"), (f"{BLADECENTER}.7.0", 0)]
    blade_trap = notification("1.3.6.1.4.1.2.6.158.3.0.128", [*items, (f"{BLADECENTER}.15.0", b"Blade_3")])
    switch = notification("1.3.6.1.4.1.2.6.158.3.0.129", [*items, (f"{BLADECENTER}.15.0", b"IOMod_3")])
    assert (mapped(blade_trap).event.type, mapped(blade_trap).event.subject) == (
        "blade.health.critical",
        "machine:chassis1/3",
    )
    assert mapped(switch).event.subject == "chassis:chassis1"


def test_a_trap_that_leaves_its_state_out_counts_as_raised_and_an_unexplained_state_gives_no_event():
    key, serial = "1.3.6.1.4.1.2.6.158.3.0.128", (f"{BLADECENTER}.5.0", b"ENCL-SER-1")
    assert mapped(notification(key, [serial])).event.type == "blade.health.critical"
    assert mapped(notification(key, [serial, (f"{BLADECENTER}.7.0", 8)])).event.type == "blade.health.ok"
    assert mapped(notification(key, [serial, (f"{BLADECENTER}.7.0", 99)])) is None


def test_a_server_is_told_by_its_serial_number_or_by_the_address_of_its_controller():
    fan = "1.3.6.1.4.1.674.10892.5.3.2.1.0.2153"
    tag = ("1.3.6.1.4.1.674.10892.5.3.1.2.0", b"blade-ser-3")
    assert mapped(notification(fan, [tag])).event.subject in {"machine:chassis1/3", "sender:198.51.100.9"}
    assert mapped(notification("1.3.6.1.4.1.10876.100.3.0.103", [])).event.type == "fan.failed"


def test_a_vm_is_named_by_its_varbind_and_a_host_only_if_the_site_has_one_of_that_name():
    lost = notification("1.3.6.1.4.1.6876.4.1.0.3", [("1.3.6.1.4.1.6876.2.1.1.2.5", b"VM-01")])
    assert (mapped(lost).event.type, mapped(lost).event.subject) == ("vm.heartbeat.lost", "vm:VM-01")
    alert = notification("1.3.6.1.4.1.6876.4.1.0.302", [])
    assert mapped(alert).event.subject == "sender:198.51.100.9"


def test_what_every_agent_sends_is_known():
    for number, kind in ((1, "agent.restarted"), (3, "nic.link.down"), (4, "nic.link.up"), (5, "security.auth.failed")):
        assert mapped(notification(f"1.3.6.1.6.3.1.1.5.{number}", [])).event.type == kind


def test_the_maps_agree_with_the_mibs_in_names_varbinds_and_severities():
    data = json.loads(shared("traps/normalised_traps.json").read_text(encoding="utf-8"))
    words = {"enclosure_serial": "chassis_serial", "component": "part"}
    for trap in data["traps"]:
        if trap["vendor"] == "ipmi-pet":
            continue
        rule = traps.MAPS.rules[trap["oid"]]
        assert (rule.entry.name, rule.entry.vendor_severity) == (trap["name"], trap["vendor_severity"] or "none")
        clears = (trap["cleared_by"] or {}).get("type") not in NO_TYPE
        assert rule.entry.cleared_by == ((trap["cleared_by"] or {}).get("oid") if clears else None), trap["name"]
        for role, name in trap["roles"].items():
            column = rule.columns.get(words.get(role, role))
            if role in {"enclosure_serial", "sequence", "component", "vm", "host"}:
                assert column == data["varbinds"][trap["vendor"]][name]["oid"], trap["name"]


def test_a_lost_blade_is_named_by_chassis_serial_and_slot():
    event = mapped(blade(22056, 3, sequence=12)).event
    assert (event.type, event.subject, event.severity) == ("blade.power.lost", "machine:chassis1/3", Severity.FATAL)
    assert event.data["slot"] == 3
    assert event.data["chassis_serial"] == "ENCL-SER-1"
    assert event.data["vendor_severity"] == "INFORMATIONAL"
    assert event.data["trap_oid"] == "1.3.6.1.4.1.232.0.22056"
    assert event.data["unresolved"] is False


def test_without_a_serial_the_address_names_the_chassis():
    assert mapped(blade(22056, 2, serial=b""), source="192.0.2.20").event.subject == "machine:chassis1/2"


@pytest.mark.parametrize("slot", [-1, 0, 65])
def test_an_unknown_slot_names_no_machine(slot):
    event = mapped(blade(22056, slot)).event
    assert event.subject == "sender:198.51.100.9"
    assert event.data["unresolved"] is True


def test_a_strange_serial_is_not_overruled_by_a_known_address():
    event = mapped(blade(22056, 1, serial=b"OTHER"), source="192.0.2.20").event
    assert event.subject == "sender:192.0.2.20"
    assert event.data["unresolved"] is True


def test_varbinds_are_found_whatever_their_order_and_instance():
    items = [("1.3.6.1.9.9", 1), (f"{traps.SERIAL}.7.7", b"ENCL-SER-1"), (f"{traps.SLOT}.9.9.9", 5)]
    assert mapped(notification(f"{traps.C7000}.22050", items)).event.subject == "machine:chassis1/5"


def test_a_column_whose_number_only_begins_alike_is_another_column():
    items = [(f"{traps.SLOT}8.1", 5), (f"{traps.SERIAL}.1", b"ENCL-SER-1")]
    assert "slot" not in mapped(notification(f"{traps.C7000}.22050", items)).event.data


def test_an_unmapped_trap_stays_visible_with_its_varbinds():
    event = mapped(notification("1.3.6.1.4.1.99999.0.1", [("1.3.6.1.4.1.99999.1.0", b"caf\xe9")])).event
    assert (event.type, event.subject) == ("trap.unmapped", "sender:198.51.100.9")
    assert event.data["trap_oid"] == "1.3.6.1.4.1.99999.0.1"
    value = {"hex": "636166e9", "text": "caf\ufffd"}
    assert event.data["varbinds"][2] == {"oid": "1.3.6.1.4.1.99999.1.0", "value": value}


def test_a_trap_without_a_name_is_unmapped_and_lenient():
    for datagram in vectors("lenient_notifications").values():
        decoded = snmp.decode(datagram)
        if isinstance(decoded, snmp.Notification):
            event = mapped(datagram).event
            assert event.data["lenient"]
            assert (event.type == "trap.unmapped") == (decoded.key not in traps.MAPS.rules)


def test_the_community_is_not_in_the_event():
    datagram = notification("1.3.6.1.4.1.99999.0.1", community=b"sesame-opens")
    assert b"sesame-opens".hex() in datagram.hex()
    assert b"sesame-opens".hex() not in mapped(datagram).event.model_dump_json()


def test_a_proxy_is_believed_only_where_it_is_declared():
    datagram = next(item for name, item in vectors("reconstructed").items() if "r300-intrusion-as-v2c" in name)
    assert mapped(datagram, source="198.51.100.7").event.data["sender"] == "198.51.100.7"
    trusting = Tables(traps.MAPS, Origins(proxies=frozenset({"198.51.100.7"})), catalogue.shipped())
    assert mapped(datagram, source="198.51.100.7", tables=trusting).event.data["sender"] == "192.0.2.10"


def test_the_declared_site_gives_the_origins_and_shared_keys_name_nobody():
    slot = Slot(slot=3, serial="B3", uuid="4C4C4544-0000", bmc=Bmc(url="https://192.0.2.33"))
    ones = [Chassis(name=f"c{n}", vendor="x", serial=f"s{n}", address="10.0.0.1", slots=(slot,)) for n in (1, 2)]
    alone = origins.declared(Site(chassis=(ones[0],)))
    assert alone.chassis_by_serial == {"S1": "c1"}
    assert alone.chassis_by_address == {"10.0.0.1": "c1"}
    assert alone.machines_by_guid == {"4c4c4544-0000": "machine:c1/3"}
    assert alone.machines_by_address == {"192.0.2.33": "machine:c1/3"}
    both = origins.declared(Site(chassis=tuple(ones)))
    assert (both.chassis_by_address, both.machines_by_guid) == ({}, {})


def again(heard, datagram, **how):
    found = mapped(datagram, **how)
    return heard.again(found.repeat, found.event.time.timestamp())


def test_the_same_trap_within_a_minute_is_one_event_whatever_its_uptime():
    heard = Repeats()
    assert not again(heard, blade(22056))
    assert again(heard, blade(22056, uptime=900), after=30)
    assert not again(heard, blade(22056, slot=2), after=30)
    assert not again(heard, blade(22056), after=61)


def test_a_part_that_failed_again_after_a_recovery_is_news():
    heard = Repeats()
    failed, ok = f"{traps.C7000}.22008", f"{traps.C7000}.22010"
    assert [again(heard, notification(key), after=n) for n, key in enumerate((failed, ok, failed, failed))] == [
        False,
        False,
        False,
        True,
    ]
    first, third = mapped(notification(failed)), mapped(notification(failed, uptime=300), after=2)
    assert first.event.id != third.event.id


def test_a_numbered_trap_stays_a_repetition_even_after_a_recovery():
    heard = Repeats()
    assert not again(heard, blade(22056, sequence=5))
    assert not again(heard, blade(22069, sequence=6), after=1)
    assert again(heard, blade(22056, sequence=5), after=2)
    assert not again(heard, blade(22056, sequence=7), after=3)


@pytest.mark.parametrize("none", [0, -1])
def test_sequence_0_and_minus_1_mean_that_nobody_counts(none):
    assert "sequence" not in mapped(blade(22056, sequence=none)).event.data


def test_the_same_bytes_at_the_same_time_give_the_same_event():
    assert mapped(blade(22056)) == mapped(blade(22056))
    assert mapped(blade(22056)).event.id != mapped(blade(22056, slot=2)).event.id
    assert mapped(blade(22056)).event.id != mapped(blade(22056), source="198.51.100.10").event.id


def test_numbers_that_were_skipped_are_counted_and_a_restart_is_not():
    gaps = Gaps()
    assert [gaps.missed("bmc", number) for number in (5, 6, 9, 1, 2, 60_000)] == [0, 0, 2, 0, 0, 0]


VC = """\
vendor: vc
title: Virtual Connect
varbinds: {status: 1.3.6.1.4.1.11.5.7.5.2.3.1.1.5}
traps:
  1.3.6.1.4.1.11.5.7.5.2.1.2.0.1:
    name: vcDomainManagedStatusChange
    vendor_severity: unknown
    state:
      varbind: status
      values: {2: interconnect.ok, 6: interconnect.failed}
  1.3.6.1.4.1.2011.2.235.1.1.500.11.4.9:
    name: hwPSUFault
    vendor_severity: MAJOR
    type: psu.failed
"""


def site_tables(tmp_path, text):
    path = tmp_path / "site.yaml"
    path.write_text(text, encoding="utf-8")
    return Tables(maps.load(catalogue.shipped(), [path]), traps.ORIGINS, catalogue.shipped())


def test_a_state_varbind_chooses_the_type_and_an_unknown_value_gives_no_event(tmp_path):
    tables = site_tables(tmp_path, VC)
    key, status = "1.3.6.1.4.1.11.5.7.5.2.1.2.0.1", "1.3.6.1.4.1.11.5.7.5.2.3.1.1.5.0"
    assert mapped(notification(key, [(status, 6)]), tables=tables).event.type == "interconnect.failed"
    assert mapped(notification(key, [(status, 2)]), tables=tables).event.type == "interconnect.ok"
    assert mapped(notification(key, [(status, 1)]), tables=tables) is None
    assert mapped(notification(key), tables=tables) is None


def test_a_trap_name_without_zero_is_known_in_both_spellings(tmp_path):
    tables = site_tables(tmp_path, VC)
    for key in ("1.3.6.1.4.1.2011.2.235.1.1.500.11.4.9", "1.3.6.1.4.1.2011.2.235.1.1.500.11.4.0.9"):
        assert mapped(notification(key), tables=tables).event.type == "psu.failed"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("psu.failed", "psu.exploded"), "site.yaml:11:3: event type 'psu.exploded' is not in the catalogue"),
        (("vendor_severity: MAJOR", "severity: MAJOR"), "site.yaml:11:3: traps.1.3.6.1.4.1.2011.2.235"),
        (("varbind: status", "varbind: state"), "site.yaml:8:5: varbind 'state' is not listed under varbinds"),
        (("title: Virtual Connect", "title: [Virtual"), "site.yaml:3:9: not valid YAML"),
        (("type: psu.failed", "about: psu"), "site.yaml:11:3: trap hwPSUFault needs either a type or a state"),
    ],
)
def test_a_mistake_in_a_map_is_told_with_its_place(tmp_path, change, sentence):
    with pytest.raises(ConfigurationError) as caught:
        site_tables(tmp_path, VC.replace(*change))
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("order.requested", "not a trap's to say"),
        ("inventory.host", "not a trap's to say"),
        ("source.seeing", "not a trap's to say"),
        ("trap.dropped", "not a trap's to say"),
        ("probe.down", "not a trap's to say"),
        ("host.unreachable", "is the word of the witness class vcenter; a trap speaks as chassis only"),
        ("bmc.power.off", "is the word of the witness class bmc; a trap speaks as chassis only"),
    ],
)
def test_no_map_lets_a_trap_give_orders_or_testify_for_another_class(tmp_path, kind, why):
    with pytest.raises(ConfigurationError) as caught:
        site_tables(tmp_path, VC.replace("type: psu.failed", f"type: {kind}"))
    assert f"site.yaml:11:3: event type {kind!r}" in str(caught.value)
    assert why in str(caught.value)


def test_a_map_that_is_not_there_is_told_by_name(tmp_path):
    with pytest.raises(ConfigurationError, match=r"absent\.yaml"):
        maps.load(catalogue.shipped(), [tmp_path / "absent.yaml"])


ACME = Path(__file__).resolve().parents[3] / "docs" / "trap-maps" / "acme.yaml"


def acme(tmp_path, state, fan=b"FAN1", **more):
    """A fan of the documented map tells its state, with the time of day as text."""
    tables = site_tables(tmp_path, ACME.read_text(encoding="utf-8"))
    column = "1.3.6.1.4.1.99999.1"
    items = [(f"{column}.2.0", b"ENCL-SER-1"), (f"{column}.3.0", fan), (f"{column}.4.0", state)]
    items.append((f"{column}.9.0", str(more.pop("clock", 0)).encode()))
    return mapped(notification("1.3.6.1.4.1.99999.0.3", items, **more), tables=tables)


def test_a_site_says_what_two_copies_of_a_trap_have_in_common(tmp_path):
    first, copy = acme(tmp_path, 3, clock=1), acme(tmp_path, 3, clock=2)
    assert first.repeat == copy.repeat
    assert first.content == copy.content
    for other in (acme(tmp_path, 3, b"FAN2"), acme(tmp_path, 2), acme(tmp_path, 1)):
        assert other.repeat.identity != first.repeat.identity
        assert other.event.id != first.event.id


def test_a_sites_words_are_told_in_both_languages_where_the_trap_brings_none(tmp_path):
    data = acme(tmp_path, 3).event.data
    assert (data["text"], data["text_ja"]) == (
        "A fan of the chassis changed its state",
        "シャーシのファンの状態が変わった",
    )
    spoken = ACME.read_text(encoding="utf-8").replace("part: acmeFan}", "part: acmeFan, text: acmeFan}")
    tables = site_tables(tmp_path, spoken)
    items = [("1.3.6.1.4.1.99999.1.3.0", b"FAN1 has stopped"), ("1.3.6.1.4.1.99999.1.4.0", 3)]
    data = mapped(notification("1.3.6.1.4.1.99999.0.3", items), tables=tables).event.data
    assert (data["text"], data["text_ja"]) == ("FAN1 has stopped", "シャーシのファンの状態が変わった")


def test_a_varbind_that_is_to_be_the_same_must_be_listed(tmp_path):
    with pytest.raises(ConfigurationError, match="varbind 'acmeFen' is not listed under varbinds"):
        site_tables(tmp_path, ACME.read_text(encoding="utf-8").replace("acmeFan, acmeState]", "acmeFen, acmeState]"))
