"""Who is a person, and what people did last."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.guard import people
from engine.guard.people import HumanAct
from engine.model import accounts
from engine.model.event import Event

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
OURS = frozenset({"toban@vsphere.local", "backup@corp.example.com", "local-script"})


def event(user: object, subject: str = "host:esx1") -> Event:
    return Event(id="e", type="vm.migrated", source="vcenter/vc1", subject=subject, time=NOW, data={"user": user})


@pytest.mark.parametrize(
    ("user", "person"),
    [
        ("VSPHERE.LOCAL\\sato", True),
        ("sato@vsphere.local", True),
        ("root", True),
        ("VSPHERE.LOCAL\\toban", False),
        ("VSPHERE.LOCAL\\Toban", False),
        ("toban@vsphere.local", False),
        ("toban", False),
        ("OTHER\\toban", True),
        ("toban@other.example.com", True),
        ("CORP\\backup", False),
        ("corp.example.org\\backup", True),
        ("ANY\\local-script", False),
        ("vpxuser", False),
        ("VSPHERE.LOCAL\\vpxd-extension-1b2c", False),
        ("com.vmware.vim.eam", False),
        ("", False),
        ("   ", False),
        (None, False),
        (7, False),
    ],
)
def test_a_person_is_who_is_neither_toban_nor_vcenter_however_it_is_written(user, person) -> None:
    assert accounts.is_person(user, OURS) is person
    assert (people.observe(event(user), NOW, OURS) is not None) is person


@given(name=st.from_regex(r"[a-z][a-z0-9.-]{0,8}", fullmatch=True), domain=st.from_regex(r"[a-z]{1,8}", fullmatch=True))
def test_both_spellings_of_an_account_are_the_same(name, domain) -> None:
    assert accounts.same(f"{domain.upper()}\\{name}", f"{name}@{domain}")
    assert accounts.same(f"{name}@{domain}", f"{domain.upper()}\\{name}")


def test_the_newest_act_on_any_of_the_objects_counts() -> None:
    acts = [
        HumanAct("sato", "vm.migrated", "vm:VM-01", NOW - timedelta(minutes=3)),
        HumanAct("ito", "host.maintenance.exited", "host:esx1", NOW - timedelta(minutes=9)),
        HumanAct("ito", "vm.power.off", "vm:VM-01", NOW - timedelta(minutes=20)),
    ]
    known: people.People = {}
    for act in acts:
        known = people.remember(known, act)
    assert people.last_on(known, ["host:esx1", "vm:VM-01", "vm:VM-02"]) == acts[0]
    assert people.last_on(known, ["host:esx1"]) == acts[1]
    assert people.last_on(known, ["host:esx2"]) is None
    assert people.within(acts[0], 180.1, NOW)
    assert not people.within(acts[0], 180, NOW)


def test_what_is_remembered_is_bounded_and_the_oldest_makes_room() -> None:
    known: people.People = {}
    for number in range(people.LIMIT + 10):
        act = HumanAct("sato", "vm.migrated", f"vm:{number}", NOW + timedelta(seconds=number))
        known = people.remember(known, act)
    assert len(known) == people.LIMIT
    assert "vm:9" not in known
    assert "vm:10" in known
