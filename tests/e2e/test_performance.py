"""A datastore becomes slow: vCenter's statistics show it, and a policy's threshold in the engine decides."""

import pytest
from ruamel.yaml import YAML

from tests.e2e.site import ROOT, site

pytestmark = pytest.mark.e2e


def test_a_slow_datastore_passes_the_threshold_of_a_policy_on_every_host_that_uses_it(tmp_path):
    here = site(
        tmp_path / "site", estate=lambda document: document["simulation"]["vcenter"].update({"samples_every": 0.5})
    )
    yaml = YAML(typ="rt", pure=True)
    policy = yaml.load((ROOT / "docs" / "examples" / "slow-datastore.yaml").read_text(encoding="utf-8"))
    policy["spec"]["when"]["for"] = "2s"
    yaml.dump(policy, here.folder / "policies" / "slow-datastore.yaml")
    settings = yaml.load(here.config.read_text(encoding="utf-8"))
    settings["collect"]["performance"] = {"every": "1s", "vms_every": "1s", "vm": {"cpu_percent": "cpu.usage.average"}}
    yaml.dump(settings, here.config)
    with here.datacenter(), here.duty("--embedded"):
        here.until_line("events", "host.performance", about="host:esx1")
        here.until_line("events", "vm.performance", about="vm:VM-01")
        assert [line for line in here.lines("decisions") if line["what"] == "act"] == []
        here.fault("datastore-slow:80", "san1")
        for host in ("host:esx1", "host:esx2"):
            here.until_line("decisions", "act", about=host)


def test_a_counter_that_is_none_and_a_field_that_no_policy_could_name_are_refused_with_their_place(tmp_path):
    here = site(tmp_path / "site")
    text = here.config.read_text(encoding="utf-8")
    for wrong, told in (
        ("{cpu_percent: cpu-usage}", "'cpu-usage' is no counter; write group.name.rollup"),
        ("{temperature: cpu.usage.average}", "'temperature' is no field of host.performance"),
    ):
        here.config.write_text(text.replace("collect: {", f"collect: {{performance: {{host: {wrong}}}, "))
        done = here.cli("run", "--embedded")
        assert (done.returncode, told in done.stderr) == (2, True), done.stderr
        assert "toban.yaml:" in done.stderr
