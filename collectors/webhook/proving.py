"""Who posts: bearer tokens compared in constant time (RFC 6750, section 2.1)."""

import hashlib
import hmac
from collections.abc import Mapping


class Tokens:
    """The tokens of every client; several per client, so that one can be changed without a gap."""

    def __init__(self, tokens: Mapping[str, tuple[str, ...]]) -> None:
        """By client; an empty token proves nothing and is left out."""
        self._known = tuple(
            (client, _digest(token.encode())) for client, several in tokens.items() for token in several if token
        )

    def client(self, authorization: bytes) -> str | None:
        """Whose token the header carries; every known one is compared, so that the time tells nothing."""
        scheme, _, given = authorization.partition(b" ")
        digest, found = _digest(given.strip()), None
        for client, known in self._known:
            if hmac.compare_digest(digest, known):
                found = client
        return found if scheme.lower() == b"bearer" else None


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
