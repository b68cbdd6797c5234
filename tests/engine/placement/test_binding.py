"""Placement rules: what they let a VM do, for each kind of act, and what cannot hold together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.documents import Unreadable
from engine.estate import loading
from engine.model.estate import Category, Estate, Group, Site
from engine.model.placement import Placement, Rule, Strength, conflicts
from engine.placement import balancing, binding, evacuating, obeying
from engine.placement.binding import Leave, Purpose
from engine.placement.evacuating import Wish
from tests.engine import worlds
from toban import example


def ruled(world: Estate, *rules: dict) -> Estate:
    """The estate with these placement rules."""
    (category,) = world.site.categories
    (group,) = category.groups
    bound = group.model_copy(update={"placement": Placement.model_validate({"rules": rules})})
    site = Site(
        vcenters=world.site.vcenters,
        chassis=world.site.chassis,
        models=world.site.models,
        categories=(Category(name=category.name, groups=(Group.model_validate(bound.model_dump()),)),),
    )
    return world.model_copy(update={"site": site})


def fleet(*loads, rules=()):
    return ruled(worlds.fleet(*loads), *rules)


def goes(plan) -> dict[str, str]:
    return {move.vm.name: move.target for move in plan.moves}


@pytest.mark.parametrize(
    ("purpose", "basic", "force", "weak"),
    [
        (Purpose.BALANCE, Leave.NO, Leave.NO, Leave.NO),
        (Purpose.EVACUATE, Leave.LAST, Leave.NO, Leave.LAST),
        (Purpose.RESCUE, Leave.LAST, Leave.NO, Leave.LAST),
        (Purpose.START, Leave.NO, Leave.NO, Leave.IF_NONE),
    ],
)
def test_whether_a_pinned_vm_may_go_elsewhere_is_a_table(purpose, basic, force, weak) -> None:
    table = [binding.may_leave(purpose, strength) for strength in (Strength.BASIC, Strength.FORCE, Strength.WEAK)]
    assert table == [basic, force, weak]


def test_an_evacuated_vm_goes_to_its_own_hosts_first_and_elsewhere_if_they_are_full() -> None:
    rule = {"pin": ["VM-1*"], "to": ["esx3"]}
    assert goes(evacuating.evacuate(fleet((8000,), (), (), rules=[rule]), "esx1")) == {"VM-11": "esx3"}
    full = fleet((8000,), (), (60000,), rules=[rule])
    assert goes(evacuating.evacuate(full, "esx1")) == {"VM-11": "esx2"}
    forced = fleet((8000,), (), (60000,), rules=[{**rule, "strength": "force"}])
    plan = evacuating.evacuate(forced, "esx1")
    assert plan.moves == ()
    assert "esx3 has" in plan.unplaced[0].en


def test_a_vm_whose_pinned_hosts_are_not_there_says_so() -> None:
    world = fleet((8000,), (), rules=[{"pin": ["VM-11"], "to": ["esx1"], "strength": "force"}])
    (left,) = evacuating.evacuate(world, "esx1").unplaced
    assert left.en == "VM-11 is pinned to esx1, and none of them takes it"


def test_vms_that_must_be_apart_never_meet_not_even_in_one_plan() -> None:
    world = fleet((4000, 4000, 4000), (), (), rules=[{"apart": ["VM-*"]}])
    plan = evacuating.evacuate(world, "esx1")
    assert sorted(goes(plan).values()) == ["esx2", "esx3"]
    assert "must not run beside" in plan.unplaced[0].en


def test_when_a_host_has_died_a_soft_apart_leaves_no_vm_down() -> None:
    rules = [{"apart": ["VM-*"], "soft_in_emergency": True}]
    world = fleet((4000, 4000, 4000), (), (), rules=rules)
    assert len(evacuating.evacuate(world, "esx1", wish=Wish(Purpose.RESCUE)).moves) == 3
    assert len(evacuating.evacuate(world, "esx1").moves) == 2


def test_vms_that_stay_together_go_to_one_host_and_if_none_takes_them_all_one_by_one() -> None:
    rules = [{"together": ["VM-*"]}]
    roomy = evacuating.evacuate(fleet((20000, 20000), (30000,), (), rules=rules), "esx1")
    assert set(goes(roomy).values()) == {"esx3"}
    tight = evacuating.evacuate(fleet((20000, 20000), (40000,), (40000,), rules=rules), "esx1")
    assert sorted(goes(tight).values()) == ["esx2", "esx3"]


def test_a_held_vm_stays_unless_its_host_has_died() -> None:
    world = fleet((4000,), (), rules=[{"hold": ["VM-11"]}])
    assert evacuating.evacuate(world, "esx1").unplaced[0].en == "VM-11 is held where it is"
    assert goes(evacuating.evacuate(world, "esx1", wish=Wish(Purpose.RESCUE))) == {"VM-11": "esx2"}


def test_relieving_a_host_keeps_the_rules_too() -> None:
    hot = {"esx1": worlds.host(1, cpu_used_mhz=18000)}
    held = fleet((4000, 4000), (), rules=[{"hold": ["VM-11"]}])
    held = held.model_copy(update={"hosts": {**held.hosts, **hot}})
    assert set(goes(balancing.relieve(held, "esx1", 0.5, 2))) == {"VM-12"}
    pair = fleet((4000, 4000), (), rules=[{"together": ["VM-11", "VM-12"]}])
    pair = pair.model_copy(update={"hosts": {**pair.hosts, **hot}})
    assert balancing.relieve(pair, "esx1", 0.5, 2).moves == ()


def test_applying_rules_moves_what_breaks_them_and_nothing_else() -> None:
    world = fleet(
        (4000, 4000), (4000,), (4000,), rules=[{"pin": ["VM-11"], "to": ["esx3"]}, {"apart": ["VM-12", "VM-21"]}]
    )
    assert goes(obeying.obey(world, "esx")) == {"VM-11": "esx3"}
    clash = fleet((4000, 5000), (4000,), (), rules=[{"apart": ["VM-11", "VM-12"]}])
    assert goes(obeying.obey(clash, "esx")) == {"VM-11": "esx3"}
    split = fleet((4000, 4000), (4000,), (), rules=[{"together": ["VM-*"]}])
    assert goes(obeying.obey(split, "esx")) == {"VM-21": "esx1"}
    assert obeying.obey(fleet((4000,), (), ()), "esx").moves == ()


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ([{"together": ["a", "b"]}, {"apart": ["a", "b"]}], "ConflictRelation: a, b are to be together and apart"),
        ([{"hold": ["a"]}, {"apart": ["a", "b"]}], "ConflictRelation: a is held where it is"),
        (
            [{"together": ["a", "b"]}, {"pin": ["a"], "to": ["esx1"]}],
            "ConflictPinAndEq: a, b stay together but are pinned to different hosts",
        ),
        (
            [{"pin": ["a"], "to": ["esx1"]}, {"pin": ["a"], "to": ["esx2"]}],
            "ConflictPriority: a is pinned to esx1 and to esx2 with one priority",
        ),
    ],
)
def test_rules_that_cannot_hold_together_are_named(rules, sentence) -> None:
    assert any(found.startswith(sentence) for found in conflicts([Rule.model_validate(one) for one in rules], ()))


def test_rules_that_can_hold_together_are_not() -> None:
    rules = [
        {"pin": ["a"], "to": ["esx1"], "priority": 60},
        {"pin": ["a"], "to": ["esx2"]},
        {"apart": ["a", "c"]},
        {"together": ["c", "d"]},
    ]
    assert list(conflicts([Rule.model_validate(one) for one in rules], ("e",))) == []


@pytest.mark.parametrize("rule", [{}, {"pin": ["a"]}, {"hold": ["a"], "apart": ["a", "b"]}, {"apart": ["a"]}])
def test_a_rule_that_says_nothing_or_two_things_is_refused(rule) -> None:
    with pytest.raises(ValueError, match=r"one of pin|under `to`|need two VMs"):
        Rule.model_validate(rule)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("{pin: [VM-01], to: [esx9]}", "group esx has no host 'esx9'; known: esx1, esx2"),
        ("{together: [a, b]}, {apart: [a, b]}", "ConflictRelation: a, b are to be together and apart"),
    ],
)
def test_a_mistake_in_the_estate_is_named_with_its_line(rule, sentence, tmp_path) -> None:
    example.write(tmp_path, example.free_ports(), armed=False, quick=True)
    path = tmp_path / "estate.yaml"
    text = path.read_text()
    at = text.index("        hosts:", text.index("categories:"))
    path.write_text(f"{text[:at]}        placement: {{rules: [{rule}]}}\n{text[at:]}")
    with pytest.raises(Unreadable) as error:
        loading.load(path)
    assert sentence in str(error.value)


names = st.lists(st.integers(1000, 20000), max_size=5)


@given(names, names, names, st.lists(st.sampled_from(["apart", "together", "hold"]), max_size=3))
def test_whatever_the_rules_nobody_is_left_out_and_no_two_that_must_part_meet(one, two, three, kinds) -> None:
    rules = [{kind: [f"VM-{number}*", f"VM-{number + 1}*"]} for number, kind in enumerate(kinds, start=1)]
    world = fleet(tuple(one), tuple(two), tuple(three), rules=rules)
    plan = evacuating.evacuate(world, "esx1")
    assert len(plan.moves) + len(plan.unplaced) == len(one)
    after = obeying.moved(world, plan)
    for rule in world.site.placements["esx"].rules:
        if rule.apart:
            for move in plan.moves:
                there = [vm.name for vm in after.records("vc1", move.target) if vm.name != move.vm.name]
                assert not (rule.covers(move.vm.name) and any(rule.covers(name) for name in there))
