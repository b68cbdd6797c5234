"""One vSphere endpoint per module, one login per test."""

import pytest

from engine.clients import vsphere
from tests.contracts.vsphere import opened


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("site")) as found:
        yield found


@pytest.fixture
def session(endpoint):
    found = vsphere.log_in(endpoint.account, timeout=10)
    yield found
    found.log_out()
