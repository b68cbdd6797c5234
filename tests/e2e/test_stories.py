"""The two stories as users start them: one command, and separate processes with either broker."""

import json
import signal
import subprocess
import sys
import time

import pytest

from tests.e2e.site import ROOT, broker, site

pytestmark = pytest.mark.e2e
BEFORE = {"VM-01": "esx1", "VM-02": "esx1", "VM-03": "esx2"}
ON_ESX2 = dict.fromkeys(BEFORE, "esx2")


def test_the_demo_plays_both_stories_and_says_so_in_one_object():
    done = subprocess.run(
        [sys.executable, "-P", "-m", "toban", "demo", "--json"],
        capture_output=True, text=True, timeout=120, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (report["outcome"], report["vms"], report["violations"]) == ("passed", ON_ESX2, 0)
    assert [story["name"] for story in report["stories"]] == ["high-load", "host-down"]
    for story in report["stories"]:
        assert story["outcome"] == "passed"
        assert 0 < story["seconds"] < 90
        assert {"seen", "decided", "done"} <= {line["room"] for line in story["timeline"]}


def high_load_then_host_down(here, *options):
    with here.datacenter(), here.duty(*options):
        here.until_line("events", "host.load", about="host:esx1")
        here.fault("load", "VM-01", "--mhz", "14000")
        here.until_vms({**BEFORE, "VM-01": "esx2"})
        here.until_line("runs", "ended")
        here.until_line("events", "toban.condition.ended")
        assert [entry["vm"] for entry in here.did("vm.moved")] == ["VM-01"]
        assert here.did("vm.stopped") == []
        here.fault("load", "VM-01", "--mhz", "500")
        here.fault("blade-power-lost", "chassis1/1")
        here.until_vms(ON_ESX2)
        here.spotless()


def test_three_processes_with_the_embedded_broker(tmp_path):
    high_load_then_host_down(site(tmp_path / "site"), "--embedded")


def test_three_processes_with_an_external_broker(tmp_path):
    with broker(tmp_path / "broker") as url:
        high_load_then_host_down(site(tmp_path / "site", bus=url))


def test_a_blade_that_hangs_is_switched_off_before_its_vms_start_elsewhere(tmp_path):
    here = site(tmp_path / "site")
    with here.datacenter(), here.duty("--embedded"):
        here.until_line("events", "host.load")
        here.fault("host-hang", "chassis1/1")
        done = here.cli("inject", "trap", "22056", "chassis1/1")
        assert done.returncode == 0, done.stderr
        here.until_vms(ON_ESX2)
        story = [entry["what"] for entry in here.ledger()]
        assert story.index("blade.off") < story.index("vm.registered")
        assert len(here.did("bmc.order")) == 1
        here.spotless()


def test_a_rehearsal_says_what_it_would_do_and_touches_nothing(tmp_path):
    here = site(tmp_path / "site", armed=False)
    with here.datacenter(), here.duty("--embedded"):
        here.until_line("events", "host.load")
        here.fault("host-hang", "chassis1/1")
        assert here.cli("inject", "trap", "22056", "chassis1/1").returncode == 0
        ended = here.until_line("runs", "ended")
        assert [line["what"] for line in here.lines("decisions")] == ["act"]
        story = str(here.lines("runs", ended["about"]))
        assert "rehearsal: would do machine.power_off on machine:chassis1/1" in story
        assert "rehearsal: would do vm.power_on on vm:VM-01" in story
        assert here.vms() == BEFORE
        assert (here.did("bmc.order"), here.did("host.removed"), here.did("vm.registered")) == ([], [], [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nobody_behind(tmp_path, number):
    command = [sys.executable, "-P", "-m", "toban", "demo", "--keep", str(tmp_path / "night")]
    demo = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT,
        # A background shell hands down an ignored SIGINT; a person's terminal does not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )  # fmt: skip
    end = time.monotonic() + 30
    while not (tmp_path / "night" / "store" / "ready.json").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    demo.send_signal(number)
    demo.communicate(timeout=30)
    assert demo.returncode == 130
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in listed
