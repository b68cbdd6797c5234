"""The Prometheus project's own Alertmanager posts to the webhook: its login, its format, its retries.

TOBAN_TEST_ALERTMANAGER names its binary (tests/peers/build_alertmanager.sh builds one).
"""

import asyncio
import http.client
import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager

import pytest

from engine.clock import SystemClock
from tests.collectors.webhook.place import TOKEN, listening
from tests.collectors.webhook.test_listening import FailingBus
from toban import example

BINARY = os.environ.get("TOBAN_TEST_ALERTMANAGER") or shutil.which("alertmanager")
CONFIG = """
route: {{receiver: toban, group_wait: 0s, group_interval: 1s, repeat_interval: 1h, group_by: [alertname]}}
receivers:
  - name: toban
    webhook_configs:
      - url: http://127.0.0.1:{port}/alertmanager
        send_resolved: true
        http_config: {{authorization: {{credentials_file: {folder}/token}}}}
"""


@contextmanager
def alertmanager(folder, port):
    """The real program, told to post to this port; the port of its own API."""
    if BINARY is None:
        pytest.skip("no Alertmanager here: set TOBAN_TEST_ALERTMANAGER (tests/peers/build_alertmanager.sh builds one)")
    own = example.free_ports().vcenter
    (folder / "token").write_text(TOKEN)
    (folder / "alertmanager.yml").write_text(CONFIG.format(port=port, folder=folder))
    command = [BINARY, f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data"]
    command += [f"--web.listen-address=127.0.0.1:{own}", "--cluster.listen-address="]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as child:
        try:
            end = time.monotonic() + 30
            while call(own, "GET", "/-/ready", None) != 200:
                assert child.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < end
                time.sleep(0.1)
            yield own
        finally:
            child.kill()


def call(port, method, path, body):
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        line.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        return line.getresponse().status
    except OSError:
        return 0
    finally:
        line.close()


def fire(port, **times):
    labels = {"alertname": "HostNodeOvertemperatureAlarm", "instance": "esx1:9100", "severity": "critical"}
    one = {"labels": labels, "annotations": {"summary": "the node is too hot"}, **times}
    assert call(port, "POST", "/api/v2/alerts", [one]) == 200


async def until(wire, number):
    async with asyncio.timeout(30):
        while len(events := await wire.events()) < number:
            await asyncio.sleep(0.05)
    return events


def test_a_stock_alertmanager_is_understood_from_the_first_alert_to_its_end(tmp_path):
    async def go():
        async with listening() as wire:
            with alertmanager(tmp_path, wire.intake.address[1]) as api:
                await asyncio.to_thread(fire, api, startsAt="2026-11-25T01:00:00Z")
                await until(wire, 1)
                await asyncio.to_thread(fire, api, startsAt="2026-11-25T01:00:00Z", endsAt="2026-11-25T01:30:00Z")
                return await until(wire, 2), wire.intake.sources()[0]

    (begun, over), source = asyncio.run(go())
    assert (begun.type, begun.subject, over.type, over.subject) == (
        "thermal.critical",
        "host:esx1",
        "thermal.ok",
        "host:esx1",
    )
    assert begun.time.isoformat() == "2026-11-25T01:00:00+00:00"
    assert (source.drops, source.blind) == ({}, None)


def test_it_comes_again_by_itself_when_nothing_could_be_stored(tmp_path):
    class Away(FailingBus):
        errors = (FailingBus.errors[0], FailingBus.errors[0])

    async def go():
        async with listening(Away(SystemClock())) as wire:
            with alertmanager(tmp_path, wire.intake.address[1]) as api:
                await asyncio.to_thread(fire, api)
                return await until(wire, 1), wire.intake.sources()[0]

    events, source = asyncio.run(go())
    assert len(events) == 1
    assert source.drops == {"away": 2}
