"""Findings as SARIF 2.1.0, which code hosts and editors read."""

from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from engine.rules.findings import Known
from engine.rules.loading import Problem

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
Json: TypeAlias = dict[str, Any]


def log(problems: Iterable[Problem], waived: Iterable[Problem], known: Mapping[str, Known]) -> Json:
    """One run; a waived finding is a result that is suppressed in its source."""
    codes = list(known)
    rules = [_rule(one) for one in known.values()]
    driver: Json = {"name": "toban", "version": metadata.version("toban"), "rules": rules}
    results = [_result(one, codes) for one in (*problems, *waived)]
    run: Json = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(one: Known) -> Json:
    return {
        "id": one.code,
        "shortDescription": {"text": one.en},
        "fullDescription": {"text": one.means},
        "help": {"text": one.todo},
        "defaultConfiguration": {"level": _LEVELS[one.severity]},
        "properties": {"title-ja": one.ja},
    }


def _result(one: Problem, codes: list[str]) -> Json:
    region = {"startLine": one.line, "startColumn": one.column}
    where = {"artifactLocation": {"uri": _uri(one.file)}, "region": region}
    made: Json = {
        "ruleId": one.code,
        "ruleIndex": codes.index(one.code),
        "level": _LEVELS[one.severity],
        "message": {"text": one.message},
        "locations": [{"physicalLocation": where}],
    }
    if one.waived is not None:
        made["suppressions"] = [{"kind": "inSource", "justification": one.waived}]
    return made


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
