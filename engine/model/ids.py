"""Object ids (`host:esx1`, `machine:chassis1/3`) and content hashes."""

import hashlib
from collections.abc import Iterable
from enum import StrEnum
from typing import NewType

ObjectId = NewType("ObjectId", str)
EventId = NewType("EventId", str)
MatchId = NewType("MatchId", str)
RunId = NewType("RunId", str)


class Kind(StrEnum):
    """What an object id can name; any other word is UNKNOWN, never a guess."""

    HOST = "host"
    VM = "vm"
    MACHINE = "machine"
    CHASSIS = "chassis"
    DATASTORE = "datastore"
    CLUSTER = "cluster"
    GROUP = "group"
    VCENTER = "vcenter"
    SENDER = "sender"
    SOURCE = "source"
    TOBAN = "toban"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> "Kind":
        return cls.UNKNOWN


def object_id(kind: Kind, name: str) -> ObjectId:
    """`host` and `esx1` give `host:esx1`."""
    return ObjectId(f"{kind.value}:{name}")


def machine_id(chassis: str, slot: int) -> ObjectId:
    """The blade in a slot: `machine:chassis1/3`."""
    return object_id(Kind.MACHINE, f"{chassis}/{slot}")


def kind_of(name: str) -> Kind:
    """The kind before the first colon."""
    return Kind(name.partition(":")[0])


def name_of(name: str) -> str:
    """The name after the first colon."""
    return name.partition(":")[2]


def content_hash(parts: Iterable[object]) -> str:
    """32 hex digits of SHA-256 over the parts; equal parts give the equal id on every machine and day."""
    texts = [str(part).encode("utf-8", "surrogatepass") for part in parts]
    return hashlib.sha256(b"".join([len(text).to_bytes(8, "big") + text for text in texts])).hexdigest()[:32]
