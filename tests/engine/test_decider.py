"""The deciding stage over a bus: rounds, what is stored and told, and what a restart keeps."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine.bus import codec, outbox, subjects
from engine.bus.memory import MemoryBus, Storage
from engine.clock import HandClock
from engine.deciding import Decider, DeciderSettings
from engine.guard import deciding, witnesses
from engine.guard.control import Control, Order
from engine.guard.limits import Limits
from engine.guard.people import HumanAct
from engine.model.catalogue import shipped
from engine.model.decision import Act, Decision, Hold, Ignore, Observation
from engine.model.errors import Conflict, TobanError, Transient
from engine.model.estate import Estate
from engine.model.event import Event
from engine.model.match import Ended, Match
from engine.model.notice import Notice
from engine.model.policy import Policy
from engine.model.run import Outcome
from tests.engine import worlds
from tests.engine.guard.situations import codes, gentle, policy

START = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
WIDE = Limits(fences=100, cluster_share=1.0, mass_hosts=1000, mass_share=1.1)
SATO = Order(by="sato", why="tea")


class Eyes:
    """Sees every host it is asked about as these classes say."""

    def __init__(self, clock: HandClock, *down: str) -> None:
        self.clock, self.down, self.asked = clock, down, []

    async def look(self, place):
        self.asked.append(place.id)
        await asyncio.sleep(0)
        return tuple(
            Observation(witness=one, subject=place.id, down=True, at=self.clock.now(), says="") for one in self.down
        )

    def blind(self, place):
        return None


class Night:
    """A decider, its bus and its clock; `again` is a new life on what was stored."""

    def __init__(self, *policies: Policy, hosts: int = 4, limits: Limits = WIDE, down=("vcenter", "bmc")) -> None:
        self.clock, self.storage = HandClock(START), Storage()
        self.policies = {one.name: one for one in policies}
        self.limits, self.down = limits, down
        live = {f"esx{n}": worlds.host(n) for n in range(1, hosts + 1)}
        self.estate = Estate(site=worlds.site(hosts), hosts=live)
        self.seen: witnesses.Seen = {}
        self.people: dict[str, HumanAct] = {}
        self.start()

    def start(self) -> None:
        self.bus = MemoryBus(self.clock, self.storage)
        self.control, self.eyes = Control(self.bus), Eyes(self.clock, *self.down)
        settings = DeciderSettings(armed=True, limits=self.limits, orders_age=0.0)
        self.decider = Decider(self.bus, self.clock, self.control, self.eyes, self.policies, settings)

    def run(self, work):
        return asyncio.run(work)

    def again(self) -> None:
        self.start()
        self.run(self.decider.rebuild())

    def decide(self, *matches: Match) -> list[Decision]:
        judged = self.run(self.decider.decide_all(matches, self.estate, self.seen, self.people))
        return list(judged)

    def stored(self, subject: str) -> list:
        async def read():
            return [record async for record in self.bus.replay(subject)]

        return self.run(read())

    def told(self, kind: str) -> list[Event]:
        return [one for record in self.stored("events.>") if (one := codec.parse(record.body)).type == kind]

    def outbox(self) -> list[Notice]:
        return [outbox.read(record) for record in self.stored(subjects.ALL_NOTICES)]

    def match(self, by: str, on: int | str = 1, name: str = "", opened: float = 0) -> Match:
        key = f"host:esx{on}" if isinstance(on, int) else on
        now = self.clock.now()
        event = Event(id="e", type="host.unreachable", source="v", subject=key, time=now)
        opening = now - timedelta(seconds=opened)
        return Match(name or f"{by}-{key}-{now.timestamp():.0f}", by, key, opening, now, 0.0, (event,))


ONE = gentle("mover", budget={"rate": "1 per 15m", "breaker": "manual", "concurrent": 9})


def finish(night: Night, *acts: Decision) -> None:
    for act in acts:
        night.run(night.decider.run_ended(act.match, Outcome.SUCCESS))


def test_the_breaker_opens_once_pages_once_and_outlives_time_and_restarts_until_it_is_armed() -> None:
    other = gentle("other", budget={"rate": "9 per 15m", "concurrent": 9})
    night = Night(ONE, other)
    first, second, third = night.decide(*(night.match("mover", n) for n in (1, 2, 3)))
    assert [one.kind for one in (first, second, third)] == ["act", "hold", "hold"]
    assert [one.reasons[0].code for one in (second, third)] == ["breaker", "breaker"]
    assert len(night.told("toban.page")) == 1
    night.clock.turn(30 * 86400)
    night.again()
    (held,) = night.decide(night.match("mover", 4))
    assert (held.kind, codes(held)) == ("hold", ["breaker"])
    (free,) = night.decide(night.match("other", 3, opened=5))
    assert free.kind == "act"
    assert len(night.told("toban.page")) == 1
    assert night.run(night.control.arm("mover", SATO)) == (False, True)
    assert night.decide(night.match("mover", 4, name="later"))[0].kind == "act"


def test_after_arming_the_acts_before_are_paid_for_and_one_more_opens_it_again() -> None:
    night = Night(ONE)
    night.decide(night.match("mover", 1), night.match("mover", 2))
    night.clock.turn(60)
    night.run(night.control.arm("mover", SATO))
    night.clock.turn(1)
    act, held = night.decide(night.match("mover", 3), night.match("mover", 4))
    assert (act.kind, held.kind, held.reasons[0].code) == ("act", "hold", "breaker")


@pytest.mark.parametrize("days", [0, 3, 20])
def test_budgets_and_cooldowns_survive_a_restart_as_far_as_they_reach(days) -> None:
    slow = gentle("slow", budget={"rate": "1 per 21d", "concurrent": 9})
    resting = gentle("resting", cooldown="21d")
    night = Night(slow, resting)
    assert [one.kind for one in night.decide(night.match("slow", 1), night.match("resting", 2, opened=1))] == [
        "act"
    ] * 2
    finish(night, *night.decide(night.match("slow", 1), night.match("resting", 2, opened=1)))
    night.clock.turn(days * 86400 + 1)
    night.again()
    night.clock.turn(1)
    assert codes(night.decide(night.match("slow", 3))[0]) == ["budget"]
    assert codes(night.decide(night.match("resting", 2))[0]) == ["cooldown"]


def test_a_policy_that_needs_more_of_the_past_gets_it_when_it_is_exchanged() -> None:
    night = Night(gentle("slow", budget={"rate": "1 per 1h", "concurrent": 9}))
    finish(night, *night.decide(night.match("slow", 1)))
    night.clock.turn(10 * 86400)
    night.again()
    slower = {"slow": gentle("slow", budget={"rate": "1 per 20d", "concurrent": 9})}
    night.run(night.decider.reach_back(slower))
    night.decider.exchange(slower)
    assert codes(night.decide(night.match("slow", 2))[0]) == ["budget"]


ASKING = gentle("asking", mode="approve", approval={"deadline": "10m", "otherwise": "ignore"})


def test_a_person_is_asked_once_and_a_yes_acts() -> None:
    night = Night(ASKING)
    match = night.match("asking")
    assert codes(night.decide(match)[0]) == ["mode.approve"]
    night.clock.turn(300)
    assert night.decide(match)[0].revision == 0
    assert len(night.told("toban.page")) == 1
    night.run(night.control.answer(match.id, SATO, yes=True))
    decision = night.decide(match)[0]
    assert isinstance(decision, Act)
    assert decision.reasons[-1].en.startswith("sato approved it at 2026-11-24 02:05:00: tea")


def test_the_deadline_counts_from_the_first_time_when_only_a_person_was_missing_across_a_restart() -> None:
    night = Night(ASKING)
    match = night.match("asking")
    night.run(night.control.stop("tea"))
    assert codes(night.decide(match)[0]) == ["stopped", "mode.approve"]
    night.clock.turn(3600)
    night.run(night.control.release())
    assert codes(night.decide(match)[0]) == ["mode.approve"]
    night.clock.turn(599)
    night.again()
    assert night.decide(match)[0].kind == "hold"
    night.clock.turn(1)
    decision = night.decide(match)[0]
    assert (decision.kind, codes(decision)) == ("ignore", ["approval.deadline"])


def test_an_answer_given_while_nobody_was_on_duty_counts() -> None:
    night = Night(ASKING)
    match = night.match("asking")
    night.decide(match)
    night.run(night.control.answer(match.id, SATO, yes=False))
    night.clock.turn(3600)
    night.again()
    assert codes(night.decide(match)[0]) == ["rejected"]


def test_who_is_second_is_told_who_was_first() -> None:
    night = Night(ASKING)
    night.run(night.control.answer("m", SATO, yes=True))
    with pytest.raises(Conflict, match="sato has approved it at 2026-11-24 02:00:00"):
        night.run(night.control.answer("m", Order(by="ito"), yes=False))


def test_a_disarmed_policy_stays_out_of_service_across_a_restart_until_it_is_armed() -> None:
    night = Night(gentle("mover"))
    match = night.match("mover")
    night.run(night.control.disarm("mover", SATO))
    night.again()
    assert codes(night.decide(match)[0]) == ["disarmed"]
    assert night.run(night.control.arm("mover", SATO)) == (True, False)
    night.again()
    assert night.decide(match)[0].kind == "act"


def test_orders_that_cannot_be_read_stop_everything_and_decide_nothing_for_good() -> None:
    night = Night(ASKING)

    def broken(*_, **__):
        raise Transient("no broker")

    match = night.match("asking")
    night.decide(match)
    night.clock.turn(3600)
    night.bus.replay = broken
    decision = night.decide(match)[0]
    assert decision.kind == "hold"
    assert codes(decision)[0] == "stopped"


HIGH, LOW = gentle("high", priority=90, cooldown="0s"), gentle("low", priority=10, cooldown="0s")


def test_of_one_round_the_higher_priority_acts_and_the_lower_waits_until_its_run_has_ended() -> None:
    night = Night(HIGH, LOW)
    low, high = night.match("low", opened=60), night.match("high")
    held, act = night.decide(low, high)
    assert (act.kind, held.kind, codes(held)) == ("act", "hold", ["priority"])
    night.again()
    assert codes(night.decide(low)[0]) == ["priority"]
    finish(night, act)
    assert night.decide(low)[0].kind == "act"


def test_a_higher_match_that_is_held_keeps_the_lower_one_waiting_until_its_condition_ends() -> None:
    night = Night(gentle("high", priority=90, mode="approve"), LOW)
    high, low = night.match("high"), night.match("low")
    assert [codes(one) for one in night.decide(low, high)] == [["priority"], ["mode.approve"]]
    night.run(night.decider.ended(Ended(high.id, "high", high.key, night.clock.now(), None)))
    assert night.decide(low)[0].kind == "act"


@pytest.mark.parametrize("mode", ["observe", "recommend"])
def test_who_does_not_act_keeps_nobody_waiting(mode) -> None:
    night = Night(gentle("high", priority=90, mode=mode), LOW)
    first, second = night.decide(night.match("high"), night.match("low"))
    assert (first.kind != "act", second.kind) == (True, "act")


def test_a_disarmed_policy_and_one_with_an_open_breaker_keep_nobody_waiting() -> None:
    night = Night(HIGH, LOW)
    night.run(night.control.disarm("high", SATO))
    assert [one.kind for one in night.decide(night.match("low"), night.match("high"))] == ["act", "hold"]
    broken = gentle("high", priority=90, budget={"rate": "1 per 15m", "breaker": "manual"})
    night = Night(broken, LOW)
    night.run(night.control.open_breaker("high", "it was too much", START))
    assert [one.kind for one in night.decide(night.match("low"), night.match("high"))] == ["act", "hold"]


def test_among_equals_the_match_that_opened_first_goes_on() -> None:
    night = Night(gentle("a"), gentle("b"))
    later, earlier = night.match("a", opened=1), night.match("b", opened=9)
    held, act = night.decide(later, earlier)
    assert (held.kind, act.kind) == ("hold", "act")
    assert "b came first" in held.reasons[0].en


def test_a_match_on_a_vm_waits_for_a_run_on_its_host() -> None:
    night = Night(HIGH, LOW)
    night.estate = worlds.estate()
    night.decide(night.match("high", 1))
    assert codes(night.decide(night.match("low", "vm:VM-01"))[0]) == ["priority"]
    assert night.decide(night.match("low", "vm:VM-03"))[0].kind == "act"


def test_what_one_round_decides_counts_within_it() -> None:
    night = Night(gentle("mover", budget={"rate": "2 per 15m", "concurrent": 9}))
    kinds = [one.kind for one in night.decide(*(night.match("mover", n) for n in (1, 2, 3, 4)))]
    assert kinds == ["act", "act", "hold", "hold"]


def test_two_hosts_of_one_chassis_are_not_fenced_in_one_round() -> None:
    night = Night(policy("fencer", **{"if": None}), hosts=20)
    kinds = sorted(one.kind for one in night.decide(night.match("fencer", 1), night.match("fencer", 2)))
    assert kinds == ["act", "hold"]


def test_an_act_that_could_not_be_stored_was_never_decided() -> None:
    night = Night(gentle("mover", budget={"rate": "1 per 15m", "concurrent": 9}))
    store, match = night.bus.append, night.match("mover", 1)

    async def broken(*_, **__):
        raise Transient("no broker")

    night.bus.append = broken
    assert isinstance(night.decide(match)[0], TobanError)
    with pytest.raises(Transient):
        night.run(night.decider.decide(match, night.policies["mover"], night.estate, {}))
    night.bus.append = store
    assert [one.kind for one in night.decide(match, night.match("mover", 2))] == ["act", "hold"]


def test_one_that_cannot_be_stored_does_not_keep_the_others_of_its_round() -> None:
    night = Night(gentle("mover", budget={"rate": "9 per 15m", "concurrent": 9}))
    store = night.bus.append

    async def choosy(subject, body, **more):
        if b"host:esx2" in body:
            raise Transient("no broker")
        return await store(subject, body, **more)

    night.bus.append = choosy
    first, second, third = night.decide(*(night.match("mover", n) for n in (1, 2, 3)))
    assert (first.kind, third.kind) == ("act", "act")
    assert isinstance(second, Transient)


def test_what_an_earlier_life_stored_stands() -> None:
    night = Night(gentle("mover"))
    match = night.match("mover")
    (first,) = night.decide(match)
    night.start()  # a life that has not read back
    (again,) = night.decide(match)
    assert again == first


def test_a_mass_failure_is_one_page_and_nobody_is_looked_at() -> None:
    night = Night(policy("fencer", **{"if": None}), hosts=9, limits=Limits())
    for number in range(1, 10):
        word = Observation(witness="vcenter", subject=f"host:esx{number}", down=True, at=START, says="")
        night.seen = witnesses.remember(night.seen, word)
    held = night.decide(*(night.match("fencer", n) for n in range(1, 9)))
    assert all("mass.failure" in codes(one) for one in held)
    night.clock.turn(5)
    night.decide(night.match("fencer", 9))
    assert night.eyes.asked == []
    (page,) = night.told("toban.page")
    assert "fencer holds 8 objects" in page.data["text"]
    assert night.decider.counts["hold.mass.failure"] == 9
    assert [notice.moment for notice in night.outbox()] == ["page"]
    assert len(night.told("toban.decision.held")) == 9


def test_what_a_look_shows_counts_for_the_mass_failure_of_the_whole_round() -> None:
    night = Night(policy("fencer", **{"if": None}), hosts=20, limits=Limits())
    judged = night.decide(*(night.match("fencer", n) for n in (1, 2, 3)))
    assert {one.kind for one in judged} == {"hold"}
    assert all("mass.failure" in codes(one) for one in judged)


def test_the_same_reason_for_several_objects_of_a_round_is_one_page() -> None:
    night = Night(policy("fencer", **{"if": None}), down=())
    night.decide(*(night.match("fencer", n) for n in (1, 2)))
    (page,) = night.told("toban.page")
    assert "fencer holds 2 objects: 2 witness classes must say" in page.data["text"]
    assert page.data["text"].endswith("host:esx1, host:esx2")


def test_too_few_hosts_left_is_recorded_and_told_as_a_warning() -> None:
    least = gentle("saver", minimum_running=2, do=[{"id": "off", "shutdown-host": {"host": "$host"}}])
    night = Night(least, hosts=2)
    (decision,) = night.decide(night.match("saver"))
    assert (decision.kind, codes(decision)) == ("ignore", ["minimum.running"])
    (told,) = night.told("toban.minimum.running")
    assert (told.severity, told.subject) == (shipped().types["toban.minimum.running"].severity, "host:esx1")


def test_two_of_one_round_do_not_together_fall_below_the_minimum() -> None:
    least = gentle("saver", minimum_running=2, do=[{"id": "off", "shutdown-host": {"host": "$host"}}])
    night = Night(least, hosts=3)
    assert sorted(one.kind for one in night.decide(night.match("saver", 1), night.match("saver", 2))) == [
        "act",
        "ignore",
    ]


@pytest.mark.parametrize("name", ["host:esx1", "machine:chassis1/1"])
def test_a_persons_act_on_the_host_holds_it_for_a_while_and_then_lets_go(name) -> None:
    night = Night(gentle("mover"))
    night.people = {name: HumanAct("sato", "host.rebooting", name, START)}
    night.clock.turn(899)
    match = night.match("mover")
    assert codes(night.decide(match)[0]) == ["human"]
    night.clock.turn(1)
    assert night.decide(match)[0].kind == "act"


def test_a_policy_can_leave_alone_a_host_on_whose_vms_people_are_busy() -> None:
    night = Night(gentle("shy", unless=[{"human": "15m"}]), gentle("bold", unless=["maintenance"]))
    night.estate = worlds.estate()
    night.people = {"vm:VM-02": HumanAct("sato", "vm.migrated", "vm:VM-02", START)}
    assert [one.kind for one in night.decide(night.match("shy"), night.match("bold"))] == ["ignore", "act"]
    assert night.decide(night.match("shy", "vm:VM-03"))[0].kind == "act"


def late(night: Night, by: str) -> Match:
    return replace(night.match(by), at=night.clock.now() - timedelta(minutes=10))


def test_a_timer_overdue_after_a_restart_waits_until_it_is_seen_again() -> None:
    night = Night(gentle("mover", late="recheck"))
    match = late(night, "mover")
    assert codes(night.decide(match)[0]) == ["late.recheck"]
    night.clock.turn(29)
    assert night.decide(match)[0].kind == "hold"
    night.again()  # once more nobody was on duty: it has to be seen again by this life
    night.clock.turn(1)
    assert night.decide(match)[0].kind == "hold"
    night.clock.turn(30)
    assert night.decide(match)[0].kind == "act"


def test_a_fresh_look_is_enough_for_an_overdue_fence() -> None:
    night = Night(policy("fencer", late="recheck", **{"if": None}))
    assert night.decide(late(night, "fencer"))[0].kind == "act"


def test_a_match_held_since_before_the_outage_is_not_late() -> None:
    night = Night(gentle("mover", late="skip"))
    match = night.match("mover")
    night.run(night.control.stop("tea"))
    night.decide(match)
    night.clock.turn(7200)
    night.again()
    night.run(night.control.release())
    assert night.decide(match)[0].kind == "act"


def test_a_stopped_or_flagged_group_counts_for_its_hosts() -> None:
    night = Night(gentle("mover"))
    night.run(night.control.stop("tea", "group:esx"))
    assert codes(night.decide(night.match("mover"))[0]) == ["stopped"]
    night.run(night.control.release("group:esx"))
    night.run(night.control.flag_maintenance("chassis:chassis1", "sato swaps fans"))
    decision = night.decide(night.match("mover"))[0]
    assert isinstance(decision, Ignore)
    assert "sato swaps fans" in decision.reasons[0].en


def test_one_reading_of_the_orders_serves_a_tenth_of_a_second() -> None:
    night = Night(gentle("mover", budget={"rate": "99 per 15m", "concurrent": 99}, cooldown="0s"))
    night.decider = Decider(
        night.bus, night.clock, night.control, night.eyes, night.policies, DeciderSettings(armed=True, limits=WIDE)
    )
    night.decide(night.match("mover", 1))
    night.run(night.control.stop("tea"))
    assert night.decide(night.match("mover", 2))[0].kind == "act"
    night.clock.turn(0.1)
    assert isinstance(night.decide(night.match("mover", 3))[0], Hold)


def test_nothing_old_is_kept_but_what_is_still_held() -> None:
    night = Night(gentle("mover", budget={"rate": "99 per 15m", "concurrent": 999}), gentle("low", mode="recommend"))
    held = night.match("low", 2)
    night.decide(held)
    finish(night, *night.decide(night.match("mover", 1)))
    night.clock.turn(5 * 86400)
    night.decide(held, night.match("mover", 3))
    assert night.decide(held)[0].revision == 0
    assert len(night.decider._remembered.latest) == 2
    assert len(night.decider._remembered.deeds) == 1


def test_a_match_that_cannot_be_decided_does_not_stop_the_others(monkeypatch) -> None:
    night = Night(gentle("good"), gentle("bad"))
    right = deciding.decide

    def wrong(match, one, *rest, **more):
        if one.name == "bad":
            raise ZeroDivisionError("a mistake of ours")
        return right(match, one, *rest, **more)

    with monkeypatch.context() as broken:
        broken.setattr(deciding, "decide", wrong)
        bad, good = night.decide(night.match("bad", 1), night.match("good", 2))
    assert isinstance(bad, TobanError)
    assert "ZeroDivisionError: a mistake of ours" in str(bad)
    assert good.kind == "act"
    assert night.decide(night.match("bad", 1))[0].kind == "act"
