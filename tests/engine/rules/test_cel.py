"""The public CEL conformance cases: inside the subset they give what CEL says, outside it they are refused at load."""

import json
import math
import re
from collections import Counter
from typing import Any

import pytest

from engine.model.catalogue import FieldType
from engine.rules import conditions, evaluating, expressions
from engine.rules.literals import Unusable, Value
from tests.shared_data import shared

KINDS = {"bool": FieldType.BOOLEAN, "int": FieldType.INTEGER, "double": FieldType.NUMBER, "string": FieldType.STRING}
OUTSIDE = re.compile(
    r"unknown function|outside the condition language|a binding of a type|a name that is not known|not a condition"
    r"|only names have fields|several types|a minus belongs|takes a string, not duration|has\(\) takes one field"
    r"|does not fit into 64 bits"
)
"""Why a case may be refused: anything else would be a hole in the subset."""


def cases() -> list[dict[str, Any]]:
    return list(json.loads(shared("cel/cases.json").read_text(encoding="utf-8"))["cases"])


def wanted(value: dict[str, Any]) -> object:
    (kind, content), *_ = value.items()
    if kind == "list":
        return tuple(wanted(one) for one in content)
    return float(content) if kind == "double" else content


def same(left: object, right: object) -> bool:
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    return type(left) is type(right) and left == right


def verdict(case: dict[str, Any]) -> str:
    """How the case went: `right`, or why it was refused, or what is wrong."""
    given = case.get("bindings", {})
    try:
        node = expressions.parse(case["expr"])
    except Unusable as error:
        return f"refused: {error}"
    if not all(next(iter(one)) in KINDS for one in given.values()):
        return "refused: a binding of a type that no event field has"
    known = {name: KINDS[next(iter(one))] for name, one in given.items()}
    try:
        if any(name.path not in known for name in expressions.names(node)):
            return "right" if case.get("error") else "refused: a name that is not known"
        if not case.get("unchecked"):
            conditions.kind_of(node, known)
    except Unusable as error:
        return "right" if case.get("error") else f"refused: {error}"
    values: dict[str, Value] = {name: wanted(one) for name, one in given.items()}  # type: ignore[misc]
    try:
        got: object = evaluating.value_of(node, values)
    except Unusable as error:
        return "right" if case.get("error") else f"WRONG: {error}"
    if case.get("error"):
        return f"WRONG: gave {got!r} where CEL fails"
    return "right" if same(got, wanted(case["value"])) else f"WRONG: gave {got!r}"


def test_inside_the_subset_every_case_gives_what_cel_says() -> None:
    told = {case["id"]: verdict(case) for case in cases()}
    assert [one for one in told.items() if one[1].startswith("WRONG")] == []
    counted = Counter(one.partition(":")[0] for one in told.values())
    assert counted["right"] >= 227
    assert counted["right"] + counted["refused"] == len(told) == 1075


def test_a_case_is_only_refused_for_something_that_is_outside_the_subset() -> None:
    told = [(case["id"], case["expr"], verdict(case)) for case in cases()]
    assert [one for one in told if one[2].startswith("refused") and not OUTSIDE.search(one[2])] == []


@pytest.mark.parametrize("text", ["a" * 2001, "!" * 40 + "a", "(" * 60 + "a" + ")" * 60, "a" + " && a" * 600])
def test_a_condition_of_any_shape_ends_in_a_tree_or_a_sentence(text: str) -> None:
    try:
        expressions.parse(text)
    except Unusable as error:
        assert len(str(error)) < 300
