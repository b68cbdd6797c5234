"""Structured mutation of BER: datagrams broken where a decoder decides, not only where octets happen to lie.

The same dice give the same datagram. An element is read as a tree of tag and content, one to four changes are made to
it, and it is written again, mostly with right lengths, so that the damage lies deep inside.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.clients import ber

TAGS = (
    0x01,
    0x02,
    0x04,
    0x05,
    0x06,
    0x30,
    0x31,
    *range(0x40, 0x48),
    *range(0x80, 0x83),
    *range(0xA0, 0xA9),
    0x1F,
    0xFF,
)
INTEGERS = (
    0,
    1,
    3,
    5,
    6,
    7,
    18,
    19,
    127,
    128,
    255,
    256,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**32,
    2**63,
    2**64,
    -1,
    -(2**31),
)
CONSTRUCTED = frozenset({0x30, *range(0xA0, 0xA9)})
ARCS = (0, 39, 40, 79, 80, 127, 128, 2**14, 2**21, 2**28, 2**32 - 1, 2**32, 2**35)
SIZES = (0, 1, 2, 4, 8, 64, 127, 128, 255, 256, 4095, 4096, 4097)


@dataclass
class Node:
    """An element: either octets or elements."""

    tag: int
    octets: bytes = b""
    inner: list["Node"] = field(default_factory=list)
    length: bytes | None = None
    """Written instead of the right length."""

    def encoded(self) -> bytes:
        body = b"".join(one.encoded() for one in self.inner) if self.inner else self.octets
        if self.length is not None:
            return bytes((self.tag,)) + self.length + body
        return ber.encoded(self.tag, body)


def parsed(data: bytes, depth: int = 0) -> list[Node]:
    """The elements in these octets, 12 deep; what is none is one element of octets."""
    found, at = [], 0
    while at < len(data):
        try:
            start, stop = ber.span(data, at, len(data), [])
        except (ber.Malformed, IndexError):
            return [*found, Node(0x04, data[at:])]
        body = data[start:stop]
        sealed = data[at] == 0x04 and body[:1] == b"\x30" and len(body) > 20  # v3's security parameters
        inner = parsed(body, depth + 1) if depth < 12 and (sealed or data[at] in CONSTRUCTED) else []
        found.append(Node(data[at], body, inner))
        at = stop
    return found


def mutated(data: bytes, dice: random.Random, donors: Sequence[bytes]) -> bytes:
    """A damaged copy of a datagram."""
    trees = parsed(data)
    for _ in range(dice.randint(1, 4)):
        _change(dice.choice(_all(trees)), dice, donors)
    octets = bytearray(b"".join(one.encoded() for one in trees))
    if octets and dice.random() < 0.15:
        for _ in range(dice.randint(1, 4)):
            octets[dice.randrange(len(octets))] = dice.randrange(256)
    if dice.random() < 0.05:
        del octets[dice.randrange(len(octets) + 1) :]
    if dice.random() < 0.03:
        octets += dice.randbytes(dice.randint(1, 9))
    return bytes(octets)


def _all(trees: Sequence[Node]) -> list[Node]:
    return [one for tree in trees for one in (tree, *_all(tree.inner))]


def _change(node: Node, dice: random.Random, donors: Sequence[bytes]) -> None:
    dice.choice((_tag, _length, _value, _value, _order, _graft, _nest))(node, dice, donors)


def _tag(node: Node, dice: random.Random, _donors: Sequence[bytes]) -> None:
    node.tag = dice.choice(TAGS)


def _length(node: Node, dice: random.Random, _donors: Sequence[bytes]) -> None:
    size = len(b"".join(one.encoded() for one in node.inner) if node.inner else node.octets)
    size = max(0, size + dice.choice((0, 0, 1, -1, 7, -7, 0x7F, 0x80, 0xFFFF)))
    wide = size.to_bytes(8, "big")
    node.length = dice.choice(
        (b"\x80", bytes((min(size, 0x7F),)), *(bytes((0x80 | n,)) + wide[-n:] for n in (1, 2, 3, 4, 5, 8)), b"\xff")
    )


def _value(node: Node, dice: random.Random, _donors: Sequence[bytes]) -> None:
    node.inner = []
    if node.tag == ber.OID:
        node.octets = b"".join(_arc(dice.choice(ARCS)) for _ in range(dice.choice((0, 1, 8, 63, 64, 65, 128, 129))))
        node.octets += dice.choice((b"", b"", b"\x80", b"\x80\x01", b"\xff"))
    elif dice.random() < 0.5:
        number = dice.choice(INTEGERS)
        node.octets = number.to_bytes(number.bit_length() // 8 + 1 + dice.choice((0, 0, 1, 4)), "big", signed=True)
    else:
        node.octets = dice.choice((dice.randbytes, bytes))(dice.choice(SIZES))


def _order(node: Node, dice: random.Random, _donors: Sequence[bytes]) -> None:
    if not node.inner:
        return
    place = dice.randrange(len(node.inner))
    match dice.randrange(4):
        case 0:
            del node.inner[place]
        case 1:
            node.inner[place:place] = [node.inner[place]] * dice.choice((1, 2, 127, 128, 129))
        case 2:
            dice.shuffle(node.inner)
        case _:
            node.inner = node.inner[:place]


def _graft(node: Node, dice: random.Random, donors: Sequence[bytes]) -> None:
    other = dice.choice(_all(parsed(dice.choice(donors))))
    node.tag, node.octets, node.inner = other.tag, other.octets, list(other.inner)


def _nest(node: Node, dice: random.Random, _donors: Sequence[bytes]) -> None:
    body = node.encoded()
    for _ in range(dice.choice((1, 2, 30, 300))):
        body = ber.encoded(0x30, body)
    node.inner, node.octets, node.length = [], body[:8000], None


def _arc(number: int) -> bytes:
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(number & 0x7F | 0x80)
    return bytes(reversed(groups))
