"""Captures: what tcpdump and Wireshark would write about a trap, made here octet by octet, and damage to it."""

import struct
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.snmp import captures
from engine.model.errors import ConfigurationError

AT = datetime(2026, 11, 24, 9, 0, 0, 250_000, tzinfo=UTC)
TRAP = bytes.fromhex("302602010104067075626c6963a7190201000201000201003000")


def packet(payload=TRAP, source="192.0.2.20", port=162, fragment=0, protocol=17):
    address = ip_address(source)
    udp = struct.pack(">HHHH", 50_000, port, 8 + len(payload), 0) + payload
    if address.version == 6:
        return struct.pack(">IHBB", 6 << 28, len(udp), protocol, 64) + address.packed * 2 + udp
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 7, fragment, 64, protocol, 0)
    return head + address.packed * 2 + udp


def ethernet(inner, kind=b"\x08\x00", tags=b""):
    return bytes(12) + tags + kind + inner


def pcap(*frames, link=1, order="<", magic=0xA1B2C3D4, unit=10**6):
    whole = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    part = AT.microsecond * unit // 10**6
    for frame in frames:
        whole += struct.pack(f"{order}IIII", int(AT.timestamp()), part, len(frame), len(frame)) + frame
    return whole


def block(kind, body, order="<"):
    padded = body + bytes(-len(body) % 4)
    size = struct.pack(f"{order}I", 12 + len(padded))
    return struct.pack(f"{order}I", kind) + size + padded + size


def pcapng(*frames, link=1, order="<", nano=True):
    section = block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    options = struct.pack(f"{order}HHB3xHH", 9, 1, 9, 0, 0) if nano else b""
    whole = section + block(1, struct.pack(f"{order}HHI", link, 0, 65535) + options, order)
    ticks = round(AT.timestamp() * 1000) * (10**6 if nano else 10**3)
    for frame in frames:
        head = struct.pack(f"{order}IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
        whole += block(6, head + frame, order)
    return whole


def read(data):
    assert captures.is_capture(data)
    return [(one.at, one.source, one.port, one.payload) for one in captures.datagrams(data)]


ONE = [(AT, "192.0.2.20", 162, TRAP)]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "unit"), [(0xA1B2C3D4, 10**6), (0xA1B23C4D, 10**9)])
def test_a_pcap_of_either_order_and_resolution_is_read(order, magic, unit):
    assert read(pcap(ethernet(packet()), order=order, magic=magic, unit=unit)) == ONE


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [True, False])
def test_a_pcapng_of_either_order_and_resolution_is_read(order, nano):
    assert read(pcapng(ethernet(packet()), order=order, nano=nano)) == ONE


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, ethernet(packet(), tags=b"\x81\x00\x00\x05")),
        (1, ethernet(packet(), tags=b"\x88\xa8\x00\x05\x81\x00\x00\x07")),
        (101, packet()),
        (0, b"\x02\0\0\0" + packet()),
        (113, bytes(14) + b"\x08\x00" + packet()),
        (276, b"\x08\x00" + bytes(18) + packet()),
    ],
)
def test_tags_and_link_types_are_looked_through(link, frame):
    assert read(pcap(frame, link=link)) == ONE


def test_ipv6_is_read():
    found = read(pcap(ethernet(packet(source="2001:db8::20"), b"\x86\xdd")))
    assert [(source, payload) for _, source, _, payload in found] == [("2001:db8::20", TRAP)]


@pytest.mark.parametrize(
    "frame",
    [
        ethernet(packet(protocol=6)),
        ethernet(packet(fragment=0x2000)),
        ethernet(packet(), b"\x08\x06"),
        ethernet(packet())[:-1],
        ethernet(packet())[:20],
        b"",
    ],
)
def test_what_is_no_whole_udp_datagram_is_passed_over(frame):
    assert read(pcap(frame, ethernet(packet()))) == ONE


@pytest.mark.parametrize("whole", [pcap(ethernet(packet())), pcapng(ethernet(packet()))])
def test_a_file_that_is_cut_says_where(whole):
    with pytest.raises(ConfigurationError, match=r"octet \d+: capture again"):
        read(whole[:-5])


def test_a_packet_of_no_year_that_there_is_means_damage():
    whole = bytearray(pcapng(ethernet(packet()), nano=False))
    high = whole.index(b"\x06\x00\x00\x00") + 12
    whole[high : high + 4] = b"\xff" * 4
    with pytest.raises(ConfigurationError, match=r"damaged at octet \d+"):
        list(captures.datagrams(bytes(whole)))


@given(st.sampled_from([pcap(ethernet(packet())), pcapng(ethernet(packet()))]), st.data())
def test_a_damaged_capture_raises_one_sentence_or_nothing(whole, data):
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(damaged[: data.draw(st.integers(4, len(whole)))])
    try:
        found = list(captures.datagrams(cut))
    except ConfigurationError as error:
        assert "\n" not in str(error)
    else:
        assert len(found) <= 1
