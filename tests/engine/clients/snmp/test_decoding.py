import random
from collections import Counter

import pytest

from engine.clients import snmp
from engine.clients.ber import Malformed
from engine.clients.snmp_v3 import Sealed
from tests.engine.clients.snmp import oracle
from tests.engine.clients.snmp.vectors import read, vectors


def theirs(datagram):
    return oracle.pysnmp_reads(datagram, read(datagram).version)


def ours(datagram):
    decoded = read(datagram)
    assert isinstance(decoded, snmp.Notification)
    return oracle.we_read(decoded)


def test_every_valid_notification_reads_as_pysnmp_reads_it():
    compared = 0
    for name, datagram in vectors("valid_notifications").items():
        if isinstance(read(datagram), snmp.Notification):
            assert read(datagram).notes == (), name
            assert ours(datagram) == theirs(datagram), name
            compared += 1
    assert compared == 70


def test_the_built_and_rebuilt_traps_read_as_pysnmp_reads_them():
    for name, datagram in {**vectors("mib_synthetic"), **vectors("reconstructed")}.items():
        assert ours(datagram) == theirs(datagram), name
        assert snmp.decode(datagram).notes == (), name


def test_an_encrypted_message_shows_its_envelope_only():
    sealed = [one for one in map(read, vectors("valid_notifications").values()) if isinstance(one, Sealed)]
    assert len(sealed) == 3
    assert {one.level for one in sealed} == {2}
    assert {(one.engine.hex(), one.user) for one in sealed} == {
        ("8000000001020304", b"trapuser"),
        ("80001f88806b8fad3b07c2706500000000", b"myuser2"),
    }


@pytest.mark.parametrize("file", ["malformed", "malformed_derived"])
def test_no_damaged_datagram_becomes_a_notification(file):
    for name, datagram in vectors(file).items():
        with pytest.raises(Malformed) as caught:
            read(datagram)
        assert caught.value.reason, name
        assert str(caught.value), name


def test_bent_rules_are_accepted_and_named():
    for name, datagram in vectors("lenient_notifications").items():
        decoded = read(datagram)
        assert isinstance(decoded, snmp.Notification), name
        assert decoded.notes, name


def test_other_messages_are_told_apart_and_ignored():
    kinds = Counter()
    for name, datagram in vectors("valid_other_pdu").items():
        decoded = read(datagram)
        assert not isinstance(decoded, snmp.Notification), name
        kinds["encrypted" if isinstance(decoded, Sealed) else decoded.what] += 1
    assert set(kinds) == {"get", "getnext", "getbulk", "set", "response", "report", "encrypted"}
    assert kinds["encrypted"] == 27


V1 = "302602010004067075626c6963a41906062b06010401094004c00002010201{generic}0201{specific}4301003000"


@pytest.mark.parametrize(
    ("generic", "specific", "key"),
    [("06", "07", "1.3.6.1.4.1.9.0.7"), ("00", "00", "1.3.6.1.6.3.1.1.5.1"), ("03", "05", "1.3.6.1.6.3.1.1.5.4")],
)
def test_a_v1_trap_is_known_by_the_v2_name_of_its_kind(generic, specific, key):
    assert snmp.decode(bytes.fromhex(V1.format(generic=generic, specific=specific))).key == key


def test_a_negative_specific_trap_keeps_its_sign():
    assert snmp.decode(bytes.fromhex(V1.format(generic="06", specific="ff"))).key == "1.3.6.1.4.1.9.0.-1"


def test_a_generic_trap_out_of_range_is_refused():
    with pytest.raises(Malformed, match="generic-trap 7"):
        snmp.decode(bytes.fromhex(V1.format(generic="07", specific="00")))


def test_a_changed_octet_never_makes_us_read_something_else_than_pysnmp():
    dice = random.Random(7)
    corpus = list(vectors("mib_synthetic").values())
    agreed = 0
    for _ in range(2500):
        damaged = bytearray(dice.choice(corpus))
        damaged[dice.randrange(20, len(damaged))] = dice.randrange(256)
        try:
            decoded = snmp.decode(bytes(damaged))
        except Malformed:
            continue
        if isinstance(decoded, snmp.Notification) and not decoded.notes:
            assert ours(bytes(damaged)) == theirs(bytes(damaged))
            agreed += 1
    assert agreed > 500
