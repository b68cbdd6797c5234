"""Arm, disarm, promote, approve, reject: as a person types them, over a real broker."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engine.beginnings import Beginnings
from engine.bus import codec, subjects
from engine.bus.port import Bus
from engine.clock import HandClock, SystemClock
from engine.guard.control import Control, Orders
from engine.model.catalogue import shipped
from engine.model.decision import Act, Decision, Hold, Ignore, Reason
from engine.model.event import Event
from engine.recording import Recorder
from engine.rules import loading
from tests.e2e.site import broker
from toban import connecting, example, settings
from toban.cli import app

POLICY = """\
# Who works on a host is not disturbed.
apiVersion: toban/v1
kind: Policy
metadata: {name: NAME, title: {en: t, ja: t}}
spec:
  mode: observe                # observe | recommend | approve | automatic
  when: {event: host.unreachable, for: 45s, by: host}
  witnesses: {need: 2, of: [vcenter, bmc], within: 60s}
  do:
  - {id: fence, fence: {host: $host}}   # power away, proven
  budget: {rate: 2 per 15m}
"""
NOW = SystemClock().now()


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    with broker(tmp_path_factory.mktemp("broker")) as found:
        yield found


class Site:
    """A folder with one policy of its own name, so that tests share a broker without meeting."""

    def __init__(self, folder: Path, url: str, name: str) -> None:
        self.name, self.config = name, example.write(folder, example.free_ports(), armed=False, quick=False, bus=url)
        self.path = folder / "policies" / f"{name}.yaml"
        self.path.write_text(POLICY.replace("NAME", name), encoding="utf-8")

    def toban(self, *words: object, answer: str | None = None) -> Result:
        return CliRunner().invoke(app, [*map(str, words), "--config", str(self.config)], input=answer)

    def with_bus(self, work):
        async def do():
            async with connecting.bus(settings.load(self.config), SystemClock(), name="test") as bus:
                return await work(bus)

        return asyncio.run(do())

    def orders(self) -> Orders:
        return self.with_bus(lambda bus: Control(bus).orders())

    def told(self, kind: str) -> list[Event]:
        async def read(bus: Bus):
            found = [codec.parse(record.body) async for record in bus.replay(subjects.ALL_EVENTS)]
            return [one for one in found if one.type == kind and one.data.get("policy") == self.name]

        return self.with_bus(read)

    def decided(self, *decisions: Decision) -> None:
        async def store(bus: Bus):
            for one in decisions:
                await Recorder(bus).store(one)

        self.with_bus(store)

    def loaded(self, ago: timedelta) -> None:
        policy = loading.load([self.path], shipped()).policies[0]
        self.with_bus(lambda bus: Beginnings(bus, HandClock(NOW - ago)).of([policy]))

    def mode(self) -> str:
        return loading.load([self.path], shipped()).policies[0].spec.mode.value


@pytest.fixture
def site(tmp_path, url, request) -> Site:
    return Site(tmp_path, url, "p" + str(abs(hash(request.node.name)))[:8])


def decision(kind: type, match: str, policy: str, *codes: str, revision: int = 0, on: str = "host:esx1") -> Decision:
    reasons = tuple(Reason(code=code, en=f"because of {code}", ja=code) for code in codes)
    return kind(
        match=match, policy=policy, object=on, at=SystemClock().now(), reasons=reasons, causes=(), revision=revision
    )


def said(told: Result) -> dict[str, object]:
    return json.loads(told.output.splitlines()[-1])  # lines above are the log of an unconfigured process


def test_a_policy_is_taken_out_of_service_and_back_and_both_are_kept(site) -> None:
    told = site.toban("policy", "disarm", site.name, "--why", "it fences too much", "--by", "sato")
    assert told.exit_code == 0, told.output
    assert f"toban policy arm {site.name} takes it back" in told.output
    order = site.orders().disarmed(site.name)
    assert (order.by, order.why) == ("sato", "it fences too much")
    told = site.toban("policy", "arm", site.name, "--by", "ito", "--json")
    assert said(told)["text"] == f"{site.name}: armed"
    assert site.orders().disarmed(site.name) is None
    assert "it was in service already" in site.toban("policy", "arm", site.name).output
    (off,) = site.told("toban.policy.disarmed")
    on = site.told("toban.policy.armed")
    assert (off.data["by"], off.data["why"], on[0].data["by"], len(on)) == ("sato", "it fences too much", "ito", 2)


def test_arming_closes_an_open_breaker(site) -> None:
    site.with_bus(lambda bus: Control(bus).open_breaker(site.name, "2 per 15m is used up", NOW))
    assert site.orders().breaker(site.name).open
    assert "its breaker is closed" in site.toban("policy", "arm", site.name, "--why", "looked at").output
    assert not site.orders().breaker(site.name).open


def test_a_policy_with_a_mistake_in_its_file_can_still_be_taken_out_of_service(site) -> None:
    site.path.write_text(site.path.read_text().replace("host.unreachable", "host.unreachabel"))
    assert site.toban("policy", "disarm", site.name, "--why", "broken").exit_code == 0
    told = site.toban("policy", "promote", site.name, "--yes")
    assert "did you mean 'host.unreachable'" in str(told.exception)


@pytest.mark.parametrize("words", [("disarm", "--why", "x"), ("arm",), ("promote", "--yes")])
def test_an_unknown_policy_is_said_with_the_nearest_name(site, words) -> None:
    command, *rest = words
    told = site.toban("policy", command, site.name[:-1] + "x", *rest)
    assert f"did you mean '{site.name}'?" in str(told.exception)


def test_disarming_without_a_reason_is_refused(site) -> None:
    told = site.toban("policy", "disarm", site.name)
    assert told.exit_code == 2
    assert "--why" in told.output


def test_a_policy_is_promoted_by_its_record_and_only_one_word_of_its_file_changes(site) -> None:
    site.loaded(timedelta(days=8))
    site.decided(*(decision(Ignore, f"{site.name}-{n}", site.name, "mode.observe", "witnesses") for n in range(3)))
    before = site.path.read_text()
    told = site.toban("policy", "promote", site.name, answer="y\n")
    assert told.exit_code == 0, told.output
    lines = [line.split() for line in told.output.splitlines()]
    assert ["matches", "3"] in lines
    assert ["acted,", "or", "would", "have", "if", "it", "had", "been", "let", "3"] in lines
    assert site.path.read_text() == before.replace("mode: observe  ", "mode: recommend")
    (event,) = site.told("toban.policy.promoted")
    assert (event.data["before"], event.data["after"]) == ("observe", "recommend")


def test_who_says_no_changes_nothing(site) -> None:
    site.loaded(timedelta(days=8))
    for answer in ("n\n", ""):
        told = site.toban("policy", "promote", site.name, answer=answer)
        assert (told.exit_code, site.mode()) == (1, "observe")
        assert "nothing was changed" in told.output
    assert site.told("toban.policy.promoted") == []


def test_a_short_record_needs_a_reason(site) -> None:
    site.loaded(timedelta(days=6))
    told = site.toban("policy", "promote", site.name, "--yes")
    assert "0 matches in 6.0 days" in str(told.exception)
    assert site.mode() == "observe"
    assert (
        site.toban("policy", "promote", site.name, "--yes", "--to", "automatic", "--why", "as in the lab").exit_code
        == 0
    )
    assert site.mode() == "automatic"
    assert site.told("toban.policy.promoted")[0].data["why"] == "as in the lab"
    told = site.toban("policy", "promote", site.name, "--yes")
    assert "automatic already" in str(told.exception)
    assert site.toban("policy", "promote", site.name, "--yes", "--to", "observe").exit_code == 0  # down needs no reason
    assert "in observe already" in str(site.toban("policy", "promote", site.name, "--to", "observe").exception)


def test_twenty_matches_are_enough_on_the_first_day(site) -> None:
    site.loaded(timedelta(hours=5))
    site.decided(*(decision(Ignore, f"{site.name}-{n}", site.name, "mode.observe", "witnesses") for n in range(20)))
    assert site.toban("policy", "promote", site.name, "--yes").exit_code == 0


def test_what_people_did_meanwhile_is_part_of_the_record(site) -> None:
    site.loaded(timedelta(days=8))
    objects = [f"host:{site.name}-{n}" for n in range(3)]
    site.decided(
        *(
            decision(Ignore, f"{site.name}-{n}", site.name, "mode.observe", "witnesses", on=one)
            for n, one in enumerate(objects)
        )
    )

    async def publish(bus: Bus) -> None:
        for number, (user, kind) in enumerate((("sato", "host.shutdown"), ("toban@vsphere.local", "host.crashed"))):
            one = Event(
                id=f"{site.name}{number}", type=kind if number else "host.crashed", source="v",
                subject=objects[number], time=NOW, data={"user": user},
            )  # fmt: skip
            await bus.publish(one)
        over = Event(
            id=f"{site.name}over", type="toban.condition.ended", source="t", subject=objects[2], time=NOW,
            causationid=f"{site.name}-2",
        )  # fmt: skip
        await bus.publish(over)

    site.with_bus(publish)
    found = said(site.toban("policy", "promote", site.name, "--json"))
    assert (found["matches"], found["people_did_the_same"], found["ended_by_itself"]) == (3, 1, 1)
    assert (found["mode"], found["enough"], site.mode()) == ("observe", True, "observe")


def test_a_person_approves_and_rejects_by_the_first_characters_of_the_match(site) -> None:
    yes, no = f"{site.name}yes", f"{site.name}no"
    site.decided(
        decision(Hold, yes, site.name, "mode.approve"), decision(Hold, no, site.name, "stopped", "mode.approve")
    )
    told = site.toban("approve", yes[:-1], "--why", "it is dead", "--by", "sato")
    assert told.exit_code == 0, told.output
    assert "the other guards are looked at again" in told.output
    assert said(site.toban("reject", no, "--json"))["answer"] == "rejected"
    answer = site.orders().answer(yes)
    assert (answer.yes, answer.by, answer.why) == (True, "sato", "it is dead")
    assert answer.at > NOW - timedelta(minutes=1)
    assert site.orders().answer(no).yes is False
    assert {one.data["answer"] for one in site.told("toban.decision.answered")} == {"approved", "rejected"}


def test_asked_twice_or_too_late_is_one_clear_sentence(site) -> None:
    one = site.name
    site.decided(
        decision(Hold, f"{one}a", one, "mode.approve"),
        decision(Hold, f"{one}b", one, "mode.approve"),
        decision(Act, f"{one}b", one, "held", "approval.deadline", revision=1),
        decision(Ignore, f"{one}c", one, "approval.deadline"),
        decision(Hold, f"{one}d", one, "stopped"),
    )
    assert site.toban("approve", f"{one}a", "--by", "sato").exit_code == 0
    assert "sato has approved it at" in str(site.toban("reject", f"{one}a").exception)
    assert "too late" in str(site.toban("approve", f"{one}b").exception)
    assert "was left alone" in str(site.toban("approve", f"{one}c").exception)
    assert "does not wait for a person: because of stopped" in str(site.toban("reject", f"{one}d").exception)
    nobody = str(site.toban("approve", "zzz").exception)
    assert "0 decisions begin with 'zzz'" in nobody
    assert f"{one}a ({one}, host:esx1)"[:12] in nobody
    assert "decisions begin with" in str(site.toban("approve", one).exception)
