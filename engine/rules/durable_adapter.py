"""durable_rules behind the port: the only file that imports it. Driven by hand, never through its global host.

Recipe: durable_rules 2.0.28 as measured (ADR 0002): direct `Ruleset`, drain after each assert on the returned handle,
facts instead of events, sequential ids.
"""

from collections.abc import Mapping
from typing import Any

import durable_rules_engine
import orjson
from durable import engine as durable

from engine.rules.port import AlreadyObserved, CoreFault, Fact, Fired


class _NoHost:
    """Stands where durable_rules wants a host; rules carry no actions of their own."""

    def get_action(self, name: str) -> None:
        """Never asked: every rule has its own empty action."""


def _collected(context: object) -> None:
    """The empty action: what fired is read from the drain, nothing runs inside the matcher."""


_HANDLED, _NOT_HANDLED, _OBSERVED = 0, 1, 2
"""Answers of the core (durable.engine.Ruleset._handle_result)."""


def _written(fact: Fact) -> str:
    """A fact as the core reads it: `sanitising.safe` has seen to it that no number needs an exponent."""
    return orjson.dumps(fact).decode()


class DurableCore:
    """One ruleset of durable_rules."""

    def __init__(self, name: str, definition: Mapping[str, Mapping[str, object]]) -> None:
        """Compile; raises `CoreFault` with the library's own code where it refuses the definition."""
        rules = {rule: {**body, "run": _collected} for rule, body in definition.items()}
        try:
            self._ruleset: Any = durable.Ruleset(name, _NoHost(), rules)
        except Exception as error:
            msg = f"durable_rules refuses the rules of {name}: {error}"
            raise CoreFault(msg) from error
        self._handle: Any = self._ruleset._handle  # noqa: SLF001  the calls below are those of Ruleset, with a faster JSON

    def assert_fact(self, fact: Fact) -> list[Fired]:
        """Add and drain."""
        try:
            answer, handle = durable_rules_engine.assert_fact(self._handle, _written(fact))
        except Exception as error:
            msg = f"the matcher refused a fact: {type(error).__name__} {str(error)[:200]}"
            raise CoreFault(msg) from error
        if answer == _OBSERVED:
            msg = f"the matcher takes the fact {fact.get('id')} for one that it has already"
            raise AlreadyObserved(msg)
        return [] if answer == _NOT_HANDLED else self._drain(handle)

    def retract_fact(self, fact: Fact) -> None:
        """Take back and drain, so that no action stays open."""
        try:
            answer, handle = durable_rules_engine.retract_fact(self._handle, _written(fact))
        except Exception as error:
            msg = f"the matcher refused to take a fact back: {type(error).__name__} {str(error)[:200]}"
            raise CoreFault(msg) from error
        if answer == _HANDLED:
            self._drain(handle)

    def forget(self, sid: str) -> None:
        """Free the key's state."""
        try:
            self._ruleset.delete_state(sid)
        except Exception as error:
            msg = f"the matcher could not forget {sid}: {str(error)[:200]}"
            raise CoreFault(msg) from error

    def _drain(self, handle: object) -> list[Fired]:
        fired: list[Fired] = []
        try:
            started = durable_rules_engine.start_action_for_state(self._handle, handle)
            if not started:
                return fired
            state = orjson.dumps({**orjson.loads(started[0]), "$s": 1}).decode()
            message = orjson.loads(started[1])
            while True:
                fired += [Fired(rule, facts) for rule, facts in message.items()]
                durable_rules_engine.update_state(self._handle, state)
                following = durable_rules_engine.complete_and_start_action(self._handle, handle)
                if not following:
                    return fired
                message = orjson.loads(following)
        except Exception as error:
            msg = f"the matcher failed while it was drained: {type(error).__name__} {str(error)[:200]}"
            raise CoreFault(msg) from error
