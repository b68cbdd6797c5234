"""Static analysis: every code of the table is provoked, and what is sound gives none."""

import re
from pathlib import Path

import pytest

from engine.model.catalogue import FieldType, shipped
from engine.rules import analysing_conditions, expressions, findings, surveying
from engine.rules.analysing_conditions import Domain
from engine.rules.analysing_patterns import Surroundings
from tests.engine.worlds import site
from toban import emitting

ROOT = Path(__file__).parents[3]
AROUND = Surroundings(emitting.emitted(shipped()) - {"em.failed"}, {"host.load": 20.0, "vm.load": 20.0}, site(2), 30.0)
HELD = "{event: host.unreachable, for: 60s, by: host}"
MIGRATE = "[{id: a, migrate: {from: $host}}]"
FENCE = "[{id: a, fence: {host: $host}}]"
WITNESSES = "{need: 2, of: [vcenter, chassis], within: 60s}"
TELL = "[{id: a, notify: {channel: x}}]"


def text(name: str = "p", *, waive: str = "", **spec: str) -> str:
    plain = {"when": HELD, "do": TELL, **{key.rstrip("_"): value for key, value in spec.items()}}
    lines = "".join(f"  {key}: {value}\n" for key, value in plain.items())
    head = f"apiVersion: toban/v1\nkind: Policy\nmetadata:\n  name: {name}\n  title: {{en: t, ja: t}}\n"
    return f"{head}{f'  waive: {waive}' + chr(10) if waive else ''}spec:\n{lines}"


def found(folder: Path, *texts: str, around: Surroundings = AROUND) -> surveying.Survey:
    for number, one in enumerate(texts):
        (folder / f"{number}.yaml").write_text(one, encoding="utf-8")
    return surveying.survey([folder], shipped(), around)


def codes(folder: Path, *texts: str) -> list[str]:
    return [one.code for one in found(folder, *texts).problems]


def when(body: str) -> str:
    return text(when=body)


ALONE = {
    "P001": "nonsense: true\n",
    "P004": text(waive="[{code: P050, reason: it only tells people}]"),
    "P010": when("{event: host.unreachabel}"),
    "P012": when("{metric: host.load.cpu, above: 1, for: 60s}"),
    "P013": when("{event: host.unreachable, by: hosts}"),
    "P014": when("{event: host.crashed, for: 60s, by: host}"),
    "P015": when("{event: host.unreachable, count: 2, within: 1m, distinct: colour}"),
    "P016": when("{schedule: '0 0 * *'}"),
    "P020": text(if_="host.vmz > 1"),
    "P021": text(if_="host.vms == 1 && host.vms == 2"),
    "P022": text(if_="host.vms >= 0"),
    "P023": when("{event: host.unreachable, if: event.message == r'a\\b'}"),
    "P030": text(do="[{id: a, notify: {channel: x}}, {id: a, notify: {channel: x}}]"),
    "P031": text(do="[{id: a, notify: {channel: x}, after: {b: success}}]"),
    "P032": text(do="[{id: a, fense: {host: $host}}]"),
    "P033": text(do="[{id: a, notify: {}}]"),
    "P034": text(do="[{id: a, notify: {channel: x, chanel: y}}]"),
    "P035": text(do="[{id: a, migrate: {from: $hots}}]", budget="{rate: 1 per 1h}"),
    "P036": text(do="[{id: a, migrate: {from: $host, vms: 99}}]", budget="{rate: 1 per 1h}"),
    "P038": text(do="[{id: a, reset-result: {}}, {id: b, notify: {channel: x}, after: failed}]"),
    "P040": text(do=FENCE, budget="{rate: 1 per 1h}"),
    "P041": text(do="[{id: a, failover: {from: $host}}]", budget="{rate: 1 per 1h}"),
    "P042": text(
        do=FENCE, witnesses=WITNESSES, budget="{rate: 1 per 1h}", when="{event: host.unreachable, for: 60s, by: group}"
    ),
    "P050": text(do=MIGRATE),
    "P051": text(
        do=FENCE, witnesses=WITNESSES, budget="{rate: 1 per 1h}", when="{event: host.unreachable, for: 5s, by: host}"
    ),
    "P060": when("{event: em.failed, by: chassis}"),
    "P061": when("{schedule: '0 0 30 2 *'}"),
    "P062": when("{event: host.load, if: event.cpu_percent > 90, count: 5, within: 60s, by: host}"),
    "P063": when("{event: host.unreachable, by: vm}"),
    "P064": text(scope="{group: esxx}"),
    "P065": text(during="[{days: mon-fri, from: '22:00', to: '06:00'}]", unless="[{from: '20:00', to: '08:00'}]"),
    "P066": when("{any: [{event: host.unreachable, for: 30s}, {event: host.unreachable, for: 60s}], by: host}"),
}
ACTS = {"mode": "automatic", "do": MIGRATE, "budget": "{rate: 1 per 1h}"}
LOAD = "{metric: host.load.cpu_percent, above: 80, for: 60s, by: host}"
TOGETHER = {
    "P002": (text(), text()),
    "P070": (
        text("p", **ACTS, cooldown="1m", when=HELD),
        text("q", **ACTS, cooldown="1m", when="{event: host.unreachable, by: host}"),
    ),
    "P071": (text("p", **ACTS, when=LOAD),),
    "P072": (text("p", **ACTS, when=LOAD, cooldown="5m"),),
}


@pytest.mark.parametrize("code", [*ALONE, *TOGETHER])
def test_each_code_is_provoked_and_is_the_only_finding(code, tmp_path) -> None:
    texts = TOGETHER.get(code) or (ALONE[code],)
    seen = found(tmp_path, *texts)
    assert {one.code for one in seen.problems} == {code}
    for one in seen.problems:
        assert one.severity == findings.shipped()[code].severity
        assert one.line > 1 or code == "P001"


def test_a_folder_without_policies_is_said(tmp_path) -> None:
    assert codes(tmp_path) == ["P003"]


def test_too_many_pairs_are_not_compared_and_that_is_said(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("engine.rules.analysing_pairs.LIMIT_PAIRS", 1)
    texts = [text(name, **ACTS, cooldown="1m", priority=str(n)) for n, name in enumerate(("p", "q", "r"))]
    assert "P073" in codes(tmp_path, *texts)


def test_the_table_holds_every_code_that_the_source_uses_and_this_file_provokes_all() -> None:
    used = {
        code
        for room in ("engine", "toban")
        for path in (ROOT / room).rglob("*.py")
        for code in re.findall(r'"(P[0-9]{3})"', path.read_text(encoding="utf-8"))
    }
    known = set(findings.shipped())
    assert used == known
    assert known == {*ALONE, *TOGETHER, "P003", "P073"}


def test_every_type_that_is_said_to_come_is_in_the_catalogue() -> None:
    assert emitting.emitted(shipped()) <= set(shipped().types)


@pytest.mark.parametrize(
    "sound",
    [
        text(if_="host.running_vms > 0 && (host.group == 'esx' || host.ha)"),
        when("{event: host.unreachable, if: event.severity == 'critical', for: 45s, by: host}"),
        when("{event: host.load, count: 3, within: 60s, by: host}"),
        when("{any: [{event: host.unreachable, for: 60s}, {event: host.crashed}], by: host}"),
        when("{schedule: '0 0 29 2 *'}"),
        text(during="[{days: mon-fri, from: '22:00', to: '06:00'}]", unless="[{from: '23:00', to: '05:00'}]"),
        text(scope="{group: esx, host: esx1}"),
        text(do="[{id: a, notify: {channel: x}}, {id: b, notify: {channel: x}, after: failed}]"),
    ],
)
def test_what_is_sound_gives_no_finding(sound, tmp_path) -> None:
    assert codes(tmp_path, sound) == []


@pytest.mark.parametrize(
    "other",
    [
        {"priority": "60"},
        {"scope": "{host: esx2}"},
        {"mode": "observe"},
        {"do": TELL},
        {"when": "{event: host.unreachable, if: event.severity == 'info', by: host}"},
    ],
)
def test_two_policies_that_something_tells_apart_are_in_nobodys_way(other, tmp_path) -> None:
    first = text(
        "p",
        **ACTS,
        scope="{host: esx1}" if "scope" in other else "{}",
        cooldown="1m",
        when="{event: host.unreachable, if: event.severity == 'critical', by: host}",
    )
    second = text("q", **{**ACTS, "cooldown": "1m", "when": "{event: host.unreachable, by: host}", **other})
    assert [code for code in codes(tmp_path, first, second) if code != "P072"] == []


def test_high_and_low_of_one_metric_do_not_meet(tmp_path) -> None:
    low = LOAD.replace("above: 80", "below: 20")
    one, other = (text(name, **ACTS, when=each, cooldown="5m") for name, each in (("p", LOAD), ("q", low)))
    assert "P070" not in codes(tmp_path, one, other)
    assert "P070" in codes(tmp_path, one, text("q", **ACTS, when=LOAD, cooldown="5m"))


def test_many_rivals_of_one_policy_are_one_finding(tmp_path) -> None:
    rivals = [text(name, **ACTS, cooldown="1m", when=HELD) for name in ("a", "b", "c", "d")]
    told = [one for one in found(tmp_path, *rivals).problems if one.code == "P070"]
    assert len(told) == 3
    assert "d and a (and 2 more policies) can act on one object at once" in told[-1].message


def test_a_circle_of_two_is_told_in_words(tmp_path) -> None:
    start = text(
        "wake",
        mode="automatic",
        when="{event: host.shutdown, by: group}",
        budget="{rate: 1 per 1h}",
        do="[{id: a, start-host: {group: $group}}]",
    )
    stop = text(
        "rest",
        mode="automatic",
        when="{event: host.booted, by: group}",
        budget="{rate: 1 per 1h}",
        do="[{id: a, power-save: {group: $group}}]",
    )
    (one,) = found(tmp_path, start, stop).problems
    assert one.code == "P071"
    assert one.message.startswith(
        "a circle without a brake: wake does start-host, which brings host.booted, which sets off rest; "
        "rest does power-save, which brings host.shutdown, which sets off wake."
    )


def test_a_warning_can_be_waived_with_a_reason_and_an_error_cannot(tmp_path) -> None:
    waived = found(tmp_path, text(do=MIGRATE, waive="[{code: P050, reason: the site's guard is enough}]"))
    assert waived.problems == ()
    assert [(one.code, one.waived) for one in waived.waived] == [("P050", "the site's guard is enough")]
    broken = text(do="[{id: a, migrate: {}}]", waive="[{code: P033, reason: I know what I am doing}]")
    assert "P033" in codes(tmp_path, broken)


@pytest.mark.parametrize(
    ("clause", "line", "column"),
    [
        ("if: host.vms > 0 && host.vmz > 1", 7, 23),
        ('if: "host.vms > 0 && host.vmz > 1"', 7, 24),
        ("if: 'host.group == ''a'' && host.vmz > 1'", 7, 31),
        ("if: |\n    host.vms > 0 &&\n    host.vmz > 1", 9, 5),
        ("if: >-\n    host.vms > 0 &&\n    host.vmz > 1", 9, 5),
        ("if: host.vms > 0 &&\n    host.vmz > 1", 8, 5),
    ],
)
def test_a_finding_inside_a_condition_stands_at_its_line_and_column(clause, line, column, tmp_path) -> None:
    (one,) = found(tmp_path, text().replace("spec:\n", f"spec:\n  {clause}\n")).problems
    assert (one.code, one.line, one.column) == ("P020", line, column)


KNOWN = Domain(
    {
        "event.slot": FieldType.INTEGER,
        "event.load_percent": FieldType.NUMBER,
        "event.part": FieldType.STRING,
        "event.severity": FieldType.STRING,
        "event.planned": FieldType.BOOLEAN,
    },
    {"event.severity": frozenset({"info", "critical"})},
)


@pytest.mark.parametrize(
    ("condition", "word"),
    [
        ("event.slot == 1 && event.slot == 2", "never"),
        ("event.slot > 5 && event.slot < 3", "never"),
        ("event.slot > 5 && event.slot < 6", "never"),
        ("event.load_percent > 5 && event.load_percent < 6", None),
        ("event.slot == 1.5", "never"),
        ("event.slot >= 5 && event.slot <= 5", None),
        ("event.slot in [1, 2] && event.slot == 3", "never"),
        ("event.slot in [1, 2] && !(event.slot == 1)", None),
        ("event.slot == 1 || event.slot != 1", "always"),
        ("event.slot > 1 || event.slot < 3", "always"),
        ("event.load_percent < 0", "never"),
        ("event.load_percent >= 0", "always"),
        ("event.severity == 'bad'", "never"),
        ("event.severity != 'bad'", "always"),
        ("event.severity in ['info', 'critical']", "always"),
        ("event.planned && !event.planned", "never"),
        ("event.planned || !event.planned", "always"),
        ("event.planned == true && event.planned == false", "never"),
        ("event.part == 'a' && event.part == 'b'", "never"),
        ("event.part == 'ab' && event.part.startsWith('b')", "never"),
        ("event.part == 'ab' && event.part.matches('^a')", None),
        ("event.part.startsWith('a') && event.part.startsWith('b')", "never"),
        ("event.part.startsWith('a') && event.part.startsWith('ab')", None),
        ("event.part.contains('a') && event.part.contains('b')", None),
        ("size(event.part) > 256", "never"),
        ("size(event.part) > 3 && size(event.part) < 5", None),
        ("has(event.part) && event.part == 'a'", None),
        ("!has(event.part) && event.part == 'a'", "never"),
        ("event.slot == 1 && event.part == 'a'", None),
        ("event.part == event.severity", None),
        ("1 == 1", "always"),
        ("1 > 2", "never"),
    ],
)
def test_what_a_condition_can_come_out_as(condition, word) -> None:
    seen = list(analysing_conditions.verdicts(expressions.parse(condition), KNOWN))
    whole = [one.word for one in seen if one.whole]
    assert whole == ([word] if word else [])


def test_a_part_that_decides_nothing_is_found_at_its_column() -> None:
    node = expressions.parse("event.slot > 1 && (event.planned || event.load_percent < 0)")
    (one,) = analysing_conditions.verdicts(node, KNOWN)
    assert (one.word, one.column, one.whole) == ("never", 37, False)
