"""An event that never came is made up for from what vCenter shows, once, and only when it stays so."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from collectors.vsphere.reconciling import TELLS, Reconciling
from engine.model.estate import Connection, LiveHost, Power
from engine.model.event import Event

NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)
UP, DOWN, AWAY = Connection.CONNECTED, Connection.NOT_RESPONDING, Connection.DISCONNECTED


def shown(**hosts: Connection) -> dict[str, LiveHost]:
    return {f"host:{name}": live(name, connection) for name, connection in hosts.items()}


def live(name: str, connection: Connection) -> LiveHost:
    return LiveHost(
        name=name,
        ref="host-1",
        vcenter="vc1",
        uuid="u",
        connection=connection,
        power=Power.ON,
        maintenance=False,
        cluster=None,
        cluster_ref=None,
        pool_ref=None,
        ha=False,
        cpu_mhz=1,
        memory_mb=1,
        datastores=(),
    )


def event(kind: str, subject: str = "host:esx1", **data) -> Event:
    return Event(id="e", type=kind, source="vcenter/vc1", subject=subject, time=NOW, data=data)


def begun(known=(), **hosts: Connection) -> Reconciling:
    found = Reconciling()
    found.begin(shown(**hosts), known)
    return found


def test_what_events_said_needs_nothing():
    here = begun(esx1=UP)
    here.heard(event("host.unreachable"))
    assert [here.look(shown(esx1=DOWN)) for _ in range(3)] == [{}, {}, {}]


def test_a_loss_that_no_event_told_is_told_after_two_looks_and_once():
    here = begun(esx1=UP)
    assert here.look(shown(esx1=DOWN)) == {}
    assert here.look(shown(esx1=DOWN)) == {"host:esx1": "host.unreachable"}
    here.heard(event("host.unreachable"))
    assert here.look(shown(esx1=DOWN)) == {}


def test_a_return_that_no_event_told_is_told_too():
    here = begun(esx1=DOWN)
    here.look(shown(esx1=UP))
    assert here.look(shown(esx1=UP)) == {"host:esx1": "host.reachable"}


def test_a_short_loss_between_two_looks_is_nothing_and_a_late_event_settles_it():
    here = begun(esx1=UP)
    here.look(shown(esx1=DOWN))
    assert here.look(shown(esx1=UP)) == {}
    here.look(shown(esx1=DOWN))
    here.heard(event("host.unreachable"))
    assert here.look(shown(esx1=DOWN)) == {}


def test_what_was_lost_while_nobody_was_on_duty_and_no_event_tells_is_told():
    here = begun([event("inventory.host", connection="connected")], esx1=DOWN)
    here.look(shown(esx1=DOWN))
    assert here.look(shown(esx1=DOWN)) == {"host:esx1": "host.unreachable"}


def test_a_host_that_somebody_disconnected_is_not_made_up_for_nor_is_one_that_is_new():
    here = begun(esx1=UP)
    here.look(shown(esx1=AWAY, esx2=DOWN))
    assert here.look(shown(esx1=AWAY, esx2=DOWN)) == {}


@given(st.lists(st.tuples(st.sampled_from([UP, DOWN]), st.booleans()), max_size=40))
def test_after_two_looks_at_the_same_state_the_last_word_is_that_state(nights):
    here, states = begun(esx1=UP), []
    for state, spoken in nights:
        if spoken:
            here.heard(event(TELLS[state]))
        for _, kind in here.look(shown(esx1=state)).items():
            here.heard(event(kind))
        states.append(state)
        if len(states) >= 2 and states[-1] is states[-2]:
            assert here.told["host:esx1"] is state
