"""One datacenter per test."""

import pytest

from tests.actuators.place import begun


@pytest.fixture
def place(tmp_path):
    with begun(tmp_path) as found:
        yield found
