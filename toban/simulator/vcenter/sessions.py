"""Sessions of the vCenter: login, cookies, and what dies with a session."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pyVmomi import vim

from toban.simulator import agenda
from toban.simulator.spec import User
from toban.simulator.vcenter.updating import Collector

COOKIE = "vmware_soap_session"


@dataclass(slots=True)
class Session:
    """One client; `user` is None until it has logged in."""

    key: str
    user: str | None = None
    info: Any = None
    collectors: dict[str, Collector] = field(default_factory=dict)
    cleanups: list[Callable[[], None]] = field(default_factory=list)
    """Called when the session ends: views and event collectors go with it."""


class Sessions:
    """All sessions."""

    def __init__(self, users: tuple[User, ...]) -> None:
        """Nobody is logged in."""
        self._users = {one.user: one.password for one in users}
        self._sessions: dict[str, Session] = {}

    def of(self, cookie: str) -> Session:
        """The session of a request, or a new one."""
        key = cookie.partition(f"{COOKIE}=")[2].partition(";")[0].strip('" ')
        if key in self._sessions:
            return self._sessions[key]
        session = Session(str(uuid.uuid4()))
        self._sessions[session.key] = session
        return session

    def log_in(self, session: Session, user: str, password: str) -> Any:
        """UserSession; raises InvalidLogin."""
        if self._users.get(user) != password:
            raise vim.fault.InvalidLogin(msg="Cannot complete login due to an incorrect user name or password.")
        at = agenda.now()
        session.user = user
        session.info = vim.UserSession(
            key=session.key,
            userName=user,
            fullName=user,
            loginTime=at,
            lastActiveTime=at,
            locale="en",
            messageLocale="en",
            extensionSession=False,
            ipAddress="127.0.0.1",
            userAgent="",
            callCount=0,
        )
        return session.info

    def end(self, session: Session) -> None:
        """Log out: everything that the session made is gone."""
        self._sessions.pop(session.key, None)
        session.user = session.info = None
        for collector in session.collectors.values():
            collector.closed = True
        for cleanup in session.cleanups:
            cleanup()

    def interrupt(self) -> None:
        """Wake everybody who waits."""
        for session in self._sessions.values():
            for collector in session.collectors.values():
                collector.cancelled = True

    def end_all(self) -> None:
        """What a restart does."""
        for session in list(self._sessions.values()):
            self.end(session)

    def by_key(self, key: str) -> Session | None:
        """A session that is logged in."""
        found = self._sessions.get(key)
        return found if found is not None and found.user is not None else None


def require(session: Session) -> None:
    """Raises NotAuthenticated for a client that has not logged in."""
    if session.user is None:
        raise vim.fault.NotAuthenticated(
            msg="The session is not authenticated.",
            object=vim.ServiceInstance("ServiceInstance"),
            privilegeId="System.View",
        )
