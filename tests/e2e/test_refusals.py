"""When Toban must not act, or must leave something alone; the datacenter's own ledger is the judge."""

import contextlib
import time

import pytest

from tests.e2e.site import site

pytestmark = pytest.mark.e2e
BEFORE = {"VM-01": "esx1", "VM-02": "esx1", "VM-03": "esx2"}
TOUCHES = ("bmc.order", "host.removed", "vm.registered", "vm.moved")


@pytest.fixture
def begin(tmp_path):
    """Start a site and wait until Toban has seen its hosts."""

    @contextlib.contextmanager
    def start(**changes):
        here = site(tmp_path / "site", **changes)
        with here.datacenter(), here.duty("--embedded"):
            here.until_line("events", "host.load", about="host:esx1")
            yield here

    return start


def untouched(here):
    for what in TOUCHES:
        assert here.did(what) == [], what
    here.spotless()


def test_one_witness_holds_and_nothing_is_touched(begin):
    with begin() as here:
        here.fault("network-isolated", "chassis1/1")
        held = here.until_line("decisions", "hold")
        assert "only 1 does (vcenter)" in held["text"]
        time.sleep(3)  # a real wire: long enough for the decision to be looked at again
        assert {line["what"] for line in here.lines("decisions")} == {"hold"}
        assert here.vms() == BEFORE
        untouched(here)


def test_a_dead_bmc_holds_and_a_page_is_sent(begin):
    with begin() as here:
        here.fault("bmc-dead", "chassis1/1")
        here.fault("blade-power-lost", "chassis1/1")
        held = here.until_line("decisions", "hold")
        assert "the BMC of machine:chassis1/1 does not answer" in held["text"]
        here.until_line("events", "toban.page")
        assert here.vms() == {"VM-01": None, "VM-02": None, "VM-03": "esx2"}
        untouched(here)


def test_a_bmc_that_comes_back_lets_the_failover_go_on(begin):
    with begin() as here:
        here.fault("bmc-dead", "chassis1/1")
        here.fault("blade-power-lost", "chassis1/1")
        here.until_line("decisions", "hold")
        here.fault("bmc-restored", "chassis1/1")
        here.until_vms(dict.fromkeys(BEFORE, "esx2"))
        here.spotless()


def test_a_host_in_maintenance_is_ignored(begin):
    with begin() as here:
        here.fault("maintenance-entered", "esx1")
        here.until_line("events", "host.maintenance.entered")
        here.fault("blade-power-lost", "chassis1/1")
        ignored = here.until_line("decisions", "ignore")
        assert "maintenance" in ignored["text"]
        untouched(here)


def test_a_host_that_comes_back_in_time_starts_nothing(begin):
    with begin() as here:
        here.fault("host-hang", "chassis1/1")
        end = time.monotonic() + 30
        while here.ask(do="state")["hosts"]["esx1"]["connection"] != "notResponding":
            assert time.monotonic() < end
            time.sleep(0.1)
        here.ask(
            do="fault", fault="host-recovered", target="chassis1/1"
        )  # at once: a command would take seconds to start
        here.until_line("events", "host.unreachable")
        here.until_line("events", "host.reachable")
        time.sleep(5)  # longer than the hold time
        assert here.lines("decisions") == []
        assert here.lines("runs") == []
        assert here.vms() == BEFORE
        untouched(here)


def local_disk(document):
    document["simulation"]["vms"].append(
        {"name": "VM-04", "host": "esx1", "datastore": "local-esx1", "cpus": 1, "memory_mb": 1024, "demand_mhz": 200}
    )


def test_a_vm_on_a_local_disk_is_named_and_the_others_recover(begin):
    with begin(estate=local_disk) as here:
        here.fault("blade-power-lost", "chassis1/1")
        here.until_vms({**dict.fromkeys(BEFORE, "esx2"), "VM-04": None})
        ended = here.until_line("runs", "ended")
        assert "partial" in ended["text"]
        story = str(here.lines("runs", ended["about"]))
        assert "VM-04" in story
        assert "local-esx1" in story
        here.spotless()


def with_ha(document):
    document["simulation"]["vcenter"].update({"ha": True, "ha_restart_after": 0.5})


def test_vms_that_vsphere_ha_restarted_are_verified_and_not_touched(begin):
    with begin(estate=with_ha) as here:
        here.fault("blade-power-lost", "chassis1/1")
        ended = here.until_line("runs", "ended")
        assert "success" in ended["text"]
        assert here.vms() == dict.fromkeys(BEFORE, "esx2")
        assert (here.did("host.removed"), here.did("vm.registered")) == ([], [])
        story = here.lines("runs", ended["about"])
        assert sum("it was not touched" in line["text"] for line in story if line["what"] == "done") == 2
        here.spotless()


@pytest.mark.soak
def test_a_lying_controller_of_an_unseen_host_starts_no_second_copy_and_a_person_is_called(begin):
    """Both witnesses are wrong: what is left is the lock on the disks (safety rule S5), waited for a minute each."""
    with begin() as here:
        here.fault("bmc-lies-off", "chassis1/1")
        here.fault("network-isolated", "chassis1/1")
        ended = here.until_line("runs", "ended", within=300.0)
        assert "success" not in ended["text"]
        told = [line["text"] for line in here.lines("runs", ended["about"])]
        assert any("somebody still holds the disks of VM-01" in text for text in told), told
        here.until_line("events", "toban.page")
        assert here.vms() == BEFORE  # all still run where they ran, each once
        assert [entry for entry in here.did("vm.started") if "vCenter" in entry["why"]] == []
        tried = here.ask(do="ledger")["violations"]
        assert {(one["rule"], one["vm"]) for one in tried} == {("no-second-copy", vm) for vm in ("VM-01", "VM-02")}
