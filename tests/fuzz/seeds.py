"""Write the seeds of the fuzzer: built traps, and the shared vectors where they are beside the checkout."""

import hashlib
import sys
from pathlib import Path

from tests.collectors.snmp.traps import blade
from tests.shared_data import ROOT

BUILT = tuple(blade(22050 + slot, slot, sequence=slot, inform=bool(slot & 1)) for slot in range(1, 9))


def written(folder: Path) -> int:
    """How many there are now."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [line for file in sorted((ROOT / "traps").glob("*.hex")) for line in file.read_text().splitlines()]
    for octets in (*BUILT, *(bytes.fromhex(line.partition("#")[0]) for line in lines)):
        (folder / hashlib.sha256(octets).hexdigest()[:16]).write_bytes(octets)
    return len(list(folder.iterdir()))


if __name__ == "__main__":
    sys.stdout.write(f"{written(Path(sys.argv[1]))} seeds\n")
