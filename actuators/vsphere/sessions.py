"""One login per vCenter, in bounded threads; reads are repeated once after a lost session, orders never."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from engine.clients import vsphere_faults
from engine.clients.offload import Leave, Offload
from engine.clients.vsphere import Account, Login, Session
from engine.clock import Clock
from engine.model.errors import InDoubt, Permanent, Transient

T = TypeVar("T")
READ_DEADLINE = 45.0
THREADS = 4
FRESH = 1.0
"""Seconds for which a session that answered counts as alive."""


class VCenters:
    """All vCenters that may be acted on."""

    def __init__(self, accounts: Mapping[str, Account], clock: Clock) -> None:
        """By the names that commands use."""
        self._clock = clock
        self._answered: dict[str, float] = {}
        """When each vCenter last answered a read."""
        self._logins = {name: Login(account) for name, account in accounts.items()}
        self._offload = Offload("vcenter-orders", THREADS)

    async def ask(self, vcenter: str, work: Callable[[Session], T]) -> T:
        """A read; raises Transient or Permanent in one sentence."""
        login = self._login(vcenter)

        def read() -> T:
            found: T = login.use(work)
            return found

        try:
            found = await self._offload.call(read, deadline=READ_DEADLINE)
        except Exception as error:
            raise vsphere_faults.translated(error, f"vCenter {vcenter}") from error
        self._answered[vcenter] = self._clock.monotonic()
        return found

    async def order(self, vcenter: str, work: Callable[[Session], T]) -> T:
        """An order, sent at most once; raises InDoubt when it may have been carried out.

        However this ends, an order that has not left by then never will.
        """
        login = self._login(vcenter)
        if self._clock.monotonic() - self._answered.get(vcenter, -FRESH) >= FRESH:
            await self.ask(
                vcenter, lambda session: session.now()
            )  # a dead session is found before the order, not by it
        leave = Leave()

        def send() -> T:
            session = login.session()
            leave.use()
            return work(session)

        try:
            return await self._offload.call(send, deadline=READ_DEADLINE)
        except Transient as error:
            if leave.withdraw():
                raise
            msg = f"vCenter {vcenter}: the order was sent, no answer came ({error})"
            raise InDoubt(msg) from error
        except Exception as error:
            raise vsphere_faults.after_sending(error, f"vCenter {vcenter}") from error
        finally:
            leave.withdraw()

    def _login(self, vcenter: str) -> Login:
        found = self._logins.get(vcenter)
        if found is None:
            msg = f"no account for vCenter {vcenter}; add it under vcenters in the settings"
            raise Permanent(msg)
        return found

    def close(self) -> None:
        """Log out everywhere."""
        for login in self._logins.values():
            login.close()
