import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clients import ber, snmp
from engine.clients.ber import Malformed
from tests.engine.clients.snmp.vectors import vectors


def message(varbinds, tag=0xA7):
    header = ber.encoded_integer(7) + ber.encoded_integer(0) * 2
    pdu = ber.encoded(tag, header + ber.encoded(ber.SEQUENCE, varbinds))
    return ber.encoded(ber.SEQUENCE, ber.encoded_integer(1) + ber.encoded(ber.OCTETS, b"public") + pdu)


def varbind(name=b"\x2b\x06\x01", value=b"\x05\x00"):
    return ber.encoded(ber.SEQUENCE, ber.encoded(ber.OID, name) + value)


def reason(datagram):
    with pytest.raises(Malformed) as caught:
        snmp.decode(datagram)
    return caught.value.reason


def test_a_datagram_above_8_kib_is_refused_before_it_is_read():
    assert reason(bytes(8193)) == "too-large"


def test_128_varbinds_are_read_and_129_are_not():
    assert len(snmp.decode(message(varbind() * 128)).varbinds) == 128
    assert reason(message(varbind() * 129)) == "too-many-varbinds"


def test_64_numbers_in_a_name_are_read_and_65_are_not():
    assert snmp.decode(message(varbind(name=b"\x2b" + bytes(62)))).varbinds[0].oid.count(".") == 63
    assert reason(message(varbind(name=b"\x2b" + bytes(63)))) == "too-many-arcs"


def test_4_kib_of_value_are_read_and_one_octet_more_is_not():
    fits = snmp.decode(message(varbind(value=ber.encoded(ber.OCTETS, bytes(4096)))))
    assert fits.varbinds[0].value == bytes(4096)
    assert reason(message(varbind(value=ber.encoded(ber.OCTETS, bytes(4097))))) == "value-too-large"


def test_a_giant_integer_is_refused_in_words():
    assert reason(message(varbind(value=ber.encoded(ber.INTEGER, b"\x7f" * 4000)))) == "range"


def test_an_indefinite_length_is_refused():
    assert reason(b"\x30\x80" + message(varbind())[2:] + b"\0\0") == "indefinite-length"


@pytest.mark.parametrize(
    ("value", "note", "number"),
    [
        (b"\x02\x03\x00\x00\x05", ber.NOTE_INTEGER, 5),
        (b"\x02\x05\xff\xff\xff\xff\xfe", ber.NOTE_INTEGER, -2),
        (b"\x41\x04\xff\xff\xff\xff", ber.NOTE_SIGN, 4294967295),
        (b"\x43\x06\x00\x00\x00\x00\x00\x09", ber.NOTE_INTEGER, 9),
        (b"\x02\x81\x01\x05", ber.NOTE_LENGTH, 5),
        (b"\x02\x82\x00\x01\x05", ber.NOTE_LENGTH, 5),
        (b"\x47\x01\x05", "obsolete value type", 5),
    ],
)
def test_a_number_written_oddly_is_read_and_noted(value, note, number):
    decoded = snmp.decode(message(varbind(value=value)))
    assert decoded.varbinds[0].value == number
    assert note in decoded.notes


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"\x02\x05\x00\x80\x00\x00\x00", "range"),
        (b"\x41\x05\x01\x00\x00\x00\x00", "range"),
        (b"\x46\x09\x01" + bytes(8), "range"),
        (b"\x02\x00", "empty-integer"),
        (b"\x40\x03\x01\x02\x03", "address"),
        (b"\x05\x01\x00", "null"),
        (b"\x1f\x01\x00", "value-tag"),
        (b"\x05\x00\x00", "leftover"),
        (b"\x04\x05a", "length"),
        (b"", "truncated"),
    ],
)
def test_an_uncertain_value_is_refused_with_its_reason(value, expected):
    assert reason(message(varbind(value=value))) == expected


@pytest.mark.parametrize("name", [b"\x2b\x80\x01", b"\x2b\x86", b"\x2b\x90\x80\x80\x80\x00"])
def test_a_name_cut_off_padded_or_too_large_is_refused(name):
    assert reason(message(varbind(name=name))) == "oid"


def test_a_name_seen_before_does_not_hide_damage_behind_it():
    good = message(varbind(value=b"\x04\x03abc"))
    snmp.decode(good)
    assert reason(good[:-4] + b"\x04" + good[-3:]) == "length"
    assert reason(good[:-4] + b"\x02" + good[-3:]) == "leftover"


def test_a_64_bit_counter_in_a_v1_trap_is_read_and_noted():
    body = ber.encoded(ber.SEQUENCE, varbind(value=b"\x46\x05\x01\x00\x00\x00\x00"))
    head = ber.encoded(ber.OID, b"\x2b\x06") + b"\x40\x04\xc0\x00\x02\x14" + b"\x02\x01\x06\x02\x01\x01\x43\x01\x00"
    whole = ber.encoded_integer(0) + ber.encoded(ber.OCTETS, b"public") + ber.encoded(0xA4, head + body)
    decoded = snmp.decode(ber.encoded(ber.SEQUENCE, whole))
    assert decoded.varbinds[0].value == 2**32
    assert decoded.notes == (snmp.NOTE_NEWER,)


def test_an_inform_is_answered_with_its_own_id_and_varbinds():
    inform = message(varbind(value=b"\x04\x03abc") * 12, tag=0xA6)
    decoded = snmp.decode(inform)
    assert decoded.confirmed
    answer = snmp.response_to(inform)
    assert snmp.decode(answer) == snmp.Ignored("response")
    assert answer == inform.replace(b"\xa6", b"\xa2", 1)


def test_every_real_inform_can_be_answered():
    found = [item for item in vectors("valid_notifications").values() if getattr(snmp.decode(item), "confirmed", None)]
    assert len(found) == 4
    assert {snmp.decode(snmp.response_to(item)) for item in found} == {snmp.Ignored("response")}


def survives(datagram):
    try:
        snmp.decode(datagram)
    except Malformed as error:
        assert error.reason
        assert "\n" not in str(error)


@given(st.binary(max_size=600))
def test_random_octets_raise_nothing_but_malformed(datagram):
    survives(datagram)
    survives(b"\x30\x82" + len(datagram).to_bytes(2, "big") + datagram)
    survives(message(datagram))


@given(st.integers(0, 10**9), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4))
def test_mutated_traps_raise_nothing_but_malformed(pick, changes):
    corpus = list(vectors("mib_synthetic").values()) + list(vectors("valid_notifications").values())
    damaged = bytearray(corpus[pick % len(corpus)])
    for place, byte in changes:
        damaged[place % len(damaged)] = byte
    survives(bytes(damaged))
    survives(bytes(damaged[: pick % len(damaged)]))


def test_ten_thousand_mutations_raise_nothing_but_malformed():
    dice = random.Random(20261124)
    corpus = list(vectors("mib_synthetic").values())
    for _ in range(10_000):
        damaged = bytearray(dice.choice(corpus))
        for _ in range(dice.randint(1, 8)):
            place = dice.randrange(len(damaged))
            damaged[place] = dice.choice((0, 1, 0x7F, 0x80, 0x81, 0x84, 0xFF, dice.randrange(256)))
        survives(bytes(damaged))
