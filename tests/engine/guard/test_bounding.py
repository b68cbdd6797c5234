"""Budgets, shares, breakers, the least that must run, and who goes first."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.estate.places import Places
from engine.guard import deciding
from engine.guard.control import Breaker, Order
from engine.guard.deeds import Deed, Deeds
from engine.guard.limits import Limits
from engine.guard.precedence import Claim, Claims
from engine.model.decision import Act, Hold, Ignore
from engine.model.estate import Connection, Estate
from engine.model.policy import Scope
from tests.engine import worlds
from tests.engine.guard.situations import NOW, codes, deed, event, gentle, match, policy, situation
from tests.engine.worlds import site

WIDE = Limits(fences=100, cluster_share=1.0, human=0.0)


def decided(one, **changes):
    return deciding.decide(match(), one, situation(limits=WIDE, **changes))


def healthy(hosts: int, dead: tuple[int, ...] = ()) -> Estate:
    live = {f"esx{n}": worlds.host(n) for n in range(1, hosts + 1)}
    for number in dead:
        live[f"esx{number}"] = worlds.host(number, connection=Connection.NOT_RESPONDING)
    return Estate(site=site(hosts), hosts=live)


@pytest.mark.parametrize(
    ("share", "hosts", "others", "kind"),
    [
        ("10%", 4, (), Act),  # one is always allowed
        ("10%", 4, (2,), Hold),
        ("50%", 4, (2,), Act),
        ("50%", 4, (2, 3), Hold),
        ("50%", 4, (2, 2), Act),  # the same host twice is one host
        ("100%", 4, (2, 3, 4), Act),
    ],
)
def test_a_share_counts_hosts_of_the_unit_and_allows_at_least_one(share, hosts, others, kind) -> None:
    one = gentle(budget={"rate": "9 per 1h", "per": "group", "share": share})
    done = tuple(deed(10, on=f"host:esx{n}", by="host-load") for n in others)
    decision = decided(one, site=site(hosts), deeds=done)
    assert isinstance(decision, kind)
    assert codes(decision) == (["budget.share"] if kind is Hold else ["held"])


def test_a_share_is_counted_within_the_time_of_the_rate() -> None:
    one = gentle(budget={"rate": "9 per 1h", "per": "group", "share": "10%"})
    assert isinstance(decided(one, site=site(4), deeds=(deed(61, by="host-load"),)), Act)


def test_a_share_per_policy_is_of_the_hosts_in_its_scope() -> None:
    places = Places(Estate(site=site(8)))
    assert places.size("policy", "policy", Scope()) == 8
    assert places.size("policy", "policy", Scope(host="esx3")) == 1
    assert places.size("group:esx", "group", Scope(host="esx3")) == 8


@pytest.mark.parametrize(
    ("key", "per", "unit"),
    [
        ("host:esx1", "policy", "policy"),
        ("host:esx1", "group", "group:esx"),
        ("host:esx1", "chassis", "chassis:chassis1"),
        ("host:esx1", "cluster", "cluster:esx"),
        ("machine:chassis1/2", "group", "group:esx"),
        ("vm:VM-01", "group", "group:esx"),
        ("vm:VM-03", "chassis", "chassis:chassis1"),
        ("group:esx", "group", "group:esx"),
        ("group:esx", "policy", "policy"),
        ("chassis:chassis1", "chassis", "chassis:chassis1"),
        ("datastore:san1", "group", "datastore:san1"),
        ("vm:stranger", "cluster", "vm:stranger"),
    ],
)
def test_every_object_is_counted_where_it_stands(key, per, unit) -> None:
    assert Places(worlds.estate()).unit(key, per) == unit


def test_a_host_that_vcenter_never_showed_is_counted_in_its_group_as_its_cluster() -> None:
    assert Places(Estate(site=site())).unit("host:esx1", "cluster") == "group:esx"


def test_acts_on_vms_of_one_chassis_use_up_one_budget() -> None:
    one = gentle(budget={"rate": "1 per 1h", "per": "chassis"})
    done = (deed(10, on="vm:VM-03", by="host-load"),)
    there = situation(estate=worlds.estate(), deeds=done)
    assert codes(deciding.decide(match(key="vm:VM-01"), one, there)) == ["budget"]


def test_a_run_that_is_still_going_holds_but_opens_no_breaker() -> None:
    one = gentle(budget={"rate": "5 per 1h", "breaker": "manual"})
    decision = decided(one, deeds=(deed(10, by="host-load", finished=False),))
    assert codes(decision) == ["budget"]


BREAKING = gentle(budget={"rate": "1 per 15m", "per": "group", "breaker": "manual"})
SPENT = (deed(10, by="host-load"),)


def test_one_match_more_than_the_rate_opens_the_breaker_and_pages() -> None:
    decision = decided(BREAKING, deeds=SPENT)
    assert isinstance(decision, Hold)
    assert decision.page
    assert codes(decision) == ["breaker", "budget"]
    assert "toban policy arm host-load" in decision.reasons[0].en


def test_an_open_breaker_stays_open_whatever_the_time_and_does_not_page_again() -> None:
    decision = decided(BREAKING, breaker=Breaker(open=True, at=NOW - timedelta(days=3)))
    assert isinstance(decision, Hold)
    assert codes(decision) == ["breaker"]
    assert not decision.page


def test_a_breaker_that_was_closed_counts_anew_from_then() -> None:
    closed = Breaker(open=False, at=NOW - timedelta(minutes=5))
    assert isinstance(decided(BREAKING, deeds=SPENT, breaker=closed), Act)
    again = (*SPENT, deed(2, by="host-load"))
    assert codes(decided(BREAKING, deeds=again, breaker=closed)) == ["breaker", "budget"]


def test_the_breaker_of_one_policy_is_none_of_another() -> None:
    other = gentle("other", budget={"rate": "1 per 15m", "breaker": "manual"})
    assert isinstance(decided(other, deeds=SPENT), Act)


@pytest.mark.parametrize(
    "doubt", [{"condition": False}, {"condition": None}, {"disarmed": Order(by="sato")}, {"maintenance": "vCenter"}]
)
def test_a_match_that_would_not_have_been_an_act_opens_no_breaker(doubt) -> None:
    one = gentle(**{"if": "host.running_vms > 0"}, budget={"rate": "1 per 15m", "per": "group", "breaker": "manual"})
    decision = decided(one, deeds=SPENT, **doubt)
    assert "breaker" not in codes(decision)
    assert "budget" in codes(decision)


def test_a_lone_witness_opens_no_breaker_but_the_sites_own_limit_beside_it_does_not_keep_it_shut() -> None:
    one = policy(budget={"rate": "2 per 15m", "breaker": "manual"}, cooldown="0s")
    done = tuple(deed(n + 3, on=f"host:esx{n}", ungraceful=True) for n in (2, 3))
    alone = situation(site=site(40), deeds=done, observations=())
    assert "breaker" not in codes(deciding.decide(match(), one, alone))
    both = deciding.decide(match(), one, situation(site=site(40), deeds=done))
    assert codes(both) == ["blast.radius", "breaker", "budget"]


def test_a_policy_that_only_watches_opens_no_breaker() -> None:
    one = gentle(mode="recommend", budget={"rate": "1 per 15m", "breaker": "manual"})
    assert codes(decided(one, deeds=SPENT)) == ["mode.recommend", "budget"]


def test_a_disarmed_policy_holds_and_says_who_and_why() -> None:
    decision = decided(gentle(), disarmed=Order(by="sato", why="it moved too much"))
    assert isinstance(decision, Hold)
    assert codes(decision) == ["disarmed"]
    assert "sato took host-load out of service: it moved too much" in decision.reasons[0].en


LEAST = gentle(minimum_running=2, do=[{"id": "off", "shutdown-host": {"host": "$host"}}])


@pytest.mark.parametrize(
    ("hosts", "dead", "going", "kind"),
    [
        (3, (), (), Act),
        (2, (), (), Ignore),
        (3, (2,), (), Ignore),
        (3, (1,), (), Act),  # esx1 is dead already: nothing is taken away
        (2, (1, 2), (), Act),
        (4, (), ("host:esx2",), Act),
        (3, (), ("host:esx2",), Ignore),
        (3, (), ("machine:chassis1/2",), Ignore),
        (3, (2,), ("host:esx2",), Ignore),
        (4, (2,), ("host:esx2",), Act),  # the one that is going was dead before
        (3, (), ("group:esx",), Ignore),
        (3, (), ("host:esx9",), Act),
    ],
)
def test_an_act_leaves_so_many_healthy_hosts_in_the_group(hosts, dead, going, kind) -> None:
    done = tuple(deed(1, on=key, by="other", finished=False, takes_capacity=True) for key in going)
    decision = decided(LEAST, estate=healthy(hosts, dead), deeds=done)
    assert isinstance(decision, kind)
    assert codes(decision) == (["held"] if kind is Act else ["minimum.running"])


def test_an_act_on_the_whole_group_takes_one_host() -> None:
    one = gentle(minimum_running=2, do=[{"id": "save", "power-save": {"group": "$group"}}])
    for hosts, kind in ((3, Act), (2, Ignore)):
        decision = deciding.decide(match(key="group:esx"), one, situation(estate=healthy(hosts), limits=WIDE))
        assert isinstance(decision, kind)


def test_where_nobody_knows_the_group_the_minimum_is_a_doubt() -> None:
    decision = deciding.decide(match(key="vm:stranger"), LEAST, situation(limits=WIDE))
    assert isinstance(decision, Hold)
    assert codes(decision) == ["minimum.unknown"]


def test_the_minimum_never_decides_while_our_sight_is_in_doubt() -> None:
    """Without vCenter no host looks healthy; to leave the dead host alone for good would be wrong."""
    decision = decided(LEAST, estate=healthy(2), blind="vCenter vc1 does not answer")
    assert isinstance(decision, Hold)
    assert codes(decision) == ["blind", "minimum.running"]


def test_the_minimum_is_no_matter_of_acts_that_take_nothing() -> None:
    assert isinstance(decided(gentle(minimum_running=9), estate=healthy(2)), Act)


def claim(name: str, priority: int, seconds: int = 0, *, running: bool = False) -> Claim:
    return Claim(f"match-{name}", name, priority, NOW + timedelta(seconds=seconds), running)


def rival(mine: Claim, *others: tuple[str, Claim], names=("host:esx1",)) -> str | None:
    claims = Claims()
    for key, one in others:
        claims.put(key, one)
    found = claims.rival(mine, names)
    return found.policy if found is not None else None


@pytest.mark.parametrize(
    ("other", "goes_first"),
    [
        (claim("b", 60, 9), True),
        (claim("b", 40, -9), False),
        (claim("b", 50, -1), True),
        (claim("b", 50, 1), False),
        (claim("b", 50, 0), False),  # of one moment the first by name
        (claim("0", 50, 0), True),
        (claim("b", 50, 9, running=True), True),  # what is going already is not interrupted
        (claim("b", 40, 9, running=True), False),
        (claim("a", 90, -9), False),  # another match of the same policy
    ],
)
def test_priority_goes_first_and_among_equals_what_is_going_then_what_came_first(other, goes_first) -> None:
    assert (rival(claim("a", 50), ("host:esx1", other)) is not None) is goes_first


def test_only_claims_on_the_object_or_its_host_count() -> None:
    mine = claim("a", 50)
    assert rival(mine, ("host:esx2", claim("b", 90)), names=("vm:VM-01", "host:esx1")) is None
    assert rival(mine, ("host:esx1", claim("b", 90)), names=("vm:VM-01", "host:esx1")) == "b"
    first = rival(mine, ("host:esx1", claim("b", 80)), ("vm:VM-01", claim("c", 90)), names=("vm:VM-01", "host:esx1"))
    assert first == "c"


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), min_size=1, max_size=8))
def test_of_all_policies_on_an_object_exactly_one_goes_first(drawn) -> None:
    all_claims = [claim(f"p{n}", priority, at, running=going) for n, (priority, at, going) in enumerate(drawn)]
    free = [one for one in all_claims if rival(one, *(("host:esx1", other) for other in all_claims)) is None]
    assert len(free) == 1


def test_a_lower_policy_waits_and_names_who_goes_first() -> None:
    decision = decided(gentle(priority=10), rival=claim("failover", 90))
    assert isinstance(decision, Hold)
    assert codes(decision) == ["priority"]
    assert "failover has priority 90 and its match is open" in decision.reasons[0].en


@given(
    deeds=st.lists(
        st.tuples(st.integers(0, 100), st.sampled_from("ab"), st.sampled_from("xyz"), st.booleans(), st.booleans()),
        max_size=30,
    ),
    finished=st.sets(st.integers(0, 30)),
    withdrawn=st.sets(st.integers(0, 30)),
    cut=st.integers(-1, 101),
    forget=st.integers(0, 100),
)
def test_the_index_of_deeds_gives_what_a_search_through_all_gives(deeds, finished, withdrawn, cut, forget) -> None:
    def at(age: int) -> datetime:
        return NOW - timedelta(seconds=age)

    index, plain = Deeds(), {}
    for number, (age, by, on, rough, done) in enumerate(deeds):
        plain[f"r{number}"] = Deed(at(age), by, on, rough, done)
        index.record(f"r{number}", plain[f"r{number}"])
    for number in finished:
        index.finish(f"r{number}")
        if f"r{number}" in plain:
            old = plain[f"r{number}"]
            plain[f"r{number}"] = Deed(old.at, old.policy, old.object, old.ungraceful, True)
    for number in withdrawn:
        index.withdraw(f"r{number}")
        plain.pop(f"r{number}", None)
    index.forget(at(forget))
    plain = {run: one for run, one in plain.items() if not one.finished or one.at >= at(forget)}
    after = at(cut)

    def alike(found, wanted):
        assert sorted(map(str, found)) == sorted(map(str, wanted))

    assert len(index) == len(plain)
    alike(index.fences(after), [one for one in plain.values() if one.ungraceful and one.at > after])
    alike(index.of_policy("a", after), [one for one in plain.values() if one.policy == "a" and one.at > after])
    alike(index.going(), [(run, one) for run, one in plain.items() if not one.finished])
    on = list(index.on("x"))
    alike(on, [one for one in plain.values() if one.object == "x"])
    assert [one.at for one in on] == sorted((one.at for one in on), reverse=True)


def test_a_machine_and_the_host_it_serves_as_are_one_blade() -> None:
    done = (deed(5, on="machine:chassis1/1", ungraceful=True),)
    assert "cooldown" in codes(decided(policy(), deeds=done))
    on_machine = deciding.decide(match(event(), key="machine:chassis1/1"), policy(), situation(site=site(4)))
    assert isinstance(on_machine, Act)
    on_vm = deciding.decide(match(event(), key="vm:VM-01"), policy(), situation(estate=worlds.estate()))
    assert "unknown.host" in codes(on_vm)
