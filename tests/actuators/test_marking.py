"""object.mark: one event per command on the bus; the newest mark of an object is what counts."""

import pytest

from engine.bus import codec, subjects
from engine.bus.memory import MemoryBus
from engine.clock import SystemClock
from engine.model.command import State
from engine.model.errors import Refused, Transient
from tests.actuators.place import command


def mark(status="faulted", target="host:esx1", **more):
    return command("object.mark", target, status=status, text="its fan failed", **more)


def told(place):
    async def read(_):
        bus = MemoryBus(SystemClock(), place.storage)
        return [codec.decode(record).event async for record in bus.replay(subjects.ALL_INVENTORY)]

    return place.run(read)


def test_a_mark_is_published_about_its_object_and_then_it_is_reached(place):
    assert place.look(mark()).state is State.READY
    assert place.act(mark())[0].state is State.REACHED
    (event,) = told(place)
    assert (event.type, event.source, event.subject) == ("inventory.status", "toban/run", "host:esx1")
    assert event.data == {"status": "faulted", "text": "its fan failed"}
    assert event.causationid == "run"


def test_the_same_command_publishes_the_same_event(place):
    place.act(mark())
    place.act(mark())
    assert len(told(place)) == 1


def test_the_same_status_by_anybody_is_enough_and_another_is_not(place):
    place.act(mark("degraded").model_copy(update={"id": "other.step.1"}))
    assert place.look(mark("degraded")).state is State.REACHED
    assert place.look(mark("ready")).detail == "host:esx1 is marked degraded"
    assert place.act(mark("ready"))[0].state is State.REACHED
    assert place.look(mark("faulted", target="host:esx2")).state is State.READY, "each object has its own"


@pytest.mark.parametrize("status", ["broken", "", 3, None])
def test_a_word_that_is_no_status_is_refused(place, status):
    assert place.look(mark(status)).state is State.REFUSED
    with pytest.raises(Refused):
        place.act(mark(status))
    assert told(place) == []


def test_a_mark_without_words_is_doubt(place):
    order = command("object.mark", "host:esx1", status="ready")
    assert "has no text" in place.look(order).detail


def test_a_store_that_cannot_be_read_is_doubt():
    from actuators.marking import Mark

    class Away(MemoryBus):
        async def last(self, subject):
            raise Transient("the broker is away")

    import asyncio

    seen = asyncio.run(Mark(Away(SystemClock()), SystemClock()).look(mark()))
    assert (seen.state, "the broker is away" in seen.detail) == (State.UNKNOWN, True)


def test_a_rehearsal_publishes_nothing(place):
    assert "rehearsal: would do object.mark" in place.rehearse(mark()).detail
    with pytest.raises(Refused):
        place.act(mark(), rehearsed=True)
    assert told(place) == []
