"""How many files and sockets this process may have open at once."""

import resource

WANTED = 65_536
KEPT_BACK = 256
"""For the broker, vCenters, logs and whatever else is opened."""


def raise_limit() -> int:
    """Raise the soft limit to the hard one, at most 65,536; what it is then. Sources ask thousands side by side."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = WANTED if hard == resource.RLIM_INFINITY else min(hard, WANTED)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    return WANTED if soft == resource.RLIM_INFINITY else soft


def spare() -> int:
    """How many may be used for asking side by side."""
    return max(1, raise_limit() - KEPT_BACK)
