"""What is written in BER is read back as it was."""

from hypothesis import example, given
from hypothesis import strategies as some

from engine.clients import ber

ARCS = some.lists(some.integers(0, 2**32 - 1), max_size=20)


@given(some.sampled_from("01"), some.integers(0, 39), ARCS)
@example("1", 3, [6, 1, 4, 1, 232])
def test_an_object_identifier_is_read_back(first, second, rest) -> None:
    text = ".".join([first, str(second), *(str(arc) for arc in rest)])
    encoded = ber.encoded_oid(text)
    assert (encoded[0], encoded[1]) == (ber.OID, len(encoded) - 2)
    assert ber.oid(encoded[2:]) == text


def test_numbers_above_127_take_more_octets() -> None:
    assert ber.encoded_oid("1.3.6.1.4.1.232").hex(" ") == "06 07 2b 06 01 04 01 81 68"
