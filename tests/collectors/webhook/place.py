"""A webhook on a real TCP port, a bus in memory behind it, and messages as other systems write them."""

import asyncio
import http.client
import json
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from collectors.snmp.origins import Origins
from collectors.webhook import rules
from collectors.webhook.alerting import Alerts
from collectors.webhook.envelopes import CloudEvents
from collectors.webhook.listening import Intake, WebhookSettings
from engine.bus import codec, subjects
from engine.bus.memory import MemoryBus
from engine.clock import SystemClock
from engine.model import catalogue

NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)
TOKEN = "correct-horse-battery"
OTHER = "another-token-of-another-system"
ORIGINS = Origins(
    machines_by_address={"192.0.2.11": "machine:chassis1/1"},
    machines_by_serial={"BLD0000001": "machine:chassis1/1"},
    chassis_by_address={"192.0.2.1": "chassis1"},
    hosts=frozenset({"esx1", "esx2"}),
    objects=frozenset({"host:esx1", "host:esx2", "machine:chassis1/1", "chassis:chassis1"}),
)
WORDS = catalogue.shipped()
RULES = rules.load(WORDS, ())
ALERTS = Alerts(RULES, ORIGINS, WORDS)
ENVELOPES = CloudEvents(RULES, ORIGINS, WORDS)


def alert(status: str = "firing", **labels: str) -> dict:
    """One alert as Alertmanager writes it."""
    return {
        "status": status,
        "labels": {
            "alertname": "HostNodeOvertemperatureAlarm",
            "instance": "esx1:9100",
            "severity": "critical",
            **labels,
        },
        "annotations": {"summary": "the node is too hot"},
        "startsAt": "2026-11-25T01:59:30.123Z",
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-11-25T02:10:00Z",
        "generatorURL": "http://prometheus.example:9090/graph?g0.expr=node_hwmon_temp_crit_alarm_celsius",
        "fingerprint": "a1b2c3d4e5f60718",
    }


def group(*alerts: dict) -> bytes:
    """One request body of the documented format, version 4."""
    found = {
        "version": "4",
        "groupKey": '{}:{alertname="HostNodeOvertemperatureAlarm"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "toban",
        "groupLabels": {"alertname": "HostNodeOvertemperatureAlarm"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example:9093",
        "alerts": list(alerts),
    }
    return json.dumps(found).encode()


class Wire:
    """The running intake, and a client of the standard library."""

    def __init__(self, intake, bus):
        self.intake, self.bus = intake, bus

    def post(self, path, body, headers=None, *, method="POST", context: ssl.SSLContext | None = None):
        """Status, answer and headers."""
        host, port = self.intake.address
        kind = http.client.HTTPConnection if context is None else http.client.HTTPSConnection
        line = kind(host, port, timeout=10, **({"context": context} if context else {}))
        try:
            line.request(method, path, body, {"Authorization": f"Bearer {TOKEN}", **(headers or {})})
            answer = line.getresponse()
            return answer.status, json.loads(answer.read() or b"null"), dict(answer.getheaders())
        finally:
            line.close()

    async def posted(self, *args, **kwargs):
        return await asyncio.to_thread(self.post, *args, **kwargs)

    async def events(self):
        return [codec.decode(record).event async for record in self.bus.replay(subjects.ALL_EVENTS)]


@asynccontextmanager
async def listening(bus=None, clock=None, **changes):
    """An intake with two clients."""
    clock = clock or SystemClock()
    tokens = {"alertmanager": (TOKEN,), "shop": (OTHER,)}
    settings = WebhookSettings(**{"port": 0, "tokens": tokens, **changes})
    store = bus or MemoryBus(clock)
    intake = Intake(settings, {"/alertmanager": ALERTS, "/events": ENVELOPES}, store, clock)
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(intake.run(ready))
        await ready.wait()
        try:
            yield Wire(intake, store)
        finally:
            task.cancel()
