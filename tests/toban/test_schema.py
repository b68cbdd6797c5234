"""`toban policy schema`: an editor accepts what the language accepts, and refuses what has the wrong shape."""

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from engine import documents
from engine.documents import Unreadable
from engine.model import actions
from engine.model.catalogue import shipped
from engine.model.durations import seconds, written
from engine.model.policy import Policy
from toban import describing, schema
from toban.cli import app


def faults(made: dict, value: object) -> Iterator[object]:
    """What the reference implementation of JSON Schema finds."""
    return Draft202012Validator(made).iter_errors(value)


ROOT = Path(__file__).parents[2]
FILES = sorted(path for folder in ("policies", "docs/examples") for path in (ROOT / folder).rglob("*.yaml"))
POLICIES = [path for path in FILES if not path.name.endswith(".test.yaml")]
GOOD = """\
apiVersion: toban/v1
kind: Policy
metadata: {name: p, title: {en: t, ja: t}}
spec:
  mode: automatic
  when: {event: host.unreachable, for: 45s, by: host}
  do: [{id: tell, notify: {channel: x}}]
  budget: {rate: 2 per 15m}
"""
WHEN = "{event: host.unreachable, for: 45s, by: host}"
DO = "[{id: tell, notify: {channel: x}}]"


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return schema.schema(shipped())


def content(text: str) -> Any:
    return documents.parse(text.encode(), "p.yaml").value


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_every_policy_that_ships_and_every_example_fits(made, path) -> None:
    assert list(faults(made, documents.read(path).value)) == []


@pytest.mark.parametrize(
    "when",
    [
        "{event: storage.*}",
        "{metric: host.load.cpu_percent, below: 10, for: 1m30s, clear: 20.5}",
        "{all: [{event: host.crashed}, {event: storage.path.lost}], within: 60s, same: [path]}",
        "{sequence: [{event: host.unreachable}, {event: host.reachable}], within: 10m, until: host.removed}",
        "{event: vm.heartbeat.lost, count: 3, within: 5m, distinct: subject, by: host}",
        "{event: host.rebooting, absent: {event: host.booted}, within: 15m}",
        "{missing: host.load, for: 3m, by: host}",
        "{any: [{event: host.unreachable, for: 45s}, {schedule: 0 22 * * 1-5}]}",
        '{schedule: 0 22 * * 1-5, timezone: Asia/Tokyo, about: "group:esx"}',
    ],
)
def test_every_pattern_fits(made, when) -> None:
    assert list(faults(made, content(GOOD.replace(WHEN, when)))) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("toban/v1", "toban/v2"),
        ("kind: Policy", "kind: Rule"),
        ("name: p", "name: Host_Down"),
        ("name: p", "name: p, nickname: q"),
        ("title: {en: t, ja: t}", "title: {en: t}"),
        ("title: {en: t, ja: t}", "title: t"),
        ("mode: automatic", "mode: auto"),
        ("  mode: automatic", "  priority: 101"),
        ("  mode: automatic", '  priority: "50"'),
        ("  mode: automatic", "  priority: 50.5"),
        ("  mode: automatic", "  cooldown: 30"),
        ("  mode: automatic", "  cooldown: 30 m"),
        ("  mode: automatic", "  cooldown: 5y"),
        ("  mode: automatic", "  late: perhaps"),
        ("  mode: automatic", "  scope: {cluster: a}"),
        ("  mode: automatic", "  unless: [maintainance]"),
        ("  mode: automatic", "  unless: [{human: 0s}]"),
        ("  mode: automatic", "  unless: [{from: '25:00'}]"),
        ("  mode: automatic", "  during: [{from: '22'}]"),
        ("  mode: automatic", "  witnesses: {need: 0, of: [bmc], within: 60s}"),
        ("  mode: automatic", "  witnesses: {need: 2, of: [ups], within: 60s}"),
        ("  mode: automatic", "  witnesses: {need: 2, within: 60s}"),
        ("  mode: automatic", "  approval: {deadline: 15m, otherwise: maybe}"),
        ("rate: 2 per 15m", "rate: two per 15m"),
        ("rate: 2 per 15m", "rate: 0 per 15m"),
        ("rate: 2 per 15m", "rate: 2 per 15m, share: 101%"),
        ("rate: 2 per 15m", "rate: 2 per 15m, breaker: automatic"),
        ("budget: {rate: 2 per 15m}", "budget: {}"),
        (f"  when: {WHEN}\n", ""),
        (WHEN, "{}"),
        (WHEN, "{event: host.unreachabel}"),
        (WHEN, "{event: hostess.*}"),
        (WHEN, "{event: host.unreachable, by: rack}"),
        (WHEN, "{event: host.unreachable, fro: 45s}"),
        (WHEN, "{metric: host.load.cpu, above: 80, for: 60s}"),
        (WHEN, "{metric: host.load.cpu_percent, for: 60s}"),
        (WHEN, "{metric: host.load.cpu_percent, above: 80, below: 10, for: 60s}"),
        (WHEN, "{all: [{event: host.crashed}], within: 60s}"),
        (WHEN, "{sequence: [{event: host.crashed}, {event: host.booted}]}"),
        (WHEN, "{event: host.crashed, count: 1, within: 60s}"),
        (WHEN, "{event: host.crashed, absent: host.booted, within: 60s}"),
        (WHEN, "{any: [{event: host.crashed}, {any: [{event: host.booted}, {event: host.crashed}]}]}"),
        (DO, "[]"),
        (DO, "[{notify: {channel: x}}]"),
        (DO, "[{id: tell}]"),
        (DO, "[{id: tell, notify: {}}]"),
        (DO, "[{id: tell, notfy: {channel: x}}]"),
        (DO, "[{id: tell, notify: {channel: x}, fence: {host: $host}}]"),
        (DO, "[{id: tell, fence: {host: esx1}}]"),
        (DO, "[{id: tell, fence: {host: $vm}}]"),
        (DO, "[{id: tell, migrate: {from: $host, vms: 9}}]"),
        (DO, "[{id: tell, migrate: {from: $host, vms: all}}]"),
        (DO, "[{id: tell, notify: {channel: x}, after: successful}]"),
        (DO, "[{id: tell, notify: {channel: x}, after: {fence: fine}}]"),
        (DO, "[{id: tell, notify: {channel: x}, retry: {attempts: 0}}]"),
        (DO, "[{id: tell, notify: {channel: x}, timeout: 0s}]"),
    ],
)
def test_what_has_the_wrong_shape_is_refused(made, right, wrong) -> None:
    assert right in GOOD
    assert list(faults(made, content(GOOD.replace(right, wrong)))) != []


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_a_file_without_any_one_of_its_lines_is_refused_by_the_schema_only_if_it_is_by_the_language(made, path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for number in range(len(lines)):
        text = "".join(lines[:number] + lines[number + 1 :])
        try:
            document = documents.parse(text.encode(), "p.yaml")
            documents.validate(document, Policy)
        except Unreadable:
            continue
        assert list(faults(made, document.value)) == [], f"without line {number + 1}"


def test_it_is_a_schema_by_its_own_draft(made) -> None:
    Draft202012Validator.check_schema(made)


def test_it_is_one_self_contained_document_that_names_its_draft(made, tmp_path) -> None:
    told = CliRunner().invoke(app, ["policy", "schema", "--out", str(tmp_path / "policy.schema.json")])
    assert (told.exit_code, told.output) == (0, "")
    written_out = json.loads((tmp_path / "policy.schema.json").read_bytes())
    assert written_out == made == json.loads(CliRunner().invoke(app, ["policy", "schema"]).output)
    assert written_out["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for name in references(written_out):
        assert name.removeprefix("#/$defs/") in written_out["$defs"]


def references(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"]} if "$ref" in value else set()
    return own.union(*map(references, value.values()))


def test_a_place_where_nothing_can_be_written_is_said(tmp_path) -> None:
    told = CliRunner().invoke(app, ["policy", "schema", "--out", str(tmp_path / "none" / "s.json")])
    assert told.exit_code != 0
    assert "cannot be written" in str(told.exception)


def test_every_field_and_word_is_described_in_both_languages() -> None:
    silent = [
        f"{name}.{word}"
        for name, one in describing.classes().items()
        for word in (describing.SELF, *describing.words(one))
        if not all((describing.meaning(one, word).en, describing.meaning(one, word).ja))
    ]
    assert silent == []


def test_the_japanese_table_speaks_of_nothing_that_is_not_there() -> None:
    known = {
        **describing.classes(),
        **{one.__name__: one for kind in describing.classes().values() for one in kind.__mro__},
    }
    strange = [
        f"{name}.{word}"
        for name, said in describing.japanese().items()
        for word in said
        if name not in known or (word != describing.SELF and word not in describing.words(known[name]))
    ]
    assert strange == []


def test_what_editors_show_comes_in_both_languages(made) -> None:
    def silent(value: Any, place: str) -> list[str]:
        if not isinstance(value, dict):
            return []
        found = [
            f"{place}.{word}"
            for word, one in value.get("properties", {}).items()
            if "x-description-ja" not in one and not place.startswith("step-")
        ]
        return found + [each for word, one in value.get("$defs", {}).items() for each in silent(one, word)]

    assert silent(made, "Policy") == []
    for verb, action in actions.shipped().items():
        shown = made["$defs"][f"step-{verb}"]["properties"][verb]
        assert (shown["description"], shown["x-description-ja"]) == (action.en, action.ja)
    types = made["$defs"]["EventType"]
    assert len(types["enum"]) == len(types["enumDescriptions"]) == len(types["x-enum-descriptions-ja"])
    assert set(shipped().types) < set(types["enum"])


def test_every_list_of_words_is_told_word_by_word(made) -> None:
    for name, one in describing.classes().items():
        if issubclass(one, StrEnum):
            assert len(made["$defs"][name]["enum"]) == len(made["$defs"][name]["enumDescriptions"])


@pytest.mark.parametrize("text", ["0s", "500ms", "45s", "15m", "1h30m", "2d", "1d1h1m1s1ms"])
def test_a_duration_is_written_as_people_write_it(text) -> None:
    assert written(seconds(text)) == text
