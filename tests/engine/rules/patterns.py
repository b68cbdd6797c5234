"""Generated policies and nights for the matcher: every pattern, with repeats, equal times and recoveries first."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from engine.model.catalogue import shipped
from engine.model.event import Arrival, Event
from engine.model.match import Match
from engine.model.policy import Policy
from engine.rules import compiling
from engine.rules.matching import Matcher

START = datetime(2026, 11, 24, tzinfo=UTC)
KINDS = (
    "host.unreachable",
    "host.reachable",
    "host.crashed",
    "host.booted",
    "vm.heartbeat.lost",
    "vm.heartbeat.ok",
    "storage.path.lost",
    "host.load",
)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def policy(when: dict[str, object], name: str = "p") -> Policy:
    return Policy.model_validate(
        {
            "apiVersion": "toban/v1",
            "kind": "Policy",
            "metadata": {"name": name, "title": {"en": "t", "ja": "t"}},
            "spec": {"when": when, "do": [{"id": "tell", "notify": {"channel": "x"}}]},
        }
    )


def arrival(
    seconds: float, kind: str, subject: str = "host:esx1", name: str | None = None, source: str = "t", **data: object
) -> Arrival:
    event = Event(
        id=name or f"{kind.replace('.', '_')}-{seconds}".replace(".", "_"),
        type=kind,
        source=source,
        subject=subject,
        time=START,
        data=data,
    )
    return Arrival(event=event, sequence=1, stored_at=at(seconds))


def by_subject(event: Event, by: str) -> str | None:
    return event.subject if event.subject.startswith("host:") else None


def told(m: Matcher, arrivals: list[Arrival], until: float) -> list[tuple[str, str, str, datetime]]:
    found = []
    for one in arrivals:
        found += [*m.advance(one.stored_at), *m.feed(one)]
    found += m.advance(at(until))
    return sorted(
        (("matched" if isinstance(f, Match) else "ended", f.id, f.key, f.at) for f in found),
        key=lambda one: (one[3], one[0], one[1]),
    )


conditions = st.sampled_from(
    [
        None,
        None,
        None,
        'event.severity == "critical"',
        'event.source != "b"',
        'event.severity in ["info"] || event.synthetic',
        'event.user.startsWith("a")',
        "!event.planned",
        'has(event.user) && event.user != "abc"',
        "!has(event.user) || event.planned",
        'event.user < "m"',
        "event.user == event.source",
        'event.user.matches(r"^.b") || event.planned',
        "!(size(event.user) > 1 && event.planned)",
        'event.user != "zed" || event.source == "a"',
        'event.user in ["abc", "b"]',
        '!(event.user in ["abc", "b"])',
    ]
)
spans = st.sampled_from(["1s", "10s", "45s", "2m", "5m"])
holds = st.sampled_from(["0s", "1s", "10s", "45s"])
until = st.sampled_from([None, "host.booted", "host.reachable"])
same = st.sampled_from([[], [], [], ["source"], ["source", "severity"]])


def _clean(value: dict[str, object]) -> dict[str, object]:
    return {name: one for name, one in value.items() if one is not None and one != []}


def _of(**parts: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries(parts).map(_clean)


def _event(**more: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    names = st.sampled_from([*KINDS[:-1], "vm.heartbeat.*", "host.*"])
    return st.fixed_dictionaries({"event": names, "if": conditions, **more}).map(_clean)


def _several(word: str) -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries(
        {word: st.lists(_event(), min_size=2, max_size=3), "within": spans, "until": until, "same": same}
    ).map(_clean)


metrics = st.sampled_from(
    [
        {"metric": "host.load.cpu_percent", "above": 80, "clear": 60},
        {"metric": "host.load.cpu_percent", "above": 70.5},
        {"metric": "host.load.cpu_percent", "below": 20, "clear": 40},
    ]
)
atoms = st.one_of(
    _event(**{"for": holds, "until": until}),
    st.tuples(metrics, holds).map(lambda one: {**one[0], "for": one[1]}),
    _several("all"),
    _several("sequence"),
    _event(
        count=st.integers(2, 3),
        within=spans,
        distinct=st.sampled_from([None, "source", "severity"]),
        until=until,
        same=same,
    ),
    _event(absent=_event(), within=spans),
    st.fixed_dictionaries(
        {"missing": st.sampled_from(["host.load", "vm.heartbeat.ok"]), "if": conditions, "for": spans}
    ).map(_clean),
)
whens = st.one_of(atoms, atoms, st.lists(atoms, min_size=2, max_size=3).map(lambda found: {"any": found}))


def _named(when: dict[str, object]) -> list[str]:
    """Types that this pattern listens to, as far as a night can play them."""
    one = compiling.compile_policy(policy(when), shipped())
    return sorted({kind for part in one.alternatives for kind in part.takes} & set(KINDS)) or list(KINDS)


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, object], list[Arrival]]:
    """A pattern, and a night that speaks mostly of what it waits for; repeats are redeliveries of one moment."""
    when = draw(whens)
    named = _named(when)
    word = st.tuples(
        st.sampled_from([0, 0, 0.2, 0.8, 3, 9, 10, 30, 45, 70]),
        st.sampled_from([*named, *named, *KINDS]),
        st.sampled_from(["host:a", "host:a", "host:a", "host:b", "vm:x"]),
        st.sampled_from([10.0, 20.0, 39.9, 60.0, 70.0, 80.0, 80.1, 99.0, 1e-7, -3.0, 1e300]),
        st.sampled_from(["a", "a", "b", "c"]),
        st.sampled_from(["critical", "critical", "info"]),
        st.sampled_from([1, 1, 1, 2]),
        st.sampled_from([{}, {"user": "abc"}, {"user": "zed", "planned": True}, {"user": "b", "planned": False}]),
        st.sampled_from([0, 0, -0.9, 0.9]),
        st.sampled_from([{}, {}, {}, {"user": 7}, {"planned": "yes"}, {"user": 'a"b\\c', "planned": None}]),
    )
    night: list[Arrival] = []
    now = 0.0
    for number, (gap, kind, subject, value, source, severity, times, fields, skew, odd) in enumerate(
        draw(st.lists(word, min_size=4, max_size=30))
    ):
        now += gap
        data = {**fields, **odd, **({"cpu_percent": value} if kind == "host.load" else {})}
        event = Event(
            id=f"e{number}",
            type=kind,
            source=source,
            subject=subject,
            time=at(now + skew),  # the order of happening is not the order of storing
            severity=severity,
            data=data,
        )
        night += [Arrival(event=event, sequence=number, stored_at=at(now))] * times
    return when, night
