"""The live facts of one policy: numbered, retracted in time, and spread over as many cores as their keys need."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.model import ids
from engine.rules.durable_adapter import DurableCore
from engine.rules.port import Core, Fact, Scalar

KEYS_PER_CORE = 900
"""durable_rules refuses the 1,025th live key of a ruleset (MemoryError, measured; ADR 0002)."""

Key = tuple[str, ...]
"""The object that one state is kept for, then the values that its events share."""


@dataclass(slots=True)
class _Shard:
    core: Core
    keys: dict[str, int]
    """Live facts by `sid`."""


class Facts:
    """Facts in, names of the rules that they complete out. Single-threaded."""

    def __init__(self, name: str, definition: Mapping[str, Mapping[str, object]]) -> None:
        """Compiles at once; raises `CoreFault` where the core refuses the definition."""
        self._name, self._definition = name, definition
        self._shards = [self._shard()]
        self._home: dict[str, _Shard] = {}
        self._sequence = 0

    @property
    def live(self) -> int:
        """How many facts are held now."""
        return sum(count for shard in self._shards for count in shard.keys.values())

    def put(self, key: Key, kind: str, content: Mapping[str, Scalar]) -> tuple[Fact, frozenset[str]]:
        """Assert a fact; it lives until it is taken back. Also the names of the rules that it completed."""
        self._sequence += 1
        sid, number = ids.content_hash(key), str(self._sequence)
        fact: Fact = {**content, "id": number, "sid": sid, "fact": number, "kind": kind, "told": 1}
        shard = self._home.get(sid) or self._room(sid)
        fired = shard.core.assert_fact(fact)
        shard.keys[sid] = shard.keys.get(sid, 0) + 1
        return fact, frozenset(one.rule for one in fired)

    def ask(self, key: Key, kind: str, content: Mapping[str, Scalar]) -> frozenset[str]:
        """The rules that this fact would complete; it does not stay."""
        fact, fired = self.put(key, kind, content)
        self.retract([fact])
        return fired

    def retract(self, facts: Iterable[Fact]) -> None:
        """Take facts back; a key without facts is freed."""
        for fact in facts:
            sid = str(fact["sid"])
            shard = self._home[sid]
            shard.core.retract_fact(fact)
            shard.keys[sid] -= 1
            if not shard.keys[sid]:
                shard.core.forget(sid)
                del shard.keys[sid], self._home[sid]

    def _room(self, sid: str) -> _Shard:
        shard = next((one for one in self._shards if len(one.keys) < KEYS_PER_CORE), None)
        if shard is None:
            shard = self._shard()
            self._shards.append(shard)
        self._home[sid] = shard
        return shard

    def _shard(self) -> _Shard:
        return _Shard(DurableCore(self._name, self._definition), {})
