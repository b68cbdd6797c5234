"""Documents: what was written, where it stands, and what is refused."""

from pathlib import Path

import pytest

from engine import documents, scalars
from engine.documents import Unreadable, parse
from engine.model.policy import Policy

POLICY = """\
apiVersion: toban/v1
kind: Policy
metadata: {name: NAME, title: {en: t, ja: t}}
spec:
  scope: {labels: {rack: LABEL}}
  when: {event: host.unreachable, for: 45s, by: host}
  do: [{id: tell, notify: {channel: x}}]
"""


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *((word, word) for word in ("no", "on", "y", "off", "1:30", "1_000", "2026-01-01", "0b11", "<<", "=")),
        *[("0x10", 16), ("0o17", 15), ("017", 17), ("1e3", 1000.0), ("true", True), ("null", None), ("-1.5", -1.5)],
    ],
)
def test_a_plain_scalar_means_what_yaml_1_2_says(text, meant) -> None:
    found = scalars.meaning(text)
    assert (found, type(found)) == (meant, type(meant))


@pytest.mark.parametrize("word", ["no", "on", "1:30", "0x10", "1e3", ".inf", "0o17", "2026-01-01", "1_000", "true"])
def test_a_label_arrives_as_it_was_written(word) -> None:
    raw = POLICY.replace("NAME", "no").replace("LABEL", word).encode()
    policy = documents.validate(parse(raw, "p.yaml"), Policy)
    assert policy.spec.scope.labels == {"rack": word}
    assert policy.name == "no"


@pytest.mark.parametrize(
    ("field", "word", "sentence"),
    [
        ("priority", "1_000", "valid integer"),
        ("priority", "'10'", "valid integer"),
        ("priority", "true", "valid integer"),
        ("priority", ".inf", "valid integer"),
        ("priority", "0x65", "less than or equal to 100"),
        ("cooldown", "0x10", "duration with its unit"),
        ("cooldown", "1:30", "'1:30' is not a duration"),
    ],
)
def test_a_number_is_a_number_or_refused_at_its_place(field, word, sentence) -> None:
    raw = POLICY.replace("NAME", "p").replace("LABEL", "x").replace("spec:\n", f"spec:\n  {field}: {word}\n").encode()
    with pytest.raises(Unreadable) as caught:
        documents.validate(parse(raw, "p.yaml"), Policy)
    assert [(one.line, one.column) for one in caught.value.problems] == [(5, 3)]
    assert sentence in str(caught.value)


def test_a_hexadecimal_number_is_the_number_that_yaml_1_2_says() -> None:
    raw = POLICY.replace("NAME", "p").replace("LABEL", "x").replace("spec:\n", "spec:\n  priority: 0x10\n").encode()
    assert documents.validate(parse(raw, "p.yaml"), Policy).spec.priority == 16


@pytest.mark.parametrize(
    ("text", "column", "place"),
    [
        ("if: ab cd", 4, (1, 8)),
        ("x: 1\nif:   ab cd", 4, (2, 10)),
        ('if: "ab cd"', 4, (1, 9)),
        (r'if: "a\"b cd"', 5, (1, 11)),
        (r'if: "\x41b cd"', 4, (1, 12)),
        ("if: 'a''b cd'", 5, (1, 11)),
        ("{x: 1, if: ab cd}", 4, (1, 15)),
        ("if: |\n  ab\n  cd", 4, (3, 3)),
        ("if: |\n  ab\n  cd", 5, (3, 4)),
        ("if: >\n  ab\n  cd", 4, (3, 3)),
        ("if: >-\n\n  ab\n  cd", 5, (4, 3)),
        ("if: ab\n  cd", 4, (2, 3)),
        ("if: 'ab\n  cd'", 4, (2, 3)),
        ("if: 'ab\n  cd'", 1, (1, 6)),
    ],
)
def test_a_column_inside_a_text_is_found_in_the_file(text, column, place) -> None:
    assert parse(text.encode(), "x").inside(("if",), column) == place


def test_a_place_without_a_column_is_where_its_key_stands() -> None:
    document = parse(b"a:\n  - b: 1\n", "x")
    assert document.inside(("a", 0, "b"), None) == (2, 5)
    assert document.inside(("a", 0, "unwritten"), 3) == (2, 5)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"a: 1\na: 2\n", "x:2:1: the key 'a' is written twice"),
        (b"a: &x 1\n", "x:1:4: anchor &x"),
        (b"a: *x\n", "x:1:4: alias *x"),
        (b"a: !!python/object:os.system x\n", "x:1:4: tag "),
        (b"a: !x y\n", "x:1:4: tag !x"),
        (b"a: 1\n---\nb: 2\n", "a second document"),
        (b"%YAML 1.1\n---\na: no\n", "YAML 1.2"),
        (b"? [a]\n: b\n", "a key is a list or a mapping"),
        (b"a: \x00\n", "not valid YAML 1.2"),
        (b"a: \x1b[2J\n", "not valid YAML 1.2"),
        (b"a: \xff\n", "not UTF-8 (byte 3)"),
        ("a: 1".encode("utf-16"), "not UTF-8"),
        (b"[" * 10_000, "nesting deeper than 20 levels"),
        (b"- " * 10_000, "nesting deeper than 20 levels"),
        (b"{a: " * 10_000, "nesting deeper than 20 levels"),
        (b"x" * 10_000_000, "too large"),
        (b"- a\n" * 60_000, "more than 50000 values"),
        (b"a: [", "not valid YAML 1.2"),
    ],
)
def test_what_no_file_needs_is_refused_in_one_sentence(raw, sentence) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(raw, "x")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_path_that_is_no_plain_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    for name, sentence in (("folder", "is a directory"), ("loop", "symbolic links"), ("gone", "no such file")):
        with pytest.raises(Unreadable, match=sentence):
            documents.read(tmp_path / f"{name}.yaml")
