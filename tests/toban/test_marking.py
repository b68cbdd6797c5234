"""A person's word about hardware, and what is refused."""

from datetime import UTC, datetime

import pytest

from engine.clock import HandClock
from engine.estate import projecting, reading
from engine.model.errors import ConfigurationError
from tests.engine.worlds import estate
from toban.cli import marking

CLOCK = HandClock(datetime(2026, 11, 24, tzinfo=UTC))


def marked(world, target, status):
    return projecting.apply(world, marking.status_event(world.site, CLOCK, target, status, "by hand"))


@pytest.mark.parametrize("target", ["host:esx1", "machine:chassis1/1"])
def test_a_person_marks_a_host_or_its_machine_and_takes_it_back(target) -> None:
    faulted = marked(estate(), target, "faulted")
    assert reading.status_of(faulted, "esx1") == "faulted"
    assert reading.status_of(marked(faulted, target, "ready"), "esx1") == "ready"


@pytest.mark.parametrize(
    ("target", "status", "sentence"),
    [
        ("host:esx1", "fualted", "did you mean faulted?"),
        ("host:esx1", "gone", "write one of faulted, degraded, ready"),
        ("host:esx9", "faulted", "no host, machine or VM of the estate"),
        ("machine:chassis1/9", "faulted", "no host, machine or VM of the estate"),
        ("chassis:chassis1", "faulted", "no host, machine or VM of the estate"),
        ("esx1", "ready", "no host, machine or VM of the estate"),
    ],
)
def test_a_mark_that_would_mean_nothing_is_refused_in_one_sentence(target, status, sentence) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        marking.status_event(estate().site, CLOCK, target, status, "by hand")
