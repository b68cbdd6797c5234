"""A record is found by what cannot be confused; where it can be, nothing is done."""

from types import SimpleNamespace

import pytest

from engine.clients import vsphere_reading
from engine.model.errors import Permanent


def test_two_hosts_of_one_uuid_are_nobody() -> None:
    index = SimpleNamespace(FindAllByUuid=lambda *_: ["host-1", "host-2"])
    session = SimpleNamespace(content=SimpleNamespace(searchIndex=index))
    with pytest.raises(Permanent, match="2 hosts with the UUID u1; identity in doubt"):
        vsphere_reading.host_by_uuid(session, "u1")
