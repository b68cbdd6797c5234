"""A blade dies; the database comes up first, and what rests on it once its guest tools run."""

from datetime import datetime

import pytest

from tests.e2e.site import site

pytestmark = pytest.mark.e2e


def in_order(document: dict) -> None:
    lines = [{"vms": ["VM-02"], "wait": "tools", "within": "30s"}, {"vms": ["VM-0*"]}]
    document["categories"][0]["groups"][0]["placement"] = {"start": lines}
    database = next(vm for vm in document["simulation"]["vms"] if vm["name"] == "VM-02")
    database["tools_after"] = 2.0


def test_an_application_is_started_behind_the_guest_of_its_database(tmp_path):
    here = site(tmp_path / "site", estate=in_order)
    with here.datacenter(), here.duty("--embedded"):
        here.until_line("events", "host.load")
        here.fault("blade-power-lost", "chassis1/1")
        here.until_vms({"VM-01": "esx2", "VM-02": "esx2", "VM-03": "esx2"}, within=90.0)
        started = {one["vm"]: datetime.fromisoformat(one["at"]) for one in here.did("vm.started")}
        assert (started["VM-01"] - started["VM-02"]).total_seconds() >= 2.0
        here.spotless()
