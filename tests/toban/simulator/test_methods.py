"""The endpoint's table against pyVmomi's own: every method exists there and takes exactly what the wire brings."""

import inspect

import pytest
from pyVmomi import VmomiSupport

from toban.simulator.vcenter import soap
from toban.simulator.vcenter.endpoint import METHODS


def parameters(name):
    described = soap.FETCH if name == "Fetch" else VmomiSupport.GetWsdlMethod("urn:vim25", name).info
    return [parameter.name for parameter in described.params]


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_handler_takes_what_the_wire_brings(name):
    inspect.signature(METHODS[name]).bind("center", "session", "this", *parameters(name))
