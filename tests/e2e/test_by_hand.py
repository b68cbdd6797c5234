"""A person's orders: previewed, guarded, done over the wires, followed to their end."""

import json
import os
import signal
import subprocess
import threading
import time

import pytest

from tests.e2e.site import Site, site

pytestmark = pytest.mark.e2e


def where(here: Site, *names: str) -> dict[str, str]:
    """The host of each VM, by the newest plan that was made for it."""
    done = here.cli("host", "evacuate", "esx2", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[0])["plan"][0]["commands"]
    on_two = {one["target"].removeprefix("vm:") for one in told}
    return {name: "esx2" if name in on_two else "esx1" for name in names}


def ready(here: Site) -> None:
    """Until the picture knows the VMs."""
    end = time.monotonic() + 20
    while here.cli("vm", "move", "VM-01", "--dry-run").returncode != 0:
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_host_is_evacuated_and_put_into_maintenance_a_vm_comes_back_and_a_live_host_is_not_fenced(tmp_path):
    here = site(tmp_path / "site")
    with here.datacenter(), here.duty("--embedded"):
        ready(here)
        unknown = here.cli("host", "evacuate", "esx9", "--yes")
        assert (unknown.returncode, "there is no host 'esx9'; known: esx1, esx2" in unknown.stderr) == (2, True)
        done = here.cli("host", "maintenance", "esx1", "--yes", "--why", "disk swap", "--by", "tanaka")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "decided: tanaka ordered it: disk swap" in done.stdout
        assert "the run ended: success" in done.stdout
        here.until_line("events", "host.maintenance.entered")
        no_room = here.cli("vm", "move", "VM-01", "--to", "esx1", "--yes")
        assert no_room.returncode == 1
        assert "esx1 takes no VMs" in no_room.stdout
        over = here.cli("host", "maintenance", "esx1", "--over", "--yes")
        assert over.returncode == 0, over.stdout + over.stderr
        here.until_line("events", "host.maintenance.exited")
        back = here.cli("vm", "move", "VM-01", "--to", "esx1", "--method", "quick", "--yes", "--json")
        assert back.returncode == 0, back.stdout + back.stderr
        assert json.loads(back.stdout.splitlines()[-1])["outcome"] == "success"
        assert where(here, "VM-01", "VM-02") == {"VM-01": "esx1", "VM-02": "esx2"}
        held = watched(here, "host", "fence", "esx2", "--why", "it hangs", "--yes")
        assert "held, and waited for until" in held
        assert "2 witness classes must say that host:esx2 is down" in held
        assert "no longer followed" in held
        assert here.until_line("decisions", "hold", about="host:esx2")


def watched(here: Site, *arguments: str) -> str:
    """What an order says until somebody presses Ctrl-C after its first word."""
    process = subprocess.Popen(
        here.toban(*arguments, "--config", str(here.config)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    late = threading.Timer(60.0, process.kill)
    late.start()
    said = ""
    for line in process.stdout or ():
        said += line
        if "held, and waited for" in line:
            process.send_signal(signal.SIGINT)
            break
    said += process.communicate(timeout=20)[0]
    late.cancel()
    assert process.returncode == 130, said
    return said
