"""The estate and the policies that benchmarks work on."""

from collections.abc import Mapping, Sequence

from engine.model.catalogue import Catalogue
from engine.model.estate import Category, Group, HostDefinition, Model, Site, Vcenter
from engine.model.hardware import Bmc, Chassis, Slot
from engine.model.policy import Policy

SLOTS = 16


def site(hosts: int) -> Site:
    """So many hosts `esx0`, `esx1`, ..., 16 to a chassis, 32 to a group."""
    chassis = tuple(
        Chassis(
            name=f"chassis{number}",
            vendor="hpe-c7000",
            serial=f"CZ{number}",
            address=f"192.0.2.{number % 250}",
            slots=tuple(
                Slot(
                    slot=slot,
                    serial=f"BLD{number}-{slot}",
                    uuid=f"30000000-0000-4000-{number:04d}-{slot:012d}",
                    bmc=Bmc(url=f"https://bmc-{number}-{slot}.example"),
                )
                for slot in range(1, SLOTS + 1)
            ),
        )
        for number in range(-(-hosts // SLOTS))
    )
    definitions = [
        HostDefinition(
            name=f"esx{number}", model="blade", machine=f"chassis{number // SLOTS}/{number % SLOTS + 1}", vcenter="vc1"
        )
        for number in range(hosts)
    ]
    groups = tuple(
        Group(name=f"group{start // 32}", hosts=tuple(definitions[start : start + 32])) for start in range(0, hosts, 32)
    )
    return Site(
        vcenters=(Vcenter(name="vc1", url="https://vc1.example/sdk"),),
        chassis=chassis,
        models=(Model(name="blade", category="bench", cpu_mhz=20000, memory_mb=65536),),
        categories=(Category(name="bench", groups=groups),),
    )


def document(name: str, when: Mapping[str, object], mode: str = "observe") -> dict[str, object]:
    """A policy that tells people, in this mode, as it would be written in a file."""
    return {
        "apiVersion": "toban/v1",
        "kind": "Policy",
        "metadata": {"name": name, "title": {"en": "bench", "ja": "bench"}},
        "spec": {"mode": mode, "when": dict(when), "do": [{"id": "tell", "notify": {"channel": "x"}}]},
    }


def policy(name: str, when: Mapping[str, object], mode: str = "observe") -> Policy:
    """The same, read."""
    return Policy.model_validate(document(name, when, mode))


def hundred(words: Catalogue) -> tuple[Policy, ...]:
    """100 policies over the catalogue's types, every kind of pattern among them; all match by host."""
    return tuple(Policy.model_validate(one) for one in documents(words))


def documents(words: Catalogue) -> list[dict[str, object]]:
    """The same as files."""
    paired = [name for name, entry in words.types.items() if entry.recovery and entry.kind in ("host", "machine")]
    single = [name for name, entry in words.types.items() if name not in paired and entry.kind in ("host", "machine")]
    single = [name for name in single if not name.startswith(("host.load", "inventory."))]
    whens: list[dict[str, object]] = [
        {"metric": "host.load.cpu_percent", "above": 80 + n, "for": "60s", "clear": 60} for n in range(10)
    ]
    whens += [{"event": name, "for": "45s"} for name in paired[:40]]
    whens += [{"event": name} for name in single[:20]]
    whens += [{"all": [{"event": one}, {"event": two}], "within": "60s"} for one, two in _pairs(paired, 10)]
    whens += [{"sequence": [{"event": one}, {"event": two}], "within": "5m"} for one, two in _pairs(single, 8)]
    whens += [{"event": name, "count": 3, "within": "5m"} for name in paired[:6]]
    whens += [{"event": one, "absent": {"event": two}, "within": "60s"} for one, two in _pairs(single, 4)]
    whens += [{"missing": "host.load", "for": span} for span in ("3m", "10m")]
    return [document(f"bench-{number}", {**when, "by": "host"}) for number, when in enumerate(whens)]


def _pairs(names: Sequence[str], count: int) -> list[tuple[str, str]]:
    return [(names[2 * n % len(names)], names[(2 * n + 1) % len(names)]) for n in range(count)]
