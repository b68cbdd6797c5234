"""What a person sees of an order before it is given."""

import json
from datetime import UTC, datetime

from rich.console import Console

from engine.model import order
from engine.model.ids import ObjectId
from engine.model.order import Asked, Order
from tests.engine import worlds
from tests.engine.placement.test_binding import fleet
from toban import byhand
from toban.cli import showing

NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)


def shown(world, about: str, verb: str, *, as_json: bool = False, **parameters) -> str:
    wanted = Order(about=ObjectId(about), steps=(Asked(verb=verb, parameters=parameters),), by="tanaka")
    console = Console(width=200, record=True, quiet=False)
    with console.capture() as capture:
        would = byhand.preview(world, wanted, order.requested(wanted, NOW, "n"))
        showing.plan(console, wanted, would, as_json=as_json)
    return capture.get()


def test_the_plan_is_a_table_of_acts() -> None:
    said = shown(worlds.estate(), "host:esx1", "evacuate")
    assert "vm:VM-01" in said
    assert "esx1 > esx2" in said


def test_what_is_not_possible_names_the_vm_and_the_reason_in_both_languages() -> None:
    said = shown(worlds.fleet((4000,)), "host:esx1", "evacuate")
    assert "not possible: VM-11: no healthy host is left beside esx1 (esx1 以外に正常なホストがない)" in said


def test_where_nothing_has_to_be_done_that_is_said() -> None:
    assert "nothing has to be done" in shown(fleet((4000,), ()), "group:esx", "apply-rules")


def test_json_is_one_value(capsys) -> None:
    shown(worlds.estate(), "host:esx1", "evacuate", as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["plan"][0]["commands"][0] == {"verb": "vm.migrate", "target": "vm:VM-01", "where": "esx1 > esx2"}
