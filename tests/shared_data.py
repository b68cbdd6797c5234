"""Third-party data beside the project; what is absent skips with a reason."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def shared(path: str) -> Path:
    """The file or folder `path` of the shared data, or a skip that says what is missing."""
    found = ROOT / path
    if not found.exists():
        pytest.skip(f"third-party data {path} is not beside this checkout (../shared/data)")
    return found
