"""One datacenter and one client of it per test."""

import pytest

from tests.toban.simulator.client import connected, running


@pytest.fixture
def world(tmp_path):
    with running(tmp_path) as found:
        yield found


@pytest.fixture
def client(world):
    with connected(world) as found:
        yield found
