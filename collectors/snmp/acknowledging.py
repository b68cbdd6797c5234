"""Tells a controller that its Platform Event Trap is stored: until then it repeats it (PET 1.0; NEC blades by default).

Sent once for each copy that comes, and never waited for: whoever did not get it repeats his trap. Declared controllers
only, so that nobody is made to be told what he never said.
"""

import socket

import structlog

from collectors.snmp import mapping, naming, pet
from collectors.snmp.counting import Tally
from collectors.snmp.origins import Origins
from engine.clients import ipmi_pet, snmp

log = structlog.get_logger()

PLATFORM = f"{pet.ENTERPRISE}.0."
"""How the keys of Platform Event Traps begin."""


class Acknowledging:
    """Of one listener."""

    def __init__(self, origins: Origins, tally: Tally, port: int = ipmi_pet.PORT) -> None:
        """Nothing is opened before the first one is sent."""
        self._origins, self._tally, self._port = origins, tally, port
        self._sockets: dict[socket.AddressFamily, socket.socket] = {}

    def stored(self, notification: snmp.Notification, source: str) -> None:
        """A notification is durable; if it is a Platform Event Trap, its sender is told."""
        if not notification.key.startswith(PLATFORM):
            return
        block = naming.find(notification.varbinds, pet.BLOCK_COLUMN)
        datagram = ipmi_pet.acknowledgement(block) if isinstance(block, bytes) else None
        sender = mapping.sender_of(notification, source, self._origins)
        if datagram is None or sender not in self._origins.machines_by_address:
            return
        family = socket.AF_INET6 if ":" in sender else socket.AF_INET
        try:
            self._socket(family).sendto(datagram, (sender, self._port))
        except OSError as error:
            log.info("trap.unacknowledged", sender=sender, error=str(error))
        else:
            self._tally.add("acknowledged")

    def _socket(self, family: socket.AddressFamily) -> socket.socket:
        if family not in self._sockets:
            made = self._sockets[family] = socket.socket(family, socket.SOCK_DGRAM)
            made.setblocking(False)
        return self._sockets[family]

    def close(self) -> None:
        """Give the sockets back."""
        for one in self._sockets.values():
            one.close()
        self._sockets.clear()
