"""A policy file that changes while Toban is on duty: it takes effect within 2 s, and what is open stays open."""

import json
import time
from datetime import datetime
from pathlib import Path

import pytest

from tests.e2e.site import Site, site

pytestmark = pytest.mark.e2e

HELD = """\
apiVersion: toban/v1
kind: Policy
metadata: {name: held, title: {en: "Held", ja: "継続"}}
spec:
  when: {event: host.unreachable, for: 8s, by: host}
  do: [{id: tell, notify: {channel: oncall}}]
"""
CRASHED = """\
apiVersion: toban/v1
kind: Policy
metadata: {name: crashed, title: {en: "Crashed", ja: "停止"}}
spec:
  mode: MODE
  when: {event: host.crashed, by: host}
  do: [{id: tell, notify: {channel: oncall}}]
"""


def saved(path: Path, text: str) -> datetime:
    """Write as an editor does; when it was done."""
    new = path.with_suffix(".swp")
    new.write_text(text, encoding="utf-8")
    new.replace(path)
    return datetime.fromtimestamp(path.stat().st_mtime).astimezone()


def injected(here: Site, kind: str) -> None:
    done = here.cli("inject", "event", kind, "host:esx1")
    assert done.returncode == 0, done.stderr


def at(line: dict) -> datetime:
    return datetime.fromisoformat(line["at"])


def decided(here: Site, policy: str, count: int = 1) -> list[dict]:
    """The decisions of a policy, as soon as there are so many."""
    end = time.monotonic() + 20
    while True:
        found = [line for line in here.lines("decisions") if line["text"].startswith(policy)]
        if len(found) >= count:
            return found
        assert time.monotonic() < end, here.lines("decisions")


def test_a_changed_file_takes_effect_and_a_broken_one_leaves_the_old_version(tmp_path: Path) -> None:
    here = site(tmp_path / "site")
    folder = tmp_path / "site" / "policies"
    for path in folder.glob("*.yaml"):
        path.unlink()
    saved(folder / "held.yaml", HELD)
    file = folder / "crashed.yaml"
    saved(file, CRASHED.replace("MODE", "recommend"))
    observing = CRASHED.replace("MODE", "observe")
    with here.duty("--embedded"):
        injected(here, "host.unreachable")
        opened = here.until_line("events", "host.unreachable")

        why = here.cli("policy", "explain", "held", "--object", "host:esx1").stdout
        assert "held has not acted on host:esx1: host.unreachable is open since" in why
        assert "and becomes a match at" in why

        written = saved(file, observing)
        loaded = here.until_line("events", "toban.policy.loaded", within=10)
        assert "changed: crashed" in loaded["text"]
        assert 0 <= (at(loaded) - written).total_seconds() <= 2.0
        injected(here, "host.crashed")
        assert decided(here, "crashed")[0]["what"] == "ignore"
        (held,) = decided(here, "held")
        why = json.loads(here.cli("policy", "explain", "held", "--object", "host:esx1", "--json").stdout)
        assert (why["matched"], why["decisions"][0]["decision"]["kind"]) == (True, "ignore")
        assert 8.0 <= (at(held) - at(opened)).total_seconds() <= 9.0

        written = saved(file, observing.replace("host.crashed", "host.crashd"))
        broken = here.until_line("events", "toban.policy.broken", within=10)
        assert (at(broken) - written).total_seconds() <= 2.0
        assert "crashed.yaml:6:" in broken["text"]
        assert "did you mean 'host.crashed'?" in broken["text"]
        injected(here, "host.crashed")
        assert decided(here, "crashed", 2)[1]["what"] == "ignore"
        end = time.monotonic() + 20
        while (status := here.cli("status")).returncode == 0:  # the heartbeat carries it every 5 s
            assert time.monotonic() < end, status.stdout
        assert "did you mean 'host.crashed'?" in status.stdout

        saved(file, observing)
        here.until_line("events", "toban.policy.mended", within=10)
