"""Which blade serves which host definition, and which ones could."""

from datetime import UTC, datetime

import pytest

from engine.documents import Unreadable
from engine.estate import assigning, linking, loading, projecting
from engine.model.estate import Estate, Site
from engine.model.event import Event
from engine.model.hardware import Bmc, Slot
from engine.model.ids import Kind
from tests.engine import worlds
from tests.engine.test_planning import planned
from toban import example

NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)


def slot(number: int, model: str | None = "blade") -> Slot:
    uuid = f"30000000-0000-4000-8000-00000000000{number}"
    return Slot(slot=number, serial=f"BLD{number}", uuid=uuid, bmc=Bmc(url=f"https://10.0.0.{number}"), model=model)


def site(*, pool: tuple[str, ...] = ()) -> Site:
    """Two hosts on slots 1 and 2 of chassis1; slots 3 and 4 are free, and so are two of another chassis."""
    base = worlds.site(2)
    (chassis,), (category,) = base.chassis, base.categories
    (group,) = category.groups
    first = chassis.model_copy(update={"slots": (slot(1), slot(2), slot(3), slot(4, None))})
    second = chassis.model_copy(update={"name": "chassis2", "serial": "CZ2", "slots": (slot(5), slot(6, "other"))})
    kept = category.model_copy(update={"groups": (group.model_copy(update={"pool": pool}),)})
    return Site(vcenters=base.vcenters, chassis=(first, second), models=base.models, categories=(kept,))


def estate(**more) -> Estate:
    world = worlds.estate()
    return world.model_copy(update={"site": site(**more)})


def registered(world: Estate, host: str, machine: object) -> Estate:
    event = Event(
        id="a1", type="inventory.assignment", source="toban/machine", subject=f"host:{host}", time=NOW,
        data={"machine": machine},
    )  # fmt: skip
    return projecting.apply(world, event)


def names(world: Estate, host: str = "esx1") -> list[str]:
    return [one.name for one in assigning.candidates(world, host)]


def test_a_blade_of_another_chassis_comes_first_and_one_that_is_kept_for_the_group_before_all() -> None:
    assert names(estate()) == ["chassis2/5", "chassis1/3"]
    assert names(estate(pool=("chassis1/3",))) == ["chassis1/3", "chassis2/5"]


@pytest.mark.parametrize(
    ("machine", "reason"),
    [
        ("chassis1/2", "chassis1/2 serves esx2"),
        ("chassis1/4", "the model of chassis1/4 is not declared"),
        ("chassis2/6", "chassis2/6 is of model other, esx1 needs blade"),
        ("chassis2/5", "chassis2/5 is marked faulted"),
    ],
)
def test_a_blade_that_is_in_use_unknown_of_another_model_or_faulted_is_no_candidate(machine, reason) -> None:
    world = estate().model_copy(update={"statuses": {"machine:chassis2/5": "faulted"}})
    found = next(one for one in assigning.machines(world.site) if one.name == machine)
    assert assigning.against(world, "esx1", found)[0] == reason


def test_a_registration_moves_the_hands_of_a_host_to_its_new_blade() -> None:
    world = registered(estate(), "esx1", "chassis2/5")
    assert linking.related(world, "machine:chassis2/5", Kind.HOST) == "host:esx1"
    assert linking.related(world, "machine:chassis1/1", Kind.HOST) is None
    (fence,) = planned(world, "host:esx1", {"id": "off", "fence": {"host": "$host"}})
    (command,) = fence.commands
    assert (command.target, command.parameters["serial"]) == ("machine:chassis2/5", "BLD5")
    assert "chassis1/1" in names(world, "esx2")


def test_a_blade_serves_one_host_only_and_a_released_host_has_no_hands() -> None:
    world = registered(estate(), "esx2", "chassis1/1")
    assert world.site.standings["esx1"].slot is None
    (fence,) = planned(world, "host:esx1", {"id": "off", "fence": {"host": "$host"}})
    assert fence.commands == ()
    assert "has no machine" in fence.unplaced[0].en


@pytest.mark.parametrize("machine", ["chassis9/1", 7, None])
def test_a_word_about_what_is_not_declared_changes_nothing(machine) -> None:
    assert registered(estate(), "esx1", machine).site == estate().site
    assert registered(estate(), "esx9", "chassis2/5").site == estate().site


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("        hosts:", "        pool: [chassis9/1]\n        hosts:", "group esx keeps 'chassis9/1'"),
        ("{slot: 1,", "{slot: 1, model: nonsense,", "slot 1 names the model 'nonsense'"),
    ],
)
def test_a_pool_or_a_model_that_is_not_declared_is_named(old, new, sentence, tmp_path) -> None:
    example.write(tmp_path, example.free_ports(), armed=False, quick=True)
    path = tmp_path / "estate.yaml"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(Unreadable, match="estate") as error:
        loading.load(path)
    assert sentence in str(error.value)
