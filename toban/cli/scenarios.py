"""`toban policy test`: scenarios beside the policies, played on virtual time."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import orjson
import typer

from engine.model.catalogue import shipped
from engine.model.errors import ConfigurationError
from engine.model.policy import Policy
from engine.rehearsing import covering, judging, playing
from engine.rehearsing import scenarios as reading
from engine.rehearsing.playing import Played
from engine.rules import loading


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario that was played."""

    policy: str
    scenario: str
    file: str
    line: int
    difference: tuple[str, ...]
    seconds: float


def found_files(paths: Iterable[Path]) -> list[Path]:
    """Scenario files below these paths; a policy file stands for the scenarios beside it. Raises if there are none."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(path.rglob("*.test.yaml"))
        elif path.name.endswith(".test.yaml"):
            found.append(path)
        else:
            found.append(path.with_suffix("").with_suffix(".test.yaml"))
    absent = [path for path in found if not path.exists()]
    if absent or not found:
        msg = f"{absent[0] if absent else 'no *.test.yaml'} does not exist; write scenarios beside the policy"
        raise ConfigurationError(msg)
    return list(dict.fromkeys(found))


def policies_beside(files: Iterable[Path]) -> dict[str, Policy]:
    """Usable policies in the folders of these files. Raises for the first mistake in one that is asked for."""
    folders = list(dict.fromkeys(path.parent for path in files))
    loaded = loading.load(folders, shipped())
    wrong = [problem for problem in loaded.problems if problem.severity == "error"]
    beside = {str(path.with_suffix("").with_suffix(".yaml")) for path in files}
    for problem in wrong:
        if problem.file in beside:
            raise ConfigurationError(str(problem))
    return {policy.name: policy for policy in loaded.policies}


def run(paths: list[Path], *, as_json: bool, coverage: bool, junit: Path | None) -> int:
    """Play everything and tell; the number of scenarios that came out differently."""
    files = found_files(paths)
    known = policies_beside(files)
    results: list[Result] = []
    played: dict[str, list[Played]] = {}
    for path in files:
        read = reading.read(path)
        policy = known.get(read.content.policy)
        if policy is None:
            msg = f"{path}: there is no policy {read.content.policy} beside it; known: {', '.join(sorted(known))}"
            raise ConfigurationError(msg)
        for index, scenario in enumerate(read.content.scenarios):
            began = perf_counter()
            one = playing.play(scenario, read.content.estate, policy, shipped(), known)
            difference = judging.differences(scenario.expect, one.told)
            result = Result(
                policy.name, scenario.name, str(path), read.lines[index], difference, perf_counter() - began
            )
            played.setdefault(policy.name, []).append(one)
            results.append(result)
            _tell(result, as_json=as_json)
    gaps = {name: covering.coverage(known[name], ones, shipped()) for name, ones in played.items()}
    if coverage or as_json:
        for name, gap in gaps.items():
            _tell_coverage(name, gap, as_json=as_json)
    if junit is not None:
        junit.write_bytes(as_junit(results))
    failed = sum(bool(one.difference) for one in results)
    if not as_json:
        spent = sum(one.seconds for one in results)
        typer.echo(
            f"{len(results)} scenarios of {len(played)} policies in {spent:.2f} s: {failed} came out differently"
        )
    return failed


def as_junit(results: Iterable[Result]) -> bytes:
    """JUnit's XML: one suite a policy."""
    by_policy: dict[str, list[Result]] = {}
    for one in results:
        by_policy.setdefault(one.policy, []).append(one)
    root = ET.Element("testsuites")
    for policy, ones in by_policy.items():
        failures = sum(bool(one.difference) for one in ones)
        suite = ET.SubElement(root, "testsuite", name=policy, tests=str(len(ones)), failures=str(failures))
        for one in ones:
            case = ET.SubElement(suite, "testcase", classname=policy, name=one.scenario, time=f"{one.seconds:.3f}")
            case.set("file", one.file)
            case.set("line", str(one.line))
            if one.difference:
                failure = ET.SubElement(case, "failure", message="the decisions came out differently")
                failure.text = "\n".join(one.difference)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _tell(one: Result, *, as_json: bool) -> None:
    if as_json:
        where = {"policy": one.policy, "scenario": one.scenario, "file": one.file, "line": one.line}
        typer.echo(orjson.dumps({**where, "passed": not one.difference, "difference": one.difference}).decode())
        return
    typer.echo(f"{'FAIL' if one.difference else 'ok  '} {one.policy}: {one.scenario}")
    if one.difference:
        typer.echo(f"  {one.file}:{one.line}: - expected, + came")
        for line in one.difference:
            typer.echo(f"  {line}")


def _tell_coverage(name: str, gap: covering.Coverage, *, as_json: bool) -> None:
    share = len(gap.clauses) - len(gap.missing)
    if as_json:
        found = {"policy": name, "clauses": len(gap.clauses), "exercised": share, "missing": gap.missing}
        typer.echo(orjson.dumps(found).decode())
        return
    typer.echo(f"{name}: {share} of {len(gap.clauses)} clauses exercised")
    for clause in gap.missing:
        typer.echo(f"  no scenario decides by `{clause}`")
