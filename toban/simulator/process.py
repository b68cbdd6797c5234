"""The datacenter as a process: until SIGINT, SIGTERM or `quit`."""

import signal
import sys
from pathlib import Path

from toban.simulator.datacenter import Datacenter
from toban.simulator.spec import SpecError


def serve(estate: Path, state: Path) -> int:
    """Run until stopped; 0, or 2 with one sentence when the estate cannot be simulated."""
    try:
        world = Datacenter(estate, state)
    except SpecError as error:
        sys.stderr.write(f"toban simulate: {error}\n")
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: world.finished.set())
    with world:
        sys.stdout.write(f"datacenter ready: vCenter {world.ready['vcenter']}, state in {state}\n")
        sys.stdout.flush()
        world.finished.wait()
    return 0
