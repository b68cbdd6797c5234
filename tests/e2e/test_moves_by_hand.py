"""A person moves VMs: to another datastore, by whichever method succeeds, and against the placement rules."""

import json

import pytest

from tests.e2e.site import site
from tests.e2e.test_by_hand import ready

pytestmark = pytest.mark.e2e


def pinned(document: dict) -> None:
    document["categories"][0]["groups"][0]["placement"] = {"rules": [{"pin": ["VM-02"], "to": ["esx1"]}]}


def test_disks_move_a_vm_without_vmotion_goes_another_way_and_rules_are_set_aside_by_name(tmp_path):
    here = site(tmp_path / "site", estate=pinned)
    with here.datacenter(), here.duty("--embedded"):
        ready(here)
        stored = here.cli("vm", "move", "VM-01", "--datastore", "local-esx1", "--yes")
        assert stored.returncode == 0, stored.stdout + stored.stderr
        assert "VM-01 runs at esx1 on local-esx1" in stored.stdout
        odd = here.cli("vm", "move", "VM-01", "--datastore", "san1", "--method", "quick", "--yes")
        assert (odd.returncode, "leaves the disks where they are" in odd.stderr) == (2, True)
        here.fault("vmotion-unlicensed", "esx1")
        moved = here.cli("vm", "move", "VM-01", "--to", "esx2", "--datastore", "san1", "--method", "any", "--yes")
        assert moved.returncode == 0, moved.stdout + moved.stderr
        assert "vMotion is not licensed (esx1 is not licensed for vMotion.)" in moved.stdout
        assert "the run ended: success" in moved.stdout
        assert here.vms()["VM-01"] == "esx2"
        kept = here.cli("vm", "move", "VM-02", "--to", "esx2", "--method", "any", "--yes")
        assert (kept.returncode, "VM-02 is pinned to esx1" in kept.stdout) == (1, True)
        bare = here.cli("vm", "move", "VM-02", "--to", "esx2", "--override", "constraints", "--yes")
        assert (bare.returncode, "only with a reason: add --why" in bare.stderr) == (2, True)
        given = ["--override", "constraints", "--why", "licence audit", "--by", "tanaka", "--method", "any"]
        over = here.cli("vm", "move", "VM-02", "--to", "esx2", *given, "--yes", "--json")
        assert over.returncode == 0, over.stdout + over.stderr
        assert here.vms()["VM-02"] == "esx2"
        lines = [json.loads(line) for line in over.stdout.splitlines()]
        run = next(line["match"] for line in lines if line.get("kind") == "act")
        told = here.cli("runs", run[:8])
        assert "tanaka sets the placement rules aside (licence audit): VM-02 is pinned to esx1" in told.stdout
        policy = next(line["policy"] for line in lines if line.get("kind") == "act")
        why = here.cli("policy", "explain", policy, "-o", "vm:VM-02")
        assert why.returncode == 0, why.stdout + why.stderr
        assert "tanaka ordered it, setting aside constraints: licence audit" in why.stdout
        assert f"run {run[:8]}: success" in why.stdout
        here.spotless()
