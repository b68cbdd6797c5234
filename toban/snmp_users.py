"""Users of SNMPv3 in the settings: what they prove themselves with, and from where they are heard."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from toban.site_files import SitePath


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SnmpKey(_Part):
    """A protocol of SNMPv3 and the file with its pass phrase of at least eight characters."""

    secret_file: SitePath


class SnmpAuth(SnmpKey):
    """How a user's messages are authenticated; MD5 is not offered."""

    protocol: Literal["sha1", "sha224", "sha256", "sha384", "sha512"] = "sha256"


class SnmpPrivacy(SnmpKey):
    """How a user's messages are encrypted; DES is not offered."""

    protocol: Literal["aes128", "aes192", "aes256", "aes192-reeder", "aes256-reeder"] = "aes128"
    """`-reeder`: longer keys derived as many Cisco devices do it."""


class SnmpUser(_Part):
    """A user of SNMPv3 (USM); the key in `users` is the name."""

    auth: SnmpAuth | None = None
    privacy: SnmpPrivacy | None = None
    least: Literal["authPriv", "authNoPriv", "noAuthNoPriv"] = "authPriv"
    """The weakest security level that is heard; anything below authPriv has to be said."""
    engines: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Whose traps are heard under this name: engine id in hex, and the addresses that it sends from.

    Informs need none: their engine is ours, and their source is one of `snmp.sources`.
    """

    @model_validator(mode="after")
    def _complete(self) -> "SnmpUser":
        if self.privacy is not None and self.auth is None:
            msg = "privacy needs auth"
            raise ValueError(msg)
        if (self.auth is None and self.least != "noAuthNoPriv") or (self.privacy is None and self.least == "authPriv"):
            msg = f"{self.least} is required, but there are no keys for it; add auth and privacy, or say a lower least"
            raise ValueError(msg)
        for engine, addresses in self.engines.items():
            if not re.fullmatch(r"([0-9a-fA-F]{2}){5,32}", engine):
                msg = f"{engine!r} is no engine id: write 5 to 32 octets in hex, such as 80001f8804a1b2c3"
                raise ValueError(msg)
            if not addresses:
                msg = f"engine {engine} needs the address that it sends from"
                raise ValueError(msg)
        return self
