"""`toban traps`: a datagram explained."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collectors.snmp import engine_file, spool
from collectors.snmp.engine_file import EngineState
from collectors.snmp.timeliness import Mark
from engine.model.errors import ConfigurationError
from tests.collectors.snmp import traps
from tests.collectors.snmp.sealing import ENGINE, PHRASES, Seal, trap, write_phrases
from tests.collectors.snmp.test_captures import ethernet, packet, pcap
from tests.collectors.snmp.test_mibs import ACME, OLD
from tests.shared_data import shared
from toban import example
from toban.cli import app


def run(*words, ok=0):
    result = CliRunner().invoke(app, ["traps", *(str(word) for word in words)])
    assert result.exit_code == ok, result.output
    return result.output


def mistake(*words):
    result = CliRunner().invoke(app, ["traps", *(str(word) for word in words)])
    assert isinstance(result.exception, ConfigurationError), result.output
    return str(result.exception)


@pytest.fixture
def site(tmp_path):
    """A site whose chassis is known and which has a user of SNMPv3."""
    path = example.write(tmp_path, example.free_ports(), armed=False, quick=True)
    write_phrases(tmp_path / "secrets")
    keys = "auth: {secret_file: secrets/auth}, privacy: {secret_file: secrets/privacy}"
    users = f"  users: {{oa: {{{keys}, engines: {{{ENGINE.hex()}: [127.0.0.1]}}}}}}\n"
    path.write_text(path.read_text().replace("snmp:\n", f"snmp:\n{users}"))
    return path


def test_a_trap_is_shown_with_every_varbind_its_role_and_its_event():
    said = run("decode", traps.blade(22056, 3, sequence=7).hex())
    assert "v2c trap of" in said
    assert "cpqRackServerBladeUnexpectedShutdown (hpe-c7000)" in said
    assert f"{traps.SLOT}.1.3 INTEGER = 3   <- slot" in said
    assert f'{traps.SERIAL}.1 OCTET STRING = "ENCL-SER-1"   <- chassis_serial' in said
    assert "becomes blade.power.lost about sender:192.0.2.1, fatal" in said
    assert "public" not in said


def test_json_holds_the_same_and_the_event(tmp_path):
    (tmp_path / "some.hex").write_text(f"# two\n{traps.blade(22056, 3).hex()}  # lost\n\n{traps.blade(1, 3).hex()}\n")
    first, second = (json.loads(line) for line in run("decode", tmp_path / "some.hex", "--json").splitlines())
    assert (first["outcome"], first["event"]["type"], first["event"]["data"]["slot"]) == (
        "event",
        "blade.power.lost",
        3,
    )
    assert [item["says"] for item in first["varbinds"]] == ["envelope", "envelope", "slot", "chassis_serial"]
    assert (second["outcome"], second["event"]["type"]) == ("unmapped", "trap.unmapped")
    assert "7075626c6963" not in first["event"]["data"]["raw"]


def test_with_the_sites_settings_it_says_whom_a_trap_is_about(site):
    serial = site.with_name("estate.yaml").read_text().partition("serial: ")[2].split()[0].strip('",')
    said = run("decode", traps.blade(22056, 1, serial=serial.encode()).hex(), "--config", site)
    assert "about machine:chassis1/1" in said


def test_a_sealed_trap_is_opened_with_the_sites_keys_only(site):
    assert "encrypted: give the site's settings" in run("decode", trap().hex(), ok=1)
    said = run("decode", trap().hex(), "--config", site)
    assert "level: authPriv" in said
    assert "becomes blade.power.lost" in said
    other = trap(seal=Seal(phrases=("another-phrase", PHRASES[1]))).hex()
    assert "refused (v3-auth): the digest of oa is wrong" in run("decode", other, "--config", site, ok=1)
    assert not (site.parent / "store").exists(), "looking leaves nothing behind"


def test_a_capture_is_read_with_its_own_senders(tmp_path):
    frames = [ethernet(packet(traps.blade(22056, slot), source=f"192.0.2.{slot}")) for slot in (1, 2)]
    other = ethernet(packet(traps.blade(22056, 3), port=10162))
    (tmp_path / "some.pcap").write_bytes(pcap(*frames, other))
    said = [json.loads(line) for line in run("decode", tmp_path / "some.pcap", "--json").splitlines()]
    assert [one["source"] for one in said] == ["192.0.2.1", "192.0.2.2"]
    assert said[0]["event"]["time"].startswith("2026-11-24T09:00:00.25")
    assert len(run("decode", tmp_path / "some.pcap", "--json", "--port", 0).splitlines()) == 3
    assert "no datagram to UDP port 9 in" in mistake("decode", tmp_path / "some.pcap", "--port", 9)


def test_what_cannot_be_read_is_refused_in_words():
    assert run("decode", "3082ff", ok=1).startswith("refused (truncated): the datagram ends inside a value")
    assert "is no file that can be read, nor octets in hex" in mistake("decode", "x" * 5000)


def test_a_file_of_something_else_names_the_line(tmp_path):
    (tmp_path / "notes.txt").write_text("# traps\nhello\n")
    assert "notes.txt:2 is not octets in hex" in mistake("decode", tmp_path / "notes.txt")


@pytest.mark.parametrize(
    ("name", "outcomes"),
    [
        ("valid_notifications", {"event", "unmapped", "refused"}),
        ("mib_synthetic", {"event", "unexplained", "unmapped"}),
        ("malformed", {"refused"}),
        ("malformed_derived", {"refused"}),
        ("valid_other_pdu", {"ignored", "refused"}),
    ],
)
def test_every_real_datagram_is_explained(name, outcomes):
    output = CliRunner().invoke(app, ["traps", "decode", str(shared(f"traps/{name}.hex")), "--json"]).output
    assert {json.loads(line)["outcome"] for line in output.splitlines()} <= outcomes


MAP = """\
vendor: acme
title: Acme chassis
varbinds:
  slot: 1.3.6.1.4.1.99999.1.1
  state: 1.3.6.1.4.1.99999.1.2
  spare: 1.3.6.1.4.1.99999.1.3
about:
  blade: {slot: slot}
  fan: {part: slot}
traps:
  1.3.6.1.4.1.99999.0.1: {name: fanFailed, vendor_severity: MAJOR, type: fan.failed}
  1.3.6.1.4.1.99999.0.2: {name: bladeOk, vendor_severity: INFO, type: blade.health.ok, about: blade}
  1.3.6.1.4.1.99999.0.3:
    name: bladeState
    vendor_severity: MAJOR
    about: blade
    state: {varbind: state, values: {1: blade.health.critical}}
"""


def linted(tmp_path, text, *options, ok):
    (tmp_path / "acme.yaml").write_text(text)
    return run("lint", tmp_path / "acme.yaml", *options, ok=ok).replace(f"{tmp_path}/", "").splitlines()


def test_a_map_that_can_be_used_is_told_what_is_odd_about_it(tmp_path):
    assert linted(tmp_path, MAP, ok=0) == [
        "acme.yaml:6:3: warning: varbind spare is read by nothing",
        "acme.yaml:9:3: warning: no trap is about 'fan'",
        "acme.yaml:11:3: warning: fanFailed: no trap of this map brings fan.ok, so fan.failed stays open",
        "1 maps, 0 errors, 3 warnings, 1 hints",
    ]
    assert "acme.yaml:11:3: info: fanFailed says of nothing whom it is about" in linted(tmp_path, MAP, "-v", ok=0)[3]
    assert linted(tmp_path, MAP, "--strict", ok=1)[-1].endswith("3 warnings, 1 hints")


def test_every_mistake_in_a_map_is_told_at_once(tmp_path):
    wrong = MAP.replace("type: fan.failed", "type: fan.fayled").replace("about: blade\n", "about: blades\n")
    wrong = wrong.replace("1.3.6.1.4.1.99999.1.3", "one.three")
    found = [line for line in linted(tmp_path, wrong, ok=1) if ": error: " in line]
    assert found == [
        "acme.yaml:6:3: error: 'one.three' is no object identifier; write numbers with dots, 1.3.6.1.4.1....",
        "acme.yaml:11:3: error: event type 'fan.fayled' is not in the catalogue; did you mean 'fan.failed'?",
        "acme.yaml:16:5: error: 'blades' is not listed under about",
    ]


def test_a_map_of_another_form_is_told_field_by_field(tmp_path):
    found = linted(tmp_path, MAP.replace("vendor: acme\n", "").replace("MAJOR", "{a: 1}"), ok=1)
    assert [line.partition(": error: ")[2].partition(":")[0] for line in found[:-1]] == [
        "vendor",
        "traps.1.3.6.1.4.1.99999.0.1.vendor_severity",
        "traps.1.3.6.1.4.1.99999.0.3.vendor_severity",
    ]


def test_two_maps_that_name_one_trap_say_which_counts(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(MAP)
    said = run("lint", tmp_path / "one.yaml", tmp_path / "two.yaml", "--json", ok=0)
    twice = [found for found in map(json.loads, said.splitlines()) if "names this trap too" in found["message"]]
    assert {(found["file"], found["line"]) for found in twice} == {(f"{tmp_path}/two.yaml", n) for n in (11, 12, 13)}


def test_the_shipped_maps_have_no_error():
    folder = shipped_maps()
    assert folder
    assert ", 0 errors," in run("lint", *folder)


def test_the_documented_map_has_nothing_odd_about_it():
    documented = Path(__file__).resolve().parents[2] / "docs" / "trap-maps" / "acme.yaml"
    assert "1 maps, 0 errors, 0 warnings, 0 hints" in run("lint", documented, "--strict")


def shipped_maps():
    from importlib import resources

    folder = resources.files("collectors.snmp").joinpath("maps")
    return sorted(str(one) for one in folder.iterdir() if one.name.endswith(".yaml"))


def test_a_mib_becomes_a_draft_that_lint_refuses_until_a_person_has_filled_it_in(tmp_path):
    (tmp_path / "acme.txt").write_text(ACME)
    draft = tmp_path / "draft.yaml"
    assert "2 traps, every type still open" in run("import", tmp_path / "acme.txt", "--vendor", "acme", "--out", draft)
    refused = [line for line in run("lint", draft, ok=1).splitlines() if ": error: event type '?'" in line]
    assert len(refused) == 2
    text = draft.read_text()
    assert '"acmeState": 1.3.6.1.4.1.99999.1.2.2   # 1 ok, 2 failed' in text
    filled = text.replace('type: "?"', "type: fan.failed", 1).replace('type: "?"', "type: fan.ok", 1)
    filled = filled.replace("about: {}", "about: {fan: {part: acmeSlot, text: acmeState}}").replace(
        'name: "acmeFanFailed"', 'name: "acmeFanFailed"\n    about: fan'
    )
    draft.write_text(filled)
    assert ", 0 errors," in run("lint", draft)
    datagram = traps.notification("1.3.6.1.4.1.99999.0.1", [("1.3.6.1.4.1.99999.1.2.1.4", 4)])
    said = run("decode", datagram.hex(), "--map", draft)
    assert "acmeFanFailed (acme)" in said
    assert "becomes fan.failed" in said
    assert "1.3.6.1.4.1.99999.1.2.1.4 INTEGER = 4   <- part" in said
    assert "exists and may hold somebody's work" in mistake("import", tmp_path / "acme.txt", "--out", draft)


def test_what_a_mib_imports_from_a_file_that_is_not_given_is_left_out_and_told(tmp_path):
    for name, text in (("acme.mib", ACME), ("old.mib", OLD)):
        (tmp_path / name).write_text(text)
    said = run("import", tmp_path / "old.mib", ok=1)
    assert "acmeSlot comes from ACME-CHASSIS-MIB, whose file was not given" in said
    assert "1.3.6.1.4.1.88888.0.7:" in said
    assert "left out" not in run("import", tmp_path / "old.mib", "--path", tmp_path)


def test_what_is_no_mib_or_has_no_trap_is_one_sentence(tmp_path):
    (tmp_path / "notes.txt").write_text("hello\n")
    assert "notes.txt:1: this is no MIB that can be read" in mistake("import", tmp_path / "notes.txt")
    (tmp_path / "empty.txt").write_text("EMPTY-MIB DEFINITIONS ::= BEGIN END\n")
    assert "no trap could be read; give files with NOTIFICATION-TYPE" in mistake("import", tmp_path / "empty.txt")
    assert "is no folder" in mistake("import", tmp_path / "empty.txt", "--path", tmp_path / "absent")


def test_engines_are_listed_with_how_far_they_were_heard_and_can_be_forgotten(site):
    folder = site.parent / "store" / "traps"
    folder.mkdir(parents=True)
    state = engine_file.begun(folder / engine_file.NAME, b"abcdefghijkl")
    gone = bytes.fromhex("80001f8804deadbeef")
    engine_file.write(folder / engine_file.NAME, EngineState(state.engine, 1, {ENGINE: Mark(4, 99), gone: Mark(1, 2)}))
    ours, sender, other = (json.loads(line) for line in run("engines", "--config", site, "--json").splitlines())
    assert (ours["whose"], ours["engine"], ours["users"]) == ("ours", state.engine.hex(), "oa")
    assert (sender["engine"], sender["users"], sender["addresses"]) == (ENGINE.hex(), "oa", "127.0.0.1")
    assert (sender["heard"], other["whose"]) == ("boots 4, time 99", "no more")
    assert "is forgotten" in run("engines", "--config", site, "--forget", ENGINE.hex())
    assert '"heard":"never"' in run("engines", "--config", site, "--json")
    assert "was never heard" in mistake("engines", "--config", site, "--forget", ENGINE.hex())
    assert "is no engine id" in mistake("engines", "--config", site, "--forget", "manager")


def test_an_engine_is_not_forgotten_while_the_listener_runs(site):
    folder = site.parent / "store" / "traps"
    kept = spool.Spool(folder)
    engine_file.write(folder / engine_file.NAME, EngineState(b"ours", 1, {ENGINE: Mark(4, 99)}))
    try:
        assert "stop it first" in mistake("engines", "--config", site, "--forget", ENGINE.hex())
    finally:
        kept.close()
    assert engine_file.read(folder / engine_file.NAME).marks == {ENGINE: Mark(4, 99)}
