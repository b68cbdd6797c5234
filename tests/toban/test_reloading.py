"""Policy files that change under way: what counts, what is kept, and what is said."""

import os
from pathlib import Path

from engine.model.catalogue import shipped
from engine.model.policy import Policy
from toban.reloading import Files

TEXT = """\
apiVersion: toban/v1
kind: Policy
metadata: {{name: {name}, title: {{en: "t", ja: "t"}}}}
spec:
  when: {{event: host.unreachable, for: {hold}, by: host}}
  do: [{{id: tell, notify: {{channel: oncall}}}}]
"""


def write(folder: Path, name: str, hold: str = "60s", file: str | None = None) -> Path:
    path = folder / f"{file or name}.yaml"
    new = path.with_suffix(".new")
    new.write_text(TEXT.format(name=name, hold=hold), encoding="utf-8")
    new.replace(path)
    return path


def files(folder: Path, refuse: str | None = None) -> Files:
    def refused(one: Policy) -> str | None:
        return refuse if refuse is not None and one.name == "bad" else None

    return Files((folder,), shipped(), refused)


def test_a_change_counts_once_it_stood_still_for_one_look(tmp_path: Path) -> None:
    path = write(tmp_path, "a")
    watched = files(tmp_path)
    assert [one.name for one in watched.first().policies] == ["a"]
    assert watched.look() is None
    write(tmp_path, "a", "90s")
    assert watched.look() is None
    write(tmp_path, "b")
    path.touch()
    os.utime(path, ns=(1, 1))
    assert watched.look() is None
    change = watched.look()
    assert change is not None
    assert (change.new, change.changed, change.removed) == (("b",), ("a",), ())
    assert str(change) == "new: b; changed: a"
    assert watched.look() is None


def test_a_broken_file_leaves_its_old_version_and_says_where(tmp_path: Path) -> None:
    path = write(tmp_path, "a")
    write(tmp_path, "b")
    watched = files(tmp_path)
    before = watched.first().policies
    path.write_text("apiVersion: toban/v1\nkind: Policy\nspec: [\n", encoding="utf-8")
    watched.look()
    change = watched.look()
    assert change is not None
    assert change.shelf.policies == before
    assert change.broken == (str(path),)
    assert change.shelf.problems[0].line == 4
    write(tmp_path, "a", "90s")
    watched.look()
    mended = watched.look()
    assert mended is not None
    assert (mended.mended, mended.broken, mended.changed) == ((str(path),), (), ("a",))
    assert mended.shelf.problems == ()


def test_a_policy_that_the_site_refuses_is_broken(tmp_path: Path) -> None:
    write(tmp_path, "bad")
    shelf = files(tmp_path, "it fences too soon").first()
    assert shelf.policies == ()
    assert shelf.problems[0].message == "it fences too soon"


def test_of_two_files_with_one_name_the_first_counts_until_it_is_gone(tmp_path: Path) -> None:
    first = write(tmp_path, "same", "60s", "a")
    write(tmp_path, "same", "90s", "b")
    watched = files(tmp_path)
    shelf = watched.first()
    assert [one.spec.when.hold for one in shelf.policies] == [60.0]
    assert "already defined in" in shelf.problems[0].message
    first.unlink()
    watched.look()
    change = watched.look()
    assert change is not None
    assert [one.spec.when.hold for one in change.shelf.policies] == [90.0]
    assert change.shelf.problems == ()


def test_a_removed_file_removes_its_policy(tmp_path: Path) -> None:
    path = write(tmp_path, "a")
    watched = files(tmp_path)
    watched.first()
    path.unlink()
    watched.look()
    change = watched.look()
    assert change is not None
    assert (change.removed, change.shelf.policies) == (("a",), ())
