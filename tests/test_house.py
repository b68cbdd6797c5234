"""The house rules that linters do not know."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("engine", "collectors", "actuators", "toban")
VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_no_file_is_longer_than_300_lines() -> None:
    long = {str(path.relative_to(ROOT)): n for path in SOURCES if (n := len(path.read_text().splitlines())) > 300}
    assert long == {}


def test_every_name_says_what_it_is() -> None:
    vague = [path for path in SOURCES if set(path.relative_to(ROOT).with_suffix("").parts) & VAGUE]
    assert vague == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_says_its_purpose_hides_no_ring_and_swallows_no_error(path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module begins with a sentence about its purpose"
    assert "TYPE_CHECKING" not in text, "a ring is a design fault"
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            assert not (len(node.body) == 1 and isinstance(node.body[0], ast.Pass)), f"line {node.lineno} swallows"
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", text)


def test_every_policy_has_scenarios() -> None:
    policies = [p for p in (ROOT / "policies").glob("*.yaml") if not p.name.endswith(".test.yaml")]
    assert policies
    assert [p.name for p in policies if not p.with_suffix("").with_suffix(".test.yaml").exists()] == []


def test_no_lock_file_records_where_packages_came_from() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert "://" not in text, path
        assert "--hash=sha256:" in text, path


def test_durable_rules_is_imported_in_one_file() -> None:
    found = [p.name for p in SOURCES if re.search(r"^\s*(from|import) durable\b", p.read_text(), re.MULTILINE)]
    assert len(found) <= 1
    assert not any("durable.lang" in p.read_text() and "import durable.lang" in p.read_text() for p in SOURCES)


def test_nothing_tracked_names_this_workplace() -> None:
    here = str(ROOT.parent) + "/"
    for path in tracked():
        if path.suffix in {".py", ".md", ".yaml", ".yml", ".toml", ".txt", ""} and path.stat().st_size < 1_000_000:
            text = path.read_text(encoding="utf-8", errors="replace")
            assert here not in text or here == "/", path
