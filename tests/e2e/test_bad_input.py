"""Mistakes of people and of networks: one clear sentence with what to do, no traceback, nothing received is lost."""

import re
import socket
import subprocess
import time

import pytest

from tests.e2e.site import Process, edit, site

pytestmark = pytest.mark.e2e


def refused(here, *options):
    """`toban run` ends by itself; its exit code and its words."""
    command = [*here.toban("run"), "--config", str(here.config), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stderr.strip().splitlines()[-1]


def spec(change):
    return lambda document: change(document["spec"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (spec(lambda s: s.update({"wenn": 1})), "wenn"),
        (spec(lambda s: s["when"].update({"for": [1]})), "spec.when"),
        (spec(lambda s: s["when"].update({"event": "host.unreachabel"})), "did you mean 'host.unreachable'?"),
    ],
    ids=["unknown field", "wrong type", "unknown event type"],
)
def test_a_mistake_in_a_policy_is_told_with_file_line_and_column(tmp_path, change, sentence):
    here = site(tmp_path / "site")
    path = here.folder / "policies" / "host-down-failover.yaml"
    edit(path, change)
    code, words = refused(here, "--embedded")
    assert code == 2
    assert words.startswith(f"toban: {path}:")
    line, column, _ = words.removeprefix(f"toban: {path}:").split(":", 2)
    assert (line + column).isdigit()
    assert sentence in words
    checked = subprocess.run(here.toban("policy", "check", str(path)), capture_output=True, text=True, check=False)
    assert checked.returncode == 1
    assert sentence in checked.stdout
    assert "Traceback" not in checked.stderr


def test_a_missing_estate_link_is_told(tmp_path):
    here = site(
        tmp_path / "site", estate=lambda d: d["categories"][0]["groups"][0]["hosts"][0].update(machine="chassis1/9")
    )
    code, words = refused(here, "--embedded")
    assert code == 2
    assert "chassis1/9" in words
    assert "estate.yaml" in words


def test_a_taken_udp_port_is_told(tmp_path):
    here = site(tmp_path / "site")
    port = int(re.search(r"bind: .?127\.0\.0\.1:(\d+)", here.config.read_text(encoding="utf-8"))[1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken, here.datacenter():
        taken.bind(("127.0.0.1", port))
        code, words = refused(here, "--embedded")
    assert code == 2
    assert f"UDP 127.0.0.1 port {port} for traps is already taken" in words


def test_a_missing_broker_is_told(tmp_path):
    code, words = refused(site(tmp_path / "one"))
    assert (code, "--embedded" in words) == (2, True)
    code, words = refused(site(tmp_path / "two", bus="nats://127.0.0.1:1"))
    assert (code, "nats://127.0.0.1:1" in words) == (2, True)


def test_an_open_secret_is_refused(tmp_path):
    here = site(tmp_path / "site")
    (here.folder / "secrets" / "vcenter").chmod(0o644)
    code, words = refused(here, "--embedded")
    assert (code, "chmod 0400" in words) == (2, True)


def certified(here):
    """A CA file as the datacenter leaves it: made once, then the datacenter is gone."""
    with here.datacenter():
        pass


def test_an_unreachable_vcenter_is_told_and_traps_are_heard_all_the_same(tmp_path):
    here = site(tmp_path / "site")
    certified(here)
    with here.duty("--embedded") as duty:
        assert here.cli("inject", "trap", "22056", "chassis1/1").returncode == 0
        here.until_line("events", "blade.power.lost")
        until_said(duty, "cannot be reached")
        with here.datacenter():
            here.until_line("events", "host.load", within=60)
    assert "Traceback" not in duty.words()


def test_a_wrong_password_is_told_once_and_not_hammered(tmp_path):
    here = site(tmp_path / "site")
    secret = here.folder / "secrets" / "vcenter"
    secret.chmod(0o600)
    secret.write_text("guessed\n", encoding="utf-8")
    secret.chmod(0o400)
    with here.datacenter(), here.duty("--embedded") as duty:
        until_said(duty, "wrong user name or password")
        here.until_line("events", "source.silent")
        here.until_line("events", "source.blind", about="source:vcenter:vc1")
        found = {one["name"]: one for one in here.sources()}
        assert (found["traps"]["blind"], found["vcenter:vc1"]["blind"] is None) == (None, False)
        assert found["vcenter:vc1"]["since"] is not None
        time.sleep(4)  # real time: an account would be hammered in it
        assert duty.words().count("wrong user name or password") <= 2
    assert "Traceback" not in duty.words()


def test_a_mistyped_command_teaches(tmp_path):
    here = site(tmp_path / "site")
    for arguments in (["rum"], ["run", "--colour"], ["inject", "event", "host.unreachabel", "host:esx1"]):
        done = subprocess.run(here.toban(*arguments), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2, arguments
        assert done.stderr.strip()
        assert "Traceback" not in done.stderr


def until_said(process: Process, words: str, within: float = 30.0):
    end = time.monotonic() + within
    while words not in process.words():
        assert time.monotonic() < end, process.words()
        time.sleep(0.1)
