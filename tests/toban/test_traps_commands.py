"""`toban traps`: a datagram explained."""

import json

import pytest
from typer.testing import CliRunner

from engine.model.errors import ConfigurationError
from tests.collectors.snmp import traps
from tests.collectors.snmp.sealing import ENGINE, PHRASES, Seal, trap
from tests.collectors.snmp.test_captures import ethernet, packet, pcap
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
    for name, phrase in zip(("auth", "privacy"), PHRASES, strict=True):
        (tmp_path / "secrets" / name).write_text(f"{phrase}\n")
        (tmp_path / "secrets" / name).chmod(0o400)
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
    assert "neither a file that can be read nor octets in hex" in mistake("decode", "x" * 5000)


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
