"""kill -9 at a journal boundary of the failover, then a restart: the same end, one power-off, one registration a VM."""

import json
import sys
import time

import pytest

from tests.e2e.site import site

BEFORE = {"VM-01": "esx1", "VM-02": "esx1", "VM-03": "esx2"}
ON_ESX2 = dict.fromkeys(BEFORE, "esx2")
RECORDS = 40
"""Length of this failover's journal; the last test fails when it grows, so that no boundary stays untried."""
FEW = [(2, "after"), (7, "before"), (12, "after"), (17, "after"), (24, "before"), (31, "after"), (40, "before")]
ALL = [(number, side) for number in range(1, RECORDS + 1) for side in ("before", "after")]


def over(here):
    """Whether the run has ended, as far as anybody can be asked: a killed process takes its broker along."""
    asked = here.cli("runs", "--json")
    return asked.returncode == 0 and any(json.loads(line)["what"] == "ended" for line in asked.stdout.splitlines())


def killed(here, mark, number, side):
    """Play the failover in a process that kills itself at a boundary; whether it came to that."""
    env = {"KILL_AT": str(number), "KILL_SIDE": side, "KILL_MARK": str(mark)}
    command = [sys.executable, "-m", "tests.e2e.killing", "run"]
    with here.duty("--embedded", command=command, env=env) as life:
        here.until_line("events", "host.load", about="host:esx1")
        here.fault("host-hang", "chassis1/1")
        assert here.cli("inject", "trap", "22056", "chassis1/1").returncode == 0
        deadline = time.monotonic() + 60
        while life.child.poll() is None:
            assert time.monotonic() < deadline, here.story()
            if here.vms() == ON_ESX2 and over(here):
                break
            time.sleep(0.1)
    return mark.exists()


def same_end(here):
    here.until_vms(ON_ESX2)
    ended = here.until_line("runs", "ended")
    assert "success" in ended["text"], here.lines("runs", ended["about"])
    assert sorted(entry["vm"] for entry in here.did("vm.registered")) == ["VM-01", "VM-02"]
    assert (len(here.did("blade.off")), len(here.did("bmc.order")), len(here.did("host.removed"))) == (1, 1, 1)
    starts = [entry["vm"] for entry in here.did("vm.started") if "vCenter" in entry["why"]]
    assert sorted(starts) == ["VM-01", "VM-02"]
    here.spotless()


def play(folder, number, side):
    here, mark = site(folder / "site"), folder / "killed"
    with here.datacenter():
        assert killed(here, mark, number, side), f"the run has no record {number}"
        with here.duty("--embedded"):
            same_end(here)


@pytest.mark.e2e
@pytest.mark.parametrize(("number", "side"), FEW)
def test_a_run_killed_at_a_boundary_ends_as_if_it_had_not_been(tmp_path, number, side):
    play(tmp_path, number, side)


@pytest.mark.soak
@pytest.mark.parametrize(("number", "side"), ALL)
def test_a_run_killed_at_any_boundary_ends_as_if_it_had_not_been(tmp_path, number, side):
    play(tmp_path, number, side)


@pytest.mark.soak
def test_the_battery_knows_every_boundary(tmp_path):
    here, mark = site(tmp_path / "site"), tmp_path / "killed"
    with here.datacenter():
        assert not killed(here, mark, RECORDS + 1, "before"), f"the journal has more than {RECORDS} records"
