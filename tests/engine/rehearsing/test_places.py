"""The estate of a scenario, from its compact form to the picture that the engine works on."""

import pytest
from pydantic import ValidationError

from engine.estate import reading
from engine.guard.limits import Limits
from engine.model.estate import Connection, Power
from engine.rehearsing import picturing
from engine.rehearsing.places import Place
from engine.rehearsing.scenarios import Bounds


def place(**written: object) -> Place:
    return Place.model_validate(written)


def test_a_range_of_hosts_is_written_out_with_the_numbers_in_the_names_of_their_vms() -> None:
    world = picturing.picture(
        place(hosts={"esx[9-11]": {"vms": ["VM-#", {"name": "DB-#", "power": "off"}]}, "lab": {}})
    )
    assert list(world.site.standings) == ["esx9", "esx10", "esx11", "lab"]
    assert [vm.name for vm in reading.vms_on(world, "esx10")] == ["DB-10", "VM-10"]


@pytest.mark.parametrize("name", ["esx[1-]", "esx[a-b]", "esx[3-1]", "esx[1-500]", "esx[1"])
def test_a_range_that_makes_no_sense_is_refused(name) -> None:
    with pytest.raises(ValidationError, match="no range of hosts"):
        place(hosts={name: {}})


def test_blades_fill_one_chassis_after_the_other_and_spares_come_last() -> None:
    world = picturing.picture(place(hosts={"esx[1-3]": {}}, per_chassis=2, spares=2))
    assert [s.machine for s in world.site.standings.values()] == [
        "machine:chassis1/1",
        "machine:chassis1/2",
        "machine:chassis2/1",
    ]
    assert [(c.name, len(c.slots)) for c in world.site.chassis] == [("chassis1", 2), ("chassis2", 2), ("chassis3", 1)]


def test_a_host_can_be_put_into_another_chassis_group_and_rack() -> None:
    host = {"chassis": "spare-room", "group": "lab", "labels": {"rack": "a3"}}
    (one,) = picturing.picture(place(hosts={"esx1": host})).site.standings.values()
    assert (one.machine, one.group, one.host.labels) == ("machine:spare-room/1", "lab", {"rack": "a3"})


def test_power_status_and_maintenance_are_what_the_engine_sees() -> None:
    hosts = {"off": {"power": "off", "maintenance": True}, "bad": {"status": "faulted"}, "gone": {"connected": False}}
    world = picturing.picture(place(hosts={**hosts, "good": {}}))
    off = world.hosts["off"]
    assert (off.power, off.connection, off.maintenance) == (Power.OFF, Connection.NOT_RESPONDING, True)
    assert reading.status_of(world, "bad") == "faulted"
    assert [name for name in world.hosts if reading.is_healthy(world, name)] == ["good"]


def test_a_vm_is_on_the_datastore_that_is_named_and_only_its_hosts_mount_it() -> None:
    hosts = {"esx1": {"vms": [{"name": "VM-1", "on": "san2"}]}, "esx2": {}, "esx3": {}}
    world = picturing.picture(place(hosts=hosts, datastores={"san2": ["esx1", "esx2"]}))
    assert {name: "san2" in host.datastores for name, host in world.hosts.items()} == {
        "esx1": True,
        "esx2": True,
        "esx3": False,
    }
    assert world.vms["uuid-VM-1"].datastores == ("san2",)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ({"hosts": {"esx1": {"vms": [{"name": "VM-1", "on": "san9"}]}}}, "which esx1 does not mount"),
        ({"hosts": {"esx1": {}}, "datastores": {"san2": ["esx9"]}}, "mounted by esx9, which is no host"),
    ],
)
def test_what_could_not_be_is_refused_in_words(written, sentence) -> None:
    with pytest.raises(ValidationError, match=sentence):
        place(**written)


def test_a_scenario_can_state_every_bound_of_the_site() -> None:
    assert set(Bounds.model_fields) == set(Limits.__dataclass_fields__)
