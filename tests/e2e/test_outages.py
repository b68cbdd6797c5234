"""The broker is away for longer than anybody waits: Toban goes on hearing, and then decides on all it heard."""

import time
from pathlib import Path

import pytest

from engine.bus import embedded
from tests.e2e.site import Process, site
from toban import example

pytestmark = pytest.mark.e2e

MOVED = {"VM-01": "esx2", "VM-02": "esx2", "VM-03": "esx2"}


class Broker:
    """A nats-server that can be killed and started again on its store."""

    def __init__(self, folder: Path) -> None:
        port = example.free_ports().vcenter
        self.url, self._folder = f"nats://127.0.0.1:{port}", folder
        text = f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{folder}/js", sync_interval: always }}\n'
        folder.mkdir(parents=True)
        (folder / "nats.conf").write_text(text, encoding="utf-8")
        self.start()

    def start(self) -> None:
        self._process = Process(
            self._folder / "nats.log", [str(embedded.find()), "-c", str(self._folder / "nats.conf")]
        )
        time.sleep(1.0)  # a server that is not there yet is one that is away a little longer

    def kill(self) -> None:
        self._process.child.kill()
        self._process.child.wait()

    def stop(self) -> None:
        self._process.stop()


def until_said(process: Process, word: str, within: float = 40.0) -> None:
    end = time.monotonic() + within
    while word not in process.words():
        assert process.child.poll() is None, process.words()[-2000:]
        assert time.monotonic() < end, process.words()[-2000:]
        time.sleep(0.2)


def test_a_blade_that_dies_while_the_broker_is_away_is_heard_and_its_vms_are_restarted_when_it_is_back(
    tmp_path,
) -> None:
    broker = Broker(tmp_path / "broker")
    try:
        here = site(tmp_path / "site", bus=broker.url)
        with here.datacenter(), here.duty() as duty:
            here.until_line("events", "host.performance")  # it knows what there is
            time.sleep(2.0)  # and follows what happens
            broker.kill()
            until_said(duty, "engine.interrupted")
            here.fault("blade-power-lost", "chassis1/1")
            time.sleep(3.0)  # real seconds, in which nobody could tell anything
            broker.start()
            until_said(duty, "engine.begins_anew")
            here.until_vms(MOVED, within=90.0)
            assert here.cli("status").returncode == 0
            here.spotless()
            assert duty.stop() == 0
            assert "Traceback" not in duty.words()
    finally:
        broker.stop()
