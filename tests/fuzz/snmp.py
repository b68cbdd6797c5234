"""Coverage-guided fuzzing of the trap decoder: `make fuzz`, or `python -m tests.fuzz.snmp -max_total_time=600 FOLDER`.

Found is: any error but `Malformed`, a strictly valid message that pysnmp reads otherwise or not at all, an inform whose
answer is none. What is found is written to a file `crash-...`; `toban traps decode` shows it.
"""

import random
import sys

import atheris

with atheris.instrument_imports(include=["engine.clients", "collectors.snmp"]):
    from collectors.snmp import dissecting
    from engine.clients import snmp
    from engine.clients.ber import Malformed
    from engine.clients.snmp_v3 import Sealed

from tests.collectors.snmp.traps import NOW, TABLES
from tests.engine.clients.snmp import oracle
from tests.engine.clients.snmp.mutating import mutated
from tests.fuzz.seeds import BUILT


def one(octets: bytes) -> None:
    """What must hold for any octets."""
    dissecting.told(octets, "192.0.2.1", NOW, TABLES)
    try:
        decoded = snmp.decode(octets)
        if isinstance(decoded, Sealed):
            if decoded.level > 1:
                return
            decoded = snmp.scoped(octets[slice(*decoded.payload)], list(decoded.notes))
    except Malformed as error:
        assert error.reason
        assert "\n" not in str(error)
        return
    if not isinstance(decoded, snmp.Notification):
        return
    if not decoded.notes:
        theirs, ours = oracle.pysnmp_reads(octets, decoded.version), oracle.we_read(decoded)
        assert ours == theirs, (ours, theirs)
    if decoded.confirmed and decoded.version == 1:
        assert snmp.decode(snmp.response_to(octets)) == snmp.Ignored("response")


def mutate(octets: bytes, size: int, seed: int) -> bytes:
    """Half of the time by the structure of BER, else as libFuzzer likes."""
    if seed % 2:
        return bytes(atheris.Mutate(octets, size))
    return mutated(octets or BUILT[seed % len(BUILT)], random.Random(seed), BUILT)[:size]


if __name__ == "__main__":
    atheris.Setup(sys.argv, one, custom_mutator=mutate)
    atheris.Fuzz()
