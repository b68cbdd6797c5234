"""Trap decoding measured: our decoder and pysnmp's on the same bytes. `python benchmarks/traps.py` prints JSON.

`benchmarks/storms.py` measures whole receivers: from the socket to the stored event.
"""

import json
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api
from pysnmp.proto.api import v1, v2c

from engine.clients import snmp

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "traps" / "mib_synthetic.hex"
PEER_SECONDS = 1.5
OUR_SECONDS = 1.5


def datagrams() -> list[bytes]:
    """Traps built from the MIBs of 17 vendors where that data is beside the checkout, else 24 built by pysnmp."""
    if SHARED.exists():
        return [bytes.fromhex(line.partition("  # ")[0]) for line in SHARED.read_text(encoding="utf-8").splitlines()]
    return [_built(number) for number in range(24)]


def run() -> dict[str, object]:
    """Traps per second of both decoders; both read every field of every varbind."""
    corpus = datagrams()
    ours = _rate(snmp.decode, corpus, OUR_SECONDS)
    theirs = _rate(peer, corpus, PEER_SECONDS)
    return {
        "name": "trap-decode",
        "traps_per_s": round(ours),
        "peer": f"pysnmp {version('pysnmp')} decoder",
        "peer_traps_per_s": round(theirs),
        "ratio": round(ours / theirs, 1),
        "datagrams": len(corpus),
        "mean_octets": round(sum(map(len, corpus)) / len(corpus)),
    }


def peer(datagram: bytes) -> object:
    """What an application of pysnmp does for one datagram, without its engine."""
    module = api.PROTOCOL_MODULES[api.decodeMessageVersion(datagram)]
    message, _ = decoder.decode(datagram, asn1Spec=module.Message())
    pdu = module.apiMessage.get_pdu(message)
    return module.apiTrapPDU.get_varbinds(pdu)


def _rate(decode: Callable[[bytes], object], corpus: Sequence[bytes], seconds: float) -> float:
    """The best of five rounds: what the machine can do when nobody else is using it."""
    for datagram in corpus[:50]:
        decode(datagram)
    best = 0.0
    for _ in range(5):
        done, start = 0, time.perf_counter()
        while (took := time.perf_counter() - start) < seconds / 5 or done == 0:
            for datagram in corpus[done % len(corpus) :][:25]:
                decode(datagram)
                done += 1
        best = max(best, done / took)
    return best


def _built(number: int) -> bytes:
    module = v1 if number % 2 else v2c
    pdu = module.TrapPDU()
    module.apiTrapPDU.set_defaults(pdu)
    if module is v1:
        v1.apiTrapPDU.set_enterprise(pdu, (1, 3, 6, 1, 4, 1, 232))
        v1.apiTrapPDU.set_generic_trap(pdu, "enterpriseSpecific")
        v1.apiTrapPDU.set_specific_trap(pdu, 22050 + number)
    found = [] if module is v1 else list(v2c.apiTrapPDU.get_varbinds(pdu))
    rows = (1, 3, 6, 1, 4, 1, 232, 22, 2, 4, 1, 1, 1)
    found += [((*rows, column, 1, number), module.OctetString(f"value {column} of {number}")) for column in range(8)]
    found += [((*rows, column, 1, number), module.Integer(number * column)) for column in range(8, 11)]
    module.apiTrapPDU.set_varbinds(pdu, found)
    message = module.Message()
    module.apiMessage.set_defaults(message)
    module.apiMessage.set_community(message, "public")
    module.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))


if __name__ == "__main__":
    print(json.dumps(run()))  # noqa: T201  # the result is this program's output
