"""A night recorded from a real broker, and played again through a changed policy."""

import json
from pathlib import Path

import pytest

from tests.e2e.site import site
from tests.e2e.test_hot_reload import CRASHED, decided, injected, saved

pytestmark = pytest.mark.e2e


def test_a_recorded_night_tells_what_a_change_would_have_done(tmp_path: Path) -> None:
    here = site(tmp_path / "site")
    folder = tmp_path / "site" / "policies"
    for path in folder.glob("*.yaml"):
        path.unlink()
    saved(folder / "crashed.yaml", CRASHED.replace("MODE", "automatic"))
    changed = tmp_path / "changed.yaml"
    saved(changed, CRASHED.replace("MODE", "automatic").replace("by: host}", "by: host}\n  cooldown: 3h"))
    file = tmp_path / "night.jsonl"
    with here.duty("--embedded"):
        for count in (1, 2):
            injected(here, "host.crashed")
            decided(here, "crashed", count)
        live = here.cli("policy", "backtest", str(changed), "--from", "-10m", "--json")
        done = here.cli("record", "--from", "-10m", "--out", str(file))
        assert done.returncode == 0, done.stderr
        again = here.cli("record", "--from", "-10m", "--out", str(file))
        assert (again.returncode, "cannot be written" in again.stderr) == (2, True)
    told = json.loads(live.stdout)
    assert live.returncode == 1, live.stderr
    assert {(one["sign"], one["kind"]) for one in told["rows"]} == {("+", "hold"), ("-", "act")}
    toban = ("policy", "backtest", "--recorded", str(file))
    played = here.bare(*toban, str(changed))
    assert played.returncode == 1
    assert "limits would have held: cooldown 1" in played.stdout
    same = here.bare(*toban, str(folder / "crashed.yaml"))
    assert (same.returncode, "2 the same, +0 -0" in same.stdout) == (0, True), same.stdout
    neither = here.cli("policy", "backtest", str(changed))
    assert (neither.returncode, "--recorded" in neither.stderr) == (2, True)
