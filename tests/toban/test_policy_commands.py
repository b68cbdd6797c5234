"""`toban policy`: what an author sees."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from toban.cli import app

SHIPPED = Path(__file__).parents[2] / "policies"
POLICY = """\
apiVersion: toban/v1
kind: Policy
metadata: {name: p, title: {en: t, ja: t}}
spec:
  mode: automatic
  when: {event: host.unreachable, for: 45s, by: host}
  do: [{id: tell, notify: {channel: x}}]
"""
SCENARIOS = """\
apiVersion: toban/v1
kind: Scenarios
policy: p
scenarios:
  - name: it stays down
    inputs: [0s host:esx1 host.unreachable]
    until: 60s
    expect: [{at: 44s, decision: act}]
"""


def toban(*words: object) -> Result:
    return CliRunner().invoke(app, ["policy", *map(str, words)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "p.test.yaml").write_text(SCENARIOS)
    return tmp_path


def test_the_shipped_scenarios_pass() -> None:
    told = toban("test", SHIPPED, "--coverage")
    assert told.exit_code == 0, told.output
    assert "0 came out differently" in told.output
    assert "no scenario decides" not in told.output


def test_a_scenario_that_comes_out_differently_shows_where_and_how(folder) -> None:
    told = toban("test", folder / "p.yaml")
    assert told.exit_code == 1
    assert f"{folder / 'p.test.yaml'}:5: - expected, + came" in told.output
    assert "- 44s act" in told.output
    assert "+ 45s act about=host:esx1" in told.output


def test_results_can_be_read_by_machines(folder, tmp_path) -> None:
    words = [sys.executable, "-m", "toban", "policy", "test", folder, "--json", "--junit", tmp_path / "r.xml"]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    first, second = (json.loads(line) for line in told.stdout.splitlines())
    assert (first["scenario"], first["passed"]) == ("it stays down", False)
    assert second["missing"] == ["when: ended in time"]
    (suite,) = ET.fromstring((tmp_path / "r.xml").read_bytes())  # noqa: S314  we wrote it
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("p.yaml", POLICY.replace("host.unreachable", "host.unreachabel"), "did you mean 'host.unreachable'"),
        ("p.test.yaml", SCENARIOS.replace("policy: p", "policy: q"), "no policy q"),
        ("p.test.yaml", SCENARIOS.replace("until: 60s", "until: 60"), "write a duration"),
        ("p.test.yaml", SCENARIOS.replace("0s host:esx1", "0s-9s host:esx1"), "duration"),
    ],
)
def test_a_file_that_cannot_be_used_is_said_in_one_sentence(folder, name, content, sentence) -> None:
    (folder / name).write_text(content)
    told = toban("test", folder)
    assert told.exit_code != 0
    assert sentence in str(told.exception)


def test_a_policy_without_scenarios_is_said(tmp_path) -> None:
    (tmp_path / "p.yaml").write_text(POLICY)
    told = toban("test", tmp_path / "p.yaml")
    assert "p.test.yaml does not exist" in str(told.exception)


def test_an_input_that_comes_too_often_is_refused_at_its_line(folder) -> None:
    (folder / "p.test.yaml").write_text(SCENARIOS.replace("[0s host:esx1", "[0s-31d/1ms host:esx1"))
    told = toban("test", folder)
    assert "p.test.yaml:6:14" in str(told.exception)
    assert "more than 100000 times" in str(told.exception)
