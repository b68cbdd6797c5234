"""The chassis manager: real trap datagrams about its blades (CPQRACK-MIB; encoded by pysnmp, not by the product)."""

import itertools
import socket

from pyasn1.codec.ber import encoder
from pysnmp.proto import api

from toban.simulator.spec import Snmp
from toban.simulator.truth import Blade, Truth

ENTERPRISE = "1.3.6.1.4.1.232"
RACK = f"{ENTERPRISE}.22.2"
NUMBERS = {"power.lost": 22056, "power.off": 22070, "power.on": 22069}
"""cpqRackServerBladeUnexpectedShutdown, ...PoweredOff, ...PoweredOn."""


class Chassis:
    """Sends what happens to blades as SNMP traps."""

    def __init__(self, truth: Truth, snmp: Snmp) -> None:
        """Begins to listen to the truth."""
        self._truth, self._snmp = truth, snmp
        self._sequence = itertools.count(1)
        self.muted = False
        host, _, port = snmp.target.rpartition(":")
        self._target = (host, int(port))
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        truth.listeners.append(self._heard)

    def close(self) -> None:
        """No more traps."""
        self._socket.close()

    def _heard(self, what: str, machine: str) -> None:
        if what in NUMBERS:
            self.send(NUMBERS[what], machine)

    def send(self, number: int, machine: str) -> None:
        """Send one trap about a blade, unless muted; a lost datagram is lost, as in life."""
        if self.muted:
            return
        datagram = self._datagram(number, self._truth.blades[machine])
        try:
            self._socket.sendto(datagram, self._target)
        except OSError as error:
            self._truth.ledger.write("trap.unsent", number=number, machine=machine, error=str(error))
            return
        self._truth.ledger.write("trap.sent", number=number, machine=machine, bytes=len(datagram))

    def _datagram(self, number: int, blade: Blade) -> bytes:
        at = f"1.{blade.slot.slot}"
        texts = [
            (f"{RACK}.3.1.1.1.7.1", blade.chassis_serial),
            (f"{RACK}.4.1.1.1.5.{at}", blade.chassis),
            (f"{RACK}.4.1.1.1.4.{at}", f"blade{blade.slot.slot}"),
            (f"{RACK}.4.1.1.1.16.{at}", blade.slot.serial),
        ]
        version = api.SNMP_VERSION_1 if self._snmp.version == "v1" else api.SNMP_VERSION_2C
        protocol = api.PROTOCOL_MODULES[version]
        fields = [(name, protocol.OctetString(text)) for name, text in texts]
        fields.append((f"{RACK}.4.1.1.1.8.{at}", protocol.Integer(blade.slot.slot)))
        fields.append((f"{RACK}.3.1.1.1.15.1", protocol.Integer(next(self._sequence))))
        pdu = protocol.TrapPDU()
        protocol.apiTrapPDU.set_defaults(pdu)
        if version == api.SNMP_VERSION_1:
            protocol.apiTrapPDU.set_enterprise(pdu, ENTERPRISE)
            protocol.apiTrapPDU.set_generic_trap(pdu, 6)
            protocol.apiTrapPDU.set_specific_trap(pdu, number)
        else:
            trap = (
                protocol.ObjectIdentifier("1.3.6.1.6.3.1.1.4.1.0"),
                protocol.ObjectIdentifier(f"{ENTERPRISE}.0.{number}"),
            )
            fields = [("1.3.6.1.2.1.1.3.0", protocol.TimeTicks(next(self._sequence) * 100)), trap, *fields]
        protocol.apiTrapPDU.set_varbinds(pdu, [(protocol.ObjectIdentifier(name), value) for name, value in fields])
        message = protocol.Message()
        protocol.apiMessage.set_defaults(message)
        protocol.apiMessage.set_community(message, self._snmp.community)
        protocol.apiMessage.set_pdu(message, pdu)
        return bytes(encoder.encode(message))
