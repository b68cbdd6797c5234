"""The UDP socket that traps come in by, or one sentence about why it cannot be had."""

import contextlib
import errno
import socket

from engine.model.errors import ConfigurationError

RECEIVE_BUFFER = 8 * 1024 * 1024
"""Octets asked for: what waits in the kernel while we are busy."""
SO_RCVBUFFORCE = 33
"""Linux: beyond net.core.rmem_max, for who has CAP_NET_ADMIN; include/uapi/asm-generic/socket.h."""


def bound(bind: str, port: int) -> socket.socket:
    """A UDP socket on this address; raises ConfigurationError with a sentence that says what to do."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM)
    opened.setblocking(False)
    for option in (socket.SO_RCVBUF, SO_RCVBUFFORCE):
        with contextlib.suppress(OSError):  # a smaller buffer than asked for is still a buffer
            opened.setsockopt(socket.SOL_SOCKET, option, RECEIVE_BUFFER)
    try:
        opened.bind((bind, port))
    except OSError as error:
        opened.close()
        raise ConfigurationError(_why(error, f"UDP {bind} port {port}")) from error
    return opened


def _why(error: OSError, where: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"{where} for traps is already taken: stop the other receiver (ss -lunp names it) or set another trap port"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"{where} for traps is privileged: give the process CAP_NET_BIND_SERVICE or set a trap port above 1023 "
            "and forward 162 to it"
        )
    if error.errno in (errno.EADDRNOTAVAIL, socket.EAI_NONAME):
        return f"{where} for traps is not an address of this machine: set the trap address to one of its own or 0.0.0.0"
    return f"{where} for traps cannot be opened ({error.strerror or error}): check the trap address and port"
