"""Public machine reassignment instances: how near the best known cost a minute on two cores comes, judged from outside.

The peer of the same run is the plain descent: the first, cold steps of the same search.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import challenge
from benchmarks.challenge import Known
from engine.placement.reassignment import improving
from engine.placement.reassignment import problem as whole

PUBLIC = Path(__file__).resolve().parents[2] / "shared" / "data" / "placement" / "roadef2012"
SECONDS = 57.0
"""Of the 60 that an instance has; the rest is for reading and judging it."""


def run() -> dict[str, object]:
    """Cost and gap of each instance; nothing where the public data is not beside the project."""
    if not PUBLIC.exists():
        return {"benchmark": "reassignment", "skipped": "the public instances are not beside the project"}
    known = challenge.known(PUBLIC)
    improving.improved(challenge.read(PUBLIC, known[0].name), 1000)  # compiled code is made before time counts
    return {"benchmark": "reassignment", "instances": [_one(instance) for instance in known]}


def _one(instance: Known) -> dict[str, object]:
    began = time.perf_counter()
    problem = challenge.read(PUBLIC, instance.name)
    descent = improving.improved(problem, 60 * 1000, improving.Style(hot=1e-9, span=1.0, evict=0.0))
    left = SECONDS - (time.perf_counter() - began)
    found = improving.improve(problem, left, time.perf_counter)
    told = {
        "instance": instance.name,
        "cost": found.cost,
        "best_known": instance.best,
        "gap_percent": round(100 * (found.cost / instance.best - 1), 3),
        "gap_of_the_descent_percent": round(100 * (descent.cost / instance.best - 1), 3),
        "initial_cost": whole.cost(problem, problem.home),
        "seconds": round(time.perf_counter() - began, 1),
        "judge": _judged(instance.name, found.assignment.tolist()),
    }
    sys.stderr.write(f"  {instance.name}: {told['gap_percent']} % above the best known, {told['judge']}\n")
    return told


def _judged(name: str, assignment: list[int]) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as answer:
        answer.write(" ".join(str(host) for host in assignment))
        answer.flush()
        files = [str(PUBLIC / f"model_{name}.txt"), str(PUBLIC / f"assignment_{name}.txt"), answer.name]
        told = subprocess.run(
            [sys.executable, PUBLIC / "evaluate.py", *files], capture_output=True, text=True, check=True
        )
    return told.stdout.split()[-1]
