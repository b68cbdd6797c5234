"""A policy that asks, a person who answers, and one who takes it out of service: whole processes, also over a crash."""

import json
import time

import pytest

from tests.e2e.site import Site, site

pytestmark = pytest.mark.e2e

ASKING = """\
apiVersion: toban/v1
kind: Policy
metadata: {name: asking, title: {en: "Crashed", ja: "停止"}}
spec:
  mode: observe        # a new policy watches
  when: {event: host.crashed, by: host}
  do: [{id: tell, notify: {channel: oncall}}]
  budget: {rate: 9 per 15m}
"""


def injected(here: Site) -> None:
    done = here.cli("inject", "event", "host.crashed", "host:esx1")
    assert done.returncode == 0, done.stderr


def latest(here: Site, kind: str, code: str, count: int = 1) -> dict:
    """The newest decision of the policy, as soon as there are so many of this kind for this reason."""
    end = time.monotonic() + 20
    while True:
        lines = [line for line in here.lines("decisions") if line["text"].startswith("asking: ")]
        found = [line for line in lines if line["what"] == kind and code in line["text"]]
        if len(found) >= count:
            return found[-1]
        assert time.monotonic() < end, lines
        time.sleep(0.1)


def test_a_policy_is_promoted_asks_is_answered_and_taken_out_of_service(tmp_path):
    here = site(tmp_path / "site")
    path = here.folder / "policies" / "asking.yaml"
    path.write_text(ASKING, encoding="utf-8")
    with here.duty("--embedded") as engine:
        injected(here)
        latest(here, "ignore", "it would have acted")
        early = here.cli("policy", "promote", "asking", "--to", "approve", "--yes")
        assert (early.returncode, "--why" in early.stderr) == (2, True)
        up = here.cli("policy", "promote", "asking", "--to", "approve", "--yes", "--why", "seen in the lab")
        assert up.returncode == 0, up.stderr
        assert path.read_text(encoding="utf-8") == ASKING.replace("mode: observe", "mode: approve")
        here.until_line("events", "toban.policy.loaded")
        injected(here)
        held = latest(here, "hold", "a person has to approve it until")
        engine.child.kill()
        engine.child.wait()
        with here.duty("--embedded"):
            assert f"toban approve {held['cause'][:12]}" in held["text"]
            yes = here.cli("approve", held["cause"][:12], "--why", "go", "--by", "sato", "--json")
            assert json.loads(yes.stdout)["answer"] == "approved"
            assert "sato approved it at" in latest(here, "act", "sato")["text"]
            late = here.cli("reject", held["cause"][:12])
            assert (late.returncode, "too late" in late.stderr) == (1, True)
            off = here.cli("policy", "disarm", "asking", "--why", "enough", "--by", "ito")
            assert off.returncode == 0, off.stderr
            injected(here)
            assert "ito took asking out of service: enough" in latest(here, "hold", "out of service")["text"]
            assert here.cli("policy", "arm", "asking").returncode == 0
            latest(here, "hold", "a person has to approve it until", count=2)
