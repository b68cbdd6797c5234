"""Sending to people through apprise: one blocking call per notice."""

import logging
import warnings
from typing import Any

from engine.model.errors import ConfigurationError, Transient
from engine.model.event import Severity

with warnings.catch_warnings():  # apprise 2.3 imports `imghdr`, which Python 3.11 only deprecates
    warnings.simplefilter("ignore", DeprecationWarning)
    import apprise

KINDS = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure", Severity.FATAL: "failure"}
TITLE = 200
BODY = 8000
logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it would log addresses with their secrets


class Addresses:
    """The addresses of one channel, checked once."""

    def __init__(self, channel: str, urls: tuple[str, ...]) -> None:
        """Raises ConfigurationError for an address that apprise does not know; its text is a secret and not told."""
        self.channel = channel
        self._to: Any = apprise.Apprise()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            for number, url in enumerate(urls, start=1):
                if not self._to.add(url):
                    msg = (
                        f"address {number} of notify channel {channel} is none that apprise understands; "
                        "write for example mailto://user:password@host or json://host/path"
                    )
                    raise ConfigurationError(msg)
        if not urls:
            msg = f"notify channel {channel} has no address; put one on each line of its urls_file"
            raise ConfigurationError(msg)

    def send(self, title: str, body: str, severity: Severity) -> None:
        """To every address of the channel; blocking. Raises Transient if one did not take it.

        At least once: an address that took it may get it again when another did not.
        """
        given = {"title": title[:TITLE], "body": body[:BODY], "notify_type": KINDS[severity], "body_format": "text"}
        try:
            sent = self._to.notify(**given, interpret_escapes=False)
        except Exception as error:
            msg = f"notify channel {self.channel}: {type(error).__name__}"
            raise Transient(msg) from error
        if not sent:
            msg = f"notify channel {self.channel} did not take the notice"
            raise Transient(msg)
