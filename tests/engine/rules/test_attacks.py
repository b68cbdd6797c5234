"""Policy files as an attack: each is refused, or handled in bounded time, with one clear message."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import documents
from engine.model.catalogue import shipped
from engine.model.policy import Policy
from engine.rules import loading

POLICY = """\
apiVersion: toban/v1
kind: Policy
metadata: {name: NAME, title: {en: "t", ja: "t"}}
spec:
  when: {event: host.crashed, by: host}
  scope: {labels: {rack: LABEL}}
  priority: NUMBER
  if: CONDITION
  do: [{id: tell, notify: {channel: oncall}}]
"""
PATIENCE = 20.0
"""Seconds that anything here may take on the slowest machine; a bomb would take hours."""


def written(**words: str) -> str:
    plain = {"NAME": "p", "LABEL": "a", "NUMBER": "50", "CONDITION": "host.vms > 0", **words}
    text = POLICY
    for name, word in plain.items():
        text = text.replace(name, word)
    return text


def problems(raw: bytes | str, folder: Path) -> list[str]:
    path = folder / "p.yaml"
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    began = time.monotonic()
    found = loading.load([path], shipped()).problems
    assert time.monotonic() - began < PATIENCE
    return [f"{one.line}:{one.column} {one.message}" for one in found]


BOMB = "a: &a [x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20))


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (BOMB, "1:4 anchor &a: not allowed here"),
        ("a: " + "x" * 10_000_000, "1:1 the file is larger than 256 KiB"),
        ("[" * 10_000, "1:21 nesting deeper than 20 levels: not allowed here"),
        ("{a: " * 10_000, "1:81 nesting deeper than 20 levels: not allowed here"),
        ("- " * 10_000, "1:41 nesting deeper than 20 levels: not allowed here"),
        (
            written().replace("kind: Policy", "kind: Policy\nkind: Policy"),
            "3:1 not valid YAML 1.2: found duplicate key",
        ),
        ("!!python/object/apply:os.system ['true']", "1:1 tag"),
        ("a: !!int '3'", "1:4 tag"),
        ("a: !include secret", "1:4 tag"),
        ("a: *b", "1:4 alias *b: not allowed here"),
        (b"a: \xff\xfe", "1:1 the file is not UTF-8 (byte 3)"),
        ("a: b".encode("utf-16"), "1:1 the file is not UTF-8"),
        (b"a: \x00", "1:1 not valid YAML 1.2: "),
        (b"a: \x1b[31m", "1:1 not valid YAML 1.2: "),
        ('a: "\\ud800"', "1:1 half a surrogate pair is no text"),
        ("", "1:1 "),
        ("- 1\n- 2", "1:1 "),
        ("%YAML 1.1\n---\na: no", ""),
        ("a: 1\n---\nb: 2", "2:1 not valid YAML 1.2"),
        ("? [a]\n: b", "1:"),
    ],
)
def test_a_hostile_file_is_refused_in_one_sentence(raw, says, tmp_path) -> None:
    found = problems(raw, tmp_path)
    assert found
    assert says in found[0]
    assert len(found[0]) < 300
    assert "\x1b" not in found[0]


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("0x10", "the number 0x10 is read differently by different readers"),
        ("0o17", "the number 0o17 is read differently"),
        ("017", "the number 017 is read differently"),
        ("0b11", "the number 0b11 is read differently"),
        ("1_000", "the number 1_000 is read differently"),
        (".inf", "the number .inf is read differently"),
        ("12345678901234567890", "is read differently"),
        ("1e999", "this number is too large"),
        ("5.0", "priority: input should be a valid integer"),
        ('"5"', "priority: input should be a valid integer"),
        ("true", "priority: input should be a valid integer"),
        ("no", "priority: input should be a valid integer"),
        ("1:30", "priority: input should be a valid integer"),
    ],
)
def test_a_number_is_a_plain_decimal_number_or_it_is_refused(word, says, tmp_path) -> None:
    (found,) = problems(written(NUMBER=word), tmp_path)
    assert says in found
    assert found.startswith("7:")


@pytest.mark.parametrize(
    "word", ["no", "on", "yes", "off", "y", "1:30", "22:00:00", "2026-01-01", "2026-01-01T00:00:00Z", "<<", "="]
)
def test_a_word_that_other_readers_would_turn_arrives_as_it_was_written(word) -> None:
    policy = documents.validate(documents.parse(written(LABEL=word).encode(), "p"), Policy)
    assert policy.spec.scope.labels == {"rack": word}


@pytest.mark.parametrize(
    ("word", "says"), [("12", "put it in quotes"), ("true", "put it in quotes"), ("~", "put it in quotes")]
)
def test_a_text_that_is_no_text_is_refused(word, says, tmp_path) -> None:
    (found,) = problems(written(LABEL=word), tmp_path)
    assert says in found


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("host.name.matches('(a+)+$')", None),
        ("host.name.matches('(a|a)*b')", None),
        ("host.name.matches('(((a{30}){30}){30})')", "not a regular expression of RE2"),
        ("host.name.matches('(?=a)')", "not a regular expression of RE2"),
        ("host.name.matches('" + "(" * 500 + "')", "not a regular expression of RE2"),
        (" && ".join(["host.vms > 0"] * 300), "longer than 2000 characters"),
        ("!" * 1000 + "host.ha", ""),
        ("(" * 500 + "host.ha" + ")" * 500, None),
        ("host." + "a." * 500 + "b == 1", ""),
    ],
)
def test_a_hostile_condition_is_refused_or_takes_linear_time(condition, says, tmp_path) -> None:
    found = problems(written(CONDITION=f'"{condition}"'), tmp_path)
    assert (found == []) is (says is None)
    assert says is None or says in found[0]


def test_a_catastrophic_expression_takes_linear_time_on_a_hostile_text() -> None:
    from engine.rules import evaluating

    began = time.monotonic()
    assert not evaluating.evaluate("host.name.matches('^(a+)+$')", {"host.name": "a" * 50_000 + "!"})
    assert time.monotonic() - began < 2


def checked(*paths: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "toban", "policy", "check", *paths]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


def test_what_is_no_regular_file_is_refused_and_nobody_waits(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    (tmp_path / "up").symlink_to(tmp_path)
    (tmp_path / "good.yaml").write_text(written(), encoding="utf-8")
    done = checked(tmp_path)
    assert done.returncode == 1
    assert "pipe.yaml:1:1: error P001: this is not a regular file" in done.stdout
    assert "loop.yaml:1:1: error P001: cannot read the file" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "1 policies usable" in done.stdout + done.stderr


def test_more_policies_than_a_site_may_have_are_refused_before_any_is_read(tmp_path) -> None:
    for number in range(10_000):
        (tmp_path / f"p{number}.yaml").touch()
    began = time.monotonic()
    done = checked(tmp_path)
    assert time.monotonic() - began < PATIENCE
    assert done.returncode == 2
    assert f"there are more than 2000 policy files below {tmp_path}" in done.stderr


def test_a_long_list_is_refused_by_its_length(tmp_path) -> None:
    steps = "".join(f"    - {{id: s{n}, notify: {{channel: x}}}}\n" for n in range(1001))
    text = written().split("  do:", maxsplit=1)[0] + "  do:\n" + steps
    (found,) = problems(text, tmp_path)
    assert "spec.do: tuple should have at most 1000 items" in found


KEYS = st.sampled_from(
    ["apiVersion", "kind", "metadata", "spec", "when", "event", "do", "for", "if", "any", "name", "x"]
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["toban/v1", "Policy", "host.crashed", "60s", "automatic", "$host"]),
)
TREES = st.recursive(
    VALUES, lambda one: st.lists(one, max_size=4) | st.dictionaries(KEYS, one, max_size=6), max_leaves=25
)


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_bytes_end_in_a_document_or_in_a_sentence(raw) -> None:
    try:
        documents.validate(documents.parse(raw, "p.yaml"), Policy)
    except documents.Unreadable as error:
        assert error.problems


@given(TREES)
@settings(max_examples=300, deadline=None)
def test_any_tree_ends_in_a_policy_or_in_sentences(tree) -> None:
    try:
        documents.validate(documents.Document("p.yaml", tree), Policy)
    except documents.Unreadable as error:
        assert error.problems


SHIPPED = [path.read_text(encoding="utf-8") for path in loading.files([Path(__file__).parents[3] / "policies"])]
PIECES = st.sampled_from([*"{}[]:,-#&*!|>'\"\n\t \x00", "60s", "&a", "é", ""])


@given(text=st.sampled_from(SHIPPED), cuts=st.lists(st.tuples(st.integers(0, 5000), PIECES), max_size=5))
@settings(max_examples=300, deadline=None)
def test_a_mutilated_policy_ends_in_findings(text, cuts, tmp_path_factory) -> None:
    for at, put in cuts:
        text = text[: at % len(text)] + put + text[at % len(text) + 1 :]
    path = tmp_path_factory.mktemp("m") / "p.yaml"
    path.write_text(text, encoding="utf-8")
    loaded = loading.load([path], shipped())
    assert loaded.policies or loaded.problems
