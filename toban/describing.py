"""What the words of a policy file mean: English from the models' docstrings, Japanese from a table beside."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from types import ModuleType
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML

from engine.model import pattern, policy, window
from engine.model.pattern import Part

LANGUAGE: tuple[ModuleType, ...] = (pattern, window, policy)
"""Where the classes of the language stand."""
SELF = "self"


@dataclass(frozen=True, slots=True)
class Meaning:
    """One sentence in both languages."""

    en: str
    ja: str


@cache
def docstrings(module: ModuleType) -> Mapping[tuple[str, str], str]:
    """(class, field or `self`) -> the first paragraph of what stands under it, on one line."""
    found: dict[tuple[str, str], str] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ClassDef):
            found[node.name, SELF] = _line(ast.get_docstring(node) or "")
            found |= {(node.name, name): text for name, text in _fields(node)}
    return found


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for above, below in zip(node.body, node.body[1:], strict=False):
        target = above.target if isinstance(above, ast.AnnAssign) else None
        if isinstance(above, ast.Assign):
            target = above.targets[0] if isinstance(above.targets[0], ast.Name) else None
        text = below.value if isinstance(below, ast.Expr) else None
        if isinstance(target, ast.Name) and isinstance(text, ast.Constant) and isinstance(text.value, str):
            yield target.id, _line(text.value)


def _line(text: str) -> str:
    return " ".join(inspect.cleandoc(text).split("\n\n")[0].split())


@cache
def japanese() -> Mapping[str, Mapping[str, str]]:
    """Class -> field or `self` -> text (`toban/templates/descriptions.ja.yaml`)."""
    text = resources.files("toban.templates").joinpath("descriptions.ja.yaml").read_text(encoding="utf-8")
    found: Mapping[str, Mapping[str, str]] = YAML(typ="safe", pure=True).load(text)
    return found


def english(owner: type, word: str = SELF) -> str:
    """What a class, its field or its member means; a field may stand in a class above. Empty if nobody says it."""
    for one in owner.__mro__ if word != SELF else (owner,):
        module = inspect.getmodule(one)
        if module is not None and one.__module__.startswith("engine."):
            said = docstrings(module).get((one.__name__, word), "")
            if said:
                return said
    return ""


def meaning(owner: type, word: str = SELF) -> Meaning:
    """The same in both languages."""
    ja = (japanese().get(one.__name__, {}).get(word, "") for one in (owner.__mro__ if word != SELF else (owner,)))
    return Meaning(english(owner, word), next(filter(None, ja), ""))


@cache
def classes() -> Mapping[str, type[Any]]:
    """Every class of the language that a file can hold, by name: its parts, and its lists of words."""
    found: dict[str, type[Any]] = {}
    for module in LANGUAGE:
        for name, one in vars(module).items():
            is_ours = inspect.isclass(one) and one.__module__ == module.__name__ and not name.startswith("_")
            if is_ours and issubclass(one, Part | StrEnum) and one is not Part:
                found[name] = one
    return found


def words(owner: type[Any]) -> Mapping[str, str]:
    """Names in Python -> words in a file: the fields of a part with those it inherits, the values of a list."""
    if issubclass(owner, BaseModel):
        return {name: field.alias or name for name, field in owner.model_fields.items()}
    return {name: member.value for name, member in owner.__members__.items()}
