"""Documents: what was written, where it stands, and what is refused."""

from pathlib import Path

import pytest

from engine import documents, written
from engine.documents import Unreadable, parse


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *((word, word) for word in ("no", "on", "y", "off", "1:30", "2026-01-01", "<<", "=", "1.2.3", "1e", "+")),
        *[("12", 12), ("-3", -3), ("1e3", 1000.0), ("-1.5", -1.5), (".5", 0.5), ("1.", 1.0)],
        *[("true", True), ("False", False), ("null", None), ("~", None), ("", None)],
    ],
)
def test_a_plain_scalar_means_what_yaml_1_2_says(text, meant) -> None:
    found = written.meaning(text)
    assert (found, type(found)) == (meant, type(meant))


@pytest.mark.parametrize("text", ["0x10", "0o17", "017", "1_000", ".inf", "-.INF", ".nan", "1" * 18, "1e999"])
def test_a_number_that_readers_disagree_about_is_refused(text) -> None:
    with pytest.raises(ValueError, match="number"):
        written.meaning(text)


def test_a_key_arrives_as_it_was_written() -> None:
    assert parse(b"{1:30: a, no: b, 0x10: c, 2026-01-01: d, 12: e}", "x").value == {
        "1:30": "a",
        "no": "b",
        "0x10": "c",
        "2026-01-01": "d",
        "12": "e",
    }


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
        (b"a: 1\na: 2\n", "x:2:1: not valid YAML 1.2: found duplicate key 'a'"),
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
        (b"x" * 10_000_000, "larger than 256 KiB"),
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
    for name, sentence in (("folder", "not a regular file"), ("loop", "symbolic links"), ("gone", "no such file")):
        with pytest.raises(Unreadable, match=sentence):
            documents.read(tmp_path / f"{name}.yaml")


def test_a_folded_text_is_folded_as_yaml_1_2_says_and_holds_nothing_else() -> None:
    assert parse(b"a: >-\n  one\n  two\n\n  three\nb: |\n  x\n  y\n", "x").value == {
        "a": "one two\nthree",
        "b": "x\ny\n",
    }
