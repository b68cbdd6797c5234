"""Policies of the library, armed, over real wires: the datacenter's own ledger is the judge."""

import contextlib
import time

import pytest
from ruamel.yaml import YAML

from tests.e2e.site import ROOT, site

pytestmark = pytest.mark.e2e
ON_ESX2 = {"VM-01": "esx2", "VM-02": "esx2", "VM-03": "esx2"}


def arm(here, name, **spec):
    """The shipped policy in `automatic`, fit for two hosts and for a test's patience."""
    yaml = YAML(typ="rt", pure=True)
    document = yaml.load((ROOT / "policies" / f"{name}.yaml").read_text(encoding="utf-8"))
    document["spec"].update({"mode": "automatic", "cooldown": "1s", **spec})
    document["spec"].pop("minimum_running", None)
    with (here.folder / "policies" / f"{name}.yaml").open("w", encoding="utf-8") as file:
        yaml.dump(document, file)


@pytest.fixture
def begin(tmp_path):
    """A site on duty with some policies of the library instead of its own."""

    @contextlib.contextmanager
    def start(**armed):
        here = site(tmp_path / "site")
        for path in (here.folder / "policies").glob("*.yaml"):
            path.unlink()
        for name, spec in armed.items():
            arm(here, name.replace("_", "-"), **spec)
        with here.datacenter(), here.duty("--embedded"):
            here.until_line("events", "host.load", about="host:esx1")
            yield here

    return start


def ended(here, number):
    """The end of a run, by the order in which they began."""
    end = time.monotonic() + 90
    while len([line for line in here.lines("runs") if line["what"] == "ended"]) < number:
        assert time.monotonic() < end, here.story()
        time.sleep(0.3)
    return [line for line in here.lines("runs") if line["what"] == "ended"][number - 1]


def inject(here, kind, subject, *data):
    done = here.cli("inject", "event", kind, subject, *(word for one in data for word in ("-d", one)))
    assert done.returncode == 0, done.stderr


def test_a_host_that_may_fail_is_emptied_and_shut_down_and_started_again_once_a_person_says_it_is_ready(begin):
    wake = {"when": {"event": "cluster.overcommitted", "by": "subject"}, "scope": {}}
    with begin(host_predictive={}, group_high_load={**wake, "budget": {"rate": "9 per 1h"}}) as here:
        inject(here, "host.hw.predictive", "host:esx1")
        here.until_vms(ON_ESX2)
        assert "success" in ended(here, 1)["text"], here.story()
        story = [entry["what"] for entry in here.ledger()]
        assert story.index("vm.moved") < story.index("blade.off")
        assert here.did("vm.stopped") == []
        inject(here, "cluster.overcommitted", "group:esx")
        refused = ended(here, 2)
        assert "partial" in refused["text"], here.story()
        assert "esx1 is marked faulted" in str(here.lines("runs", refused["about"]))
        done = here.cli("mark", "host:esx1", "ready", "--why", "the module was exchanged")
        assert done.returncode == 0, done.stderr
        inject(here, "cluster.overcommitted", "group:esx")
        assert "success" in ended(here, 3)["text"], here.story()
        assert here.did("blade.on")
        here.spotless()


def test_a_host_that_alone_hangs_is_diagnosed_before_its_power_is_taken(begin):
    with begin(host_down_diagnose={"when": {"event": "host.unreachable", "for": "3s", "by": "host"}}) as here:
        here.fault("host-hang", "chassis1/1")
        assert here.cli("inject", "trap", "22056", "chassis1/1").returncode == 0
        here.until_vms(ON_ESX2)
        run = ended(here, 1)
        assert "success" in run["text"], here.story()
        assert "esx1 alone does not answer" in str(here.lines("runs", run["about"]))
        here.spotless()


def test_a_vm_without_a_heartbeat_is_reset_where_it_is(begin):
    with begin(vm_restart={"when": {"event": "vm.heartbeat.lost", "for": "1s", "by": "vm"}}) as here:
        inject(here, "vm.heartbeat.lost", "vm:VM-03")
        assert "success" in ended(here, 1)["text"], here.story()
        assert here.vms()["VM-03"] == "esx2"
        assert [entry["vm"] for entry in here.did("vm.reset")] == ["VM-03"]
        here.spotless()
