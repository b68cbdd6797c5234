"""The live facts of one policy: numbered, retracted in time, and spread over as many cores as they need."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.model import ids
from engine.rules.durable_adapter import DurableCore
from engine.rules.port import AlreadyObserved, Core, Fact, Scalar

KEYS_PER_CORE = 900
"""durable_rules refuses the 1,025th live `sid` of a ruleset (MemoryError, measured; ADR 0002)."""
FACTS_PER_CORE = 1500
"""Ids are 32-bit hashes: below 2,000 live facts a clash is one in 2,000 (safety.md 6)."""

Key = tuple[str, ...]
"""The object that one state is kept for, then the values that its events share."""


@dataclass(slots=True)
class _Shard:
    core: Core
    keys: dict[str, int] = field(default_factory=dict)
    """Live facts by key."""
    live: int = 0


class Facts:
    """Facts in, names of the rules that they complete out. Single-threaded.

    All keys of a core share one `sid` and rules join by `key`: a live `sid` costs about 130 KiB, another fact in it
    about 10 (measured). Only what the core counts needs a `sid` per key.
    """

    def __init__(self, name: str, definition: Mapping[str, Mapping[str, object]], *, counts: bool = False) -> None:
        """Compiles at once; raises `CoreFault` where the core refuses the definition."""
        self._name, self._definition, self._counts = name, definition, counts
        self._shards = [self._shard()]
        self._home: dict[str, _Shard] = {}
        self._sequence = 0

    @property
    def live(self) -> int:
        """How many facts are held now."""
        return sum(shard.live for shard in self._shards)

    def put(self, key: Key, kind: str, content: Mapping[str, Scalar]) -> tuple[Fact, frozenset[str]]:
        """Assert a fact; it lives until it is taken back. Also the names of the rules that it completed."""
        name = ids.content_hash(key)
        shard = self._home.get(name) or self._room(name)
        told = {**content, "sid": name if self._counts else "0", "key": name, "kind": kind, "told": 1}
        fact = self._numbered(told)
        try:
            fired = shard.core.assert_fact(fact)
        except AlreadyObserved:  # the next number hashes elsewhere
            fact = self._numbered(told)
            fired = shard.core.assert_fact(fact)
        shard.keys[name] = shard.keys.get(name, 0) + 1
        shard.live += 1
        return fact, frozenset(one.rule for one in fired)

    def _numbered(self, told: Fact) -> Fact:
        self._sequence += 1
        return {**told, "id": str(self._sequence), "fact": str(self._sequence)}

    def ask(self, key: Key, kind: str, content: Mapping[str, Scalar]) -> frozenset[str]:
        """The rules that this fact would complete; it does not stay."""
        fact, fired = self.put(key, kind, content)
        self.retract([fact])
        return fired

    def retract(self, facts: Iterable[Fact]) -> None:
        """Take facts back; a `sid` without facts is freed."""
        for fact in facts:
            name = str(fact["key"])
            shard = self._home[name]
            shard.core.retract_fact(fact)
            shard.live -= 1
            shard.keys[name] -= 1
            if not shard.keys[name]:
                del shard.keys[name], self._home[name]
                if self._counts:
                    shard.core.forget(name)
            if not shard.live and not self._counts:
                shard.core.forget("0")

    def _room(self, name: str) -> _Shard:
        """Where a key lives as long as it has facts."""
        shard = next((one for one in self._shards if one.live < FACTS_PER_CORE and len(one.keys) < KEYS_PER_CORE), None)
        if shard is None:
            shard = self._shard()
            self._shards.append(shard)
        self._home[name] = shard
        return shard

    def _shard(self) -> _Shard:
        return _Shard(DurableCore(self._name, self._definition))
