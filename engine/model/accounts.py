"""Whose name stands at an event: a person's, one of our own accounts, or one that vCenter uses for itself; pure."""

from collections.abc import Iterable

OF_VCENTER = ("vpxuser", "vpxd", "vsphere-webclient", "vsphere-ui", "com.vmware.", "machine-", "system")
"""How names begin under which vCenter and its extensions act by themselves."""


def parted(user: str) -> tuple[str, str]:
    r"""(name, domain) of `DOMAIN\user` or `user@domain`, in lower case; the domain may be empty."""
    text = user.strip().lower()
    domain, slash, name = text.rpartition("\\")
    if slash:
        return name, domain
    name, _, domain = text.partition("@")
    return name, domain


def same(one: str, other: str) -> bool:
    r"""Whether two spellings mean one account.

    vCenter writes `CORP\user` for who logs in as `user@corp.example.com`, and a login without a domain gets the
    default one: so the first label of a domain is enough, and a missing domain fits every one.
    """
    (name, domain), (wanted, place) = parted(one), parted(other)
    if name != wanted:
        return False
    if not domain or not place or domain == place:
        return True
    short = "." not in domain or "." not in place
    return short and domain.partition(".")[0] == place.partition(".")[0]


def is_person(user: object, ours: Iterable[str]) -> bool:
    """Whether this is a person: somebody who is none of ours and not vCenter itself. Who is unknown is a person."""
    if not isinstance(user, str) or not user.strip():
        return False
    if parted(user)[0].startswith(OF_VCENTER):
        return False
    return not any(same(user, own) for own in ours)
