"""The other sources in a whole process: what is posted, probed, streamed and looked at, and how the sources stand."""

import http.client
import time

import pytest

from tests.collectors.webhook.place import alert, group
from tests.collectors.webhook.test_third_party_alertmanager import alertmanager, fire
from tests.e2e.site import Site, edit, site
from toban import example

pytestmark = pytest.mark.e2e

TOKEN = "correct-horse-battery"
MOVED = {"VM-01": "esx2", "VM-02": "esx2", "VM-03": "esx2"}


@pytest.fixture
def here(tmp_path) -> Site:
    port = example.free_ports().vcenter

    def answering(document: dict) -> None:
        for number, host in enumerate(document["simulation"]["hosts"], 1):
            host["answers"] = f"127.0.1.{number}:{port}"

    found = site(tmp_path / "site", estate=answering)
    token = found.folder / "secrets" / "alertmanager"
    token.write_text(TOKEN)
    token.chmod(0o400)
    found.webhook = example.free_ports().bmc1

    def sources(document: dict) -> None:
        document["webhook"] = {
            "bind": f"127.0.0.1:{found.webhook}",
            "clients": {"alertmanager": {"token_file": "secrets/alertmanager", "silent_after": "5s"}},
        }
        addresses = {"esx1": "127.0.1.1", "esx2": "127.0.1.2"}
        asked = {"every": "1s", "timeout": "0.4s", "failures": 2, "tcp": [port], "icmp": False}
        document["probe"] = {**asked, "addresses": addresses}
        document["bmc_watch"] = {"every": "1s"}
        document["redfish_events"] = {"by": "stream"}

    def counting(document: dict) -> None:
        document["spec"]["witnesses"]["of"] = ["vcenter", "chassis", "bmc", "probe"]

    edit(found.config, sources)
    edit(found.folder / "policies" / "host-down-failover.yaml", counting)
    return found


def post(port: int, body: bytes) -> int:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    line.request("POST", "/alertmanager", body, {"Authorization": f"Bearer {TOKEN}"})
    status = line.getresponse().status
    line.close()
    return status


def until_source(here: Site, name: str, holds, within: float = 30.0) -> dict:
    end = time.monotonic() + within
    while True:
        found = {one["name"]: one for one in here.sources()}
        if name in found and holds(found[name]):
            return found[name]
        assert time.monotonic() < end, found
        time.sleep(0.3)


def test_every_source_is_heard_and_its_silence_is_told(here) -> None:
    with here.datacenter(), here.duty("--embedded") as duty:
        assert post(here.webhook, group(alert())) == 200
        here.until_line("events", "thermal.critical", about="host:esx1")
        here.fault("bmc-health:Critical", "chassis1/2")
        here.until_line("events", "blade.health.critical", about="machine:chassis1/2")
        names = {one["name"] for one in here.sources()}
        expected = {"traps", "vcenter:vc1", "webhook:alertmanager", "probe", "bmc", "schedule", "clock"}
        assert expected | {"redfish:chassis1/1", "redfish:chassis1/2"} <= names
        until_source(here, "webhook:alertmanager", lambda one: one["blind"] is not None)
        here.until_line("events", "source.blind", about="source:webhook:alertmanager")
        assert post(here.webhook, group(alert("resolved"))) == 200
        here.until_line("events", "source.seeing", about="source:webhook:alertmanager")
        here.fault("bmc-dead", "chassis1/1")
        here.fault("bmc-dead", "chassis1/2")
        until_source(here, "bmc", lambda one: "management network" in (one["blind"] or ""))
    assert "Traceback" not in duty.words()


def test_probes_and_vcenter_are_two_witnesses_where_no_trap_ever_came(here) -> None:
    with here.datacenter(), here.duty("--embedded") as duty:
        here.until_line("events", "host.load", about="host:esx1")
        until_source(here, "probe", lambda one: one["age"] is not None and one["blind"] is None)
        here.fault("traps-muted", "chassis1")
        here.fault("host-hang", "chassis1/1")
        here.until_line("events", "probe.down", about="host:esx1")
        here.until_vms(MOVED)
        act = here.until_line("decisions", "act", about="host:esx1")
        assert "probe and vcenter agree" in act["text"], act
        here.spotless()
    assert "Traceback" not in duty.words()


def test_a_stock_alertmanager_posts_to_a_whole_process(here, tmp_path) -> None:
    with here.duty("--embedded"), alertmanager(tmp_path, here.webhook) as api:
        fire(api)
        line = here.until_line("events", "thermal.critical", about="host:esx1")
        assert line["about"] == "host:esx1"
