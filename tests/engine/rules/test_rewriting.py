"""One word of a policy file is changed, and nothing else."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import documents
from engine.model.errors import ConfigurationError
from engine.model.policy import Mode
from engine.rules import rewriting
from tests.toban.test_policy_commands import SHIPPED

HEAD = "apiVersion: toban/v1\nkind: Policy\nmetadata: {name: p, title: {en: t, ja: t}}\n"


STEPS = "spec:\n  do:\n  - {id: a}   # two\n\n  - {id: b}\n  mode: "
COMMENTED = "spec:\n  # first of all\n  {}when: {{event: x}}\n"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("spec:\n  mode: observe   # far\n  when: {a: 1}\n", "spec:\n  mode: approve   # far\n  when: {a: 1}\n"),
        ("spec:\n  mode: automatic # how far\n", "spec:\n  mode: approve   # how far\n"),
        ("spec:\n  mode: observe # far\n", "spec:\n  mode: approve # far\n"),
        ("spec:\n  mode: 'observe'\n", "spec:\n  mode: approve\n"),
        ('spec:\n  mode:\n    "observe"\n', "spec:\n  mode:\n    approve\n"),
        ("spec: {when: {mode: observe}, mode: observe}\n", "spec: {when: {mode: observe}, mode: approve}\n"),
        ("spec: {when: {event: x}}\n", "spec: {mode: approve, when: {event: x}}\n"),
        (COMMENTED.format(""), COMMENTED.format("mode: approve\n  ")),
        ("spec:\r\n    when: {event: x}\r\n", "spec:\r\n    mode: approve\r\n    when: {event: x}\r\n"),
        (STEPS + "observe", STEPS + "approve"),
    ],
)
def test_the_mode_is_changed_or_written_down_and_the_layout_stays(spec, expected) -> None:
    assert rewriting.with_mode(HEAD + spec, Mode.APPROVE, "p.yaml") == HEAD + expected


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*[!t].yaml")), ids=lambda path: path.name)
@pytest.mark.parametrize("mode", list(Mode))
def test_a_shipped_policy_differs_in_one_line_at_most(path, mode) -> None:
    if path.name.endswith(".test.yaml"):
        pytest.skip("scenarios have no mode of a policy")
    text = path.read_text(encoding="utf-8")
    new = rewriting.with_mode(text, mode, path.name)
    changes = [line for line in difflib.ndiff(text.splitlines(), new.splitlines()) if line[0] in "+-"]
    assert len(changes) <= 2
    assert documents.parse(new.encode(), "p").value["spec"]["mode"] == mode.value
    assert rewriting.with_mode(new, mode, path.name) == new


@pytest.mark.parametrize("text", ["a: 1\n", "spec: []\n", "spec: {}\n", "spec:\n", "[]\n"])
def test_what_has_no_rule_is_refused_in_one_sentence(text) -> None:
    with pytest.raises(ConfigurationError):
        rewriting.with_mode(text, Mode.APPROVE, "p.yaml")


@given(st.sampled_from(["observe", "automatic"]), st.text(alphabet="abc #:é当\t", max_size=12), st.integers(1, 8))
def test_comments_survive_whatever_is_written_in_them(mode, words, indent) -> None:
    comment = "# " + words
    text = f"{HEAD}spec:\n{' ' * indent}mode: {mode} {comment}\n{' ' * indent}when: {{event: x}} {comment}\n"
    new = rewriting.with_mode(text, Mode.RECOMMEND, "p.yaml")
    assert new.count(comment) == text.count(comment)
