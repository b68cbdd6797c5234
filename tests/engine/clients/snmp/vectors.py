"""The shared trap vectors by file."""

from functools import cache

from tests.shared_data import shared


@cache
def vectors(name: str) -> dict[str, bytes]:
    lines = shared(f"traps/{name}.hex").read_text(encoding="utf-8").splitlines()
    parts = (line.partition("  # ") for line in lines)
    return {f"{number} {comment}": bytes.fromhex(octets) for number, (octets, _, comment) in enumerate(parts)}
