"""`toban policy check, new, list, show`: what an author sees."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engine.rules import findings
from toban.cli import app

ROOT = Path(__file__).parents[2]
POLICY = """\
apiVersion: toban/v1
kind: Policy
metadata:
  name: p
  title: {en: t, ja: t}
  waive: []
spec:
  when: {metric: host.load.cpu_percent, above: 80, for: 60s, by: host}
  do: [{id: relieve, migrate: {from: $host}}]
"""
WAIVED = POLICY.replace("[]", "[{code: P050, reason: the guard of the site is enough}]")
STANDARD = sorted(one.stem for one in (ROOT / "policies").glob("*.yaml") if not one.name.endswith(".test.yaml"))


def toban(*words: object) -> Result:
    return CliRunner().invoke(app, ["policy", *map(str, words)])


def test_warnings_are_told_and_fail_only_if_that_is_asked_for(tmp_path) -> None:
    (tmp_path / "p.yaml").write_text(POLICY)
    told = toban("check", tmp_path)
    assert told.exit_code == 0
    assert f"{tmp_path / 'p.yaml'}:9:3: warning P050: the policy acts without a `budget`" in told.output
    assert "1 policies usable, 0 errors, 1 warnings, 0 hints, 0 waived" in told.output
    assert toban("check", tmp_path, "--strict").exit_code == 1


def test_what_is_waived_is_shown_only_if_that_is_asked_for(tmp_path) -> None:
    (tmp_path / "p.yaml").write_text(WAIVED)
    assert "P050" not in toban("check", tmp_path, "--strict").output
    told = toban("check", tmp_path, "--verbose", "--strict")
    assert told.exit_code == 0
    assert "(waived: the guard of the site is enough)" in told.output
    (line,) = toban("check", tmp_path, "--json").output.splitlines()
    assert (json.loads(line)["code"], json.loads(line)["waived"]) == ("P050", "the guard of the site is enough")


def test_sarif_has_every_field_that_its_readers_need(tmp_path) -> None:
    (tmp_path / "p.yaml").write_text(WAIVED)
    (tmp_path / "q q.yaml").write_text(POLICY.replace("name: p", "name: q").replace("host.load.", "host.laod."))
    told = toban("check", tmp_path, "--format", "sarif")
    assert told.exit_code == 1
    log = json.loads(told.output)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"] == "toban"
    assert [rule["id"] for rule in rules] == list(findings.shipped())
    assert all(rule["shortDescription"]["text"] and rule["help"]["text"] for rule in rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"].startswith("file:///")
        assert " " not in place["artifactLocation"]["uri"]
        assert place["region"]["startLine"] >= 1
        assert place["region"]["startColumn"] >= 1
    by_code = {result["ruleId"]: result for result in run["results"]}
    assert by_code["P012"]["level"] == "error"
    assert "P050" in by_code


def test_the_estate_makes_scopes_known(tmp_path) -> None:
    (tmp_path / "p.yaml").write_text(WAIVED.replace("spec:\n", "spec:\n  scope: {group: esxx}\n"))
    estate = (ROOT / "toban/templates/estate.yaml").read_text().replace("$vcenter", "1").replace("$bmc", "1")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "estate.yaml").write_text(estate)
    assert "P064" not in toban("check", tmp_path / "p.yaml").output
    told = toban("check", tmp_path / "p.yaml", "--estate", tmp_path / "site" / "estate.yaml")
    assert "p.yaml:8:11: warning P064: the estate has no group 'esxx'; did you mean 'esx'?" in told.output


def test_a_folder_without_policies_is_said(tmp_path) -> None:
    assert "P003: there is no policy here" in toban("check", tmp_path).output


def test_the_shipped_policies_have_no_errors() -> None:
    told = toban("check", ROOT / "policies")
    assert told.exit_code == 0, told.output


@pytest.mark.parametrize("standard", STANDARD)
def test_a_policy_begun_from_any_standard_one_observes_and_passes_check_and_test(standard, tmp_path) -> None:
    made = toban("new", "mine", "--from", standard, "--out", tmp_path)
    assert made.exit_code == 0, made.output
    text = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    original = (ROOT / "policies" / f"{standard}.yaml").read_text(encoding="utf-8")
    assert "name: mine" in text
    assert "mode: observe" in text
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        line for line in original.splitlines() if line.startswith("#")
    ]
    assert toban("check", tmp_path).exit_code == 0
    assert toban("test", tmp_path).exit_code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["mine", "--from", "host-down-failovr"], "did you mean 'host-down-failover'"),
        (["Mine"], "is no name for a policy"),
        ([], "give the new policy a name"),
        (["taken"], "is there already; nothing was written"),
    ],
)
def test_what_cannot_be_begun_is_said(words, sentence, tmp_path) -> None:
    (tmp_path / "taken.test.yaml").touch()
    told = toban("new", *words, "--out", tmp_path)
    assert sentence in str(told.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["taken.test.yaml"]


def test_policies_are_listed_and_shown_in_plain_words() -> None:
    rows = [json.loads(line) for line in toban("list", ROOT / "policies", "--json").output.splitlines()]
    assert [row["name"] for row in rows] == STANDARD
    one = next(row for row in rows if row["name"] == "host-down-failover")
    assert (one["mode"], one["does"], one["scenarios"] > 10) == ("automatic", ["fence", "failover", "notify"], True)
    for language, sentence in (("en", "holds for 45s, per host."), ("ja", "45s 継続(host ごと)。")):
        told = toban("show", "host-down-failover", ROOT / "policies", "--lang", language)
        assert sentence in told.output
    assert "did you mean" in str(toban("show", "host-down-failovr", ROOT / "policies").exception)
