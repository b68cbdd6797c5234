"""`toban policy reference`: the page that ships says what the code says, and its examples run."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from engine.model import actions
from engine.model.catalogue import shipped
from engine.model.errors import ConfigurationError
from engine.rules import conditions, findings
from toban import describing, reference, tables
from toban.cli import app

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
PAGE = (ROOT / "docs" / "policy-reference.md").read_text(encoding="utf-8")


def test_the_page_that_ships_is_what_is_made_now() -> None:
    assert reference.page(shipped(), EXAMPLES) == PAGE, "run `make docs`"


def test_it_is_written_where_it_is_asked_for(tmp_path) -> None:
    told = CliRunner().invoke(
        app, ["policy", "reference", "--examples", str(EXAMPLES), "--out", str(tmp_path / "p.md")]
    )
    assert (told.exit_code, told.output) == (0, "")
    assert (tmp_path / "p.md").read_text(encoding="utf-8") == PAGE


def test_without_the_examples_it_says_so(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="is not there; give the folder of the examples"):
        reference.page(shipped(), tmp_path)


def test_every_part_of_the_language_has_its_table() -> None:
    put_in = set(re.findall(r"\{\{(?:fields|words) (\w+)\}\}", reference.template()))
    assert set(describing.classes()) - put_in == set()
    assert put_in >= {"Scenario", "Input", "Expected", "Place", "Host"}


def test_every_field_of_a_table_has_a_meaning() -> None:
    silent = [
        f"{name}.{word}"
        for name, one in reference.classes().items()
        for word in describing.words(one)
        if not describing.english(one, word)
    ]
    assert silent == []


def test_every_example_is_on_the_page_and_every_file_has_its_scenarios() -> None:
    names = {path.name.partition(".")[0] for path in EXAMPLES.iterdir()}
    assert names == set(re.findall(r"\{\{example ([\w-]+)\}\}", reference.template()))
    for name in names:
        assert (EXAMPLES / f"{name}.yaml").exists()
        assert (EXAMPLES / f"{name}.test.yaml").exists()
        assert len((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8").splitlines()) <= 25


def test_every_example_is_right_and_comes_out_as_it_says() -> None:
    checked = CliRunner().invoke(app, ["policy", "check", "--strict", str(EXAMPLES)])
    assert checked.exit_code == 0, checked.output
    played = CliRunner().invoke(app, ["policy", "test", str(EXAMPLES)])
    assert played.exit_code == 0, played.output


def test_every_policy_that_the_prose_shows_is_part_of_something_that_is_executed() -> None:
    shown = re.findall(r"```yaml\n(.*?)```", reference.template(), flags=re.DOTALL)
    assert [text.splitlines()[0] for text in shown] == [
        "- name: the host comes back in time",
        "waive:",
        "# yaml-language-server: $schema=policy.schema.json",
    ]
    assert shown[0].replace("- name: the host comes back in time", "").strip() in _undented("host-down-failover")


def _undented(name: str) -> str:
    text = (ROOT / "policies" / f"{name}.test.yaml").read_text(encoding="utf-8")
    return "\n".join(line.removeprefix("  ") for line in text.splitlines())


def test_every_name_of_a_condition_action_and_event_is_there() -> None:
    for name in [*conditions.ENVELOPE, *conditions.ESTATE, *conditions.METRIC, *actions.shipped(), *shipped().types]:
        assert f"| `{name}` |" in PAGE


def test_links_within_the_page_lead_somewhere() -> None:
    heads = {
        re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-")
        for line in PAGE.splitlines()
        if line.startswith("#")
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) <= heads
    for target in re.findall(r"\]\((examples/[^)]+)\)", PAGE):
        assert (ROOT / "docs" / target).is_file()


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    assert tables.table(("a",), [("x|y",)]).splitlines()[2] == "| x\\|y |"


def test_a_number_with_bounds_says_them() -> None:
    class Bounded(BaseModel):
        share: float
        count: int = 3

    text = tables.fields(Bounded)
    assert "| `share` | number | required |" in text
    assert "| `count` | whole number | `3` |" in text


def test_every_finding_is_told_with_what_to_do() -> None:
    for code, one in findings.shipped().items():
        assert f"| `{code}` | {one.severity} | {one.en} / {one.ja} |" in PAGE
        assert f"{one.todo} |" in PAGE
