"""Our generic package names belong to us alone in this environment (ADR 0001)."""

from importlib.metadata import packages_distributions


def test_no_other_distribution_owns_one_of_our_rooms() -> None:
    owners = packages_distributions()
    for room in ("engine", "collectors", "actuators"):
        assert set(owners.get(room, [])) <= {"toban"}, f"{room} is also installed by {owners[room]}"
