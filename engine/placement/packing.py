"""Where the fast heuristic leaves VMs without a place, CP-SAT looks whether all of them fit after all.

The heuristic answers at once and is right nearly always; packing to the last gigabyte is what a solver is for. Its time
is counted in its own deterministic units, one thread, a fixed seed: the same estate gives the same plan anywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.model.estate import LiveVm, Power
from engine.model.placement import Rule
from engine.placement import fitting
from engine.placement.binding import Purpose
from engine.placement.fitting import Room

EFFORT = 2.0
"""In CP-SAT's deterministic time; about as many seconds."""
LARGEST = 200_000
"""Pairs of VM and host above which the heuristic's word stands: a solver would not come to an end in time."""
AWAY = 1
"""What it costs to place a VM on a host that is not its own, beside the thousands that a place is worth."""


@dataclass(frozen=True, slots=True)
class Puzzle:
    """VMs and the hosts that could take each of them alone."""

    vms: Sequence[LiveVm]
    rooms: Mapping[str, Room]
    options: Mapping[str, Sequence[str]]
    """Hosts by instance_uuid, the VM's own first."""
    rules: Sequence[Rule]
    purpose: Purpose


def solve(puzzle: Puzzle, known: Mapping[str, str]) -> dict[str, str]:
    """Host by instance_uuid, for as many VMs as can be placed, the larger counting more.

    `known` is a plan to start from; never are fewer placed than there.
    """
    from ortools.sat.python import cp_model  # half a second of import: only who is in need pays it

    if sum(len(hosts) for hosts in puzzle.options.values()) > LARGEST:
        return dict(known)
    model = cp_model.CpModel()
    there = {
        (vm.instance_uuid, host): model.new_bool_var(f"{vm.instance_uuid}@{host}")
        for vm in puzzle.vms
        for host in puzzle.options.get(vm.instance_uuid, ())
    }
    _bound(model, puzzle, there)
    worth = {vm.instance_uuid: 1000 + vm.memory_mb // 64 for vm in puzzle.vms}
    firsts = {vm: hosts[0] for vm, hosts in puzzle.options.items() if hosts}
    model.maximize(sum((worth[vm] - AWAY * (firsts[vm] != host)) * var for (vm, host), var in there.items()))
    for (vm, host), var in there.items():
        model.add_hint(var, known.get(vm) == host)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers, solver.parameters.random_seed = 1, 0
    solver.parameters.max_deterministic_time = EFFORT
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return dict(known)
    found = {vm: host for (vm, host), var in there.items() if solver.boolean_value(var)}
    return found if sum(worth[vm] for vm in found) > sum(worth[vm] for vm in known) else dict(known)


def _bound(model: Any, puzzle: Puzzle, there: Mapping[tuple[str, str], Any]) -> None:
    sizes = {vm.instance_uuid: fitting.needs(vm) for vm in puzzle.vms}
    names = {vm.instance_uuid: vm.name for vm in puzzle.vms if vm.power is Power.ON}
    at: dict[str, list[str]] = {host: [] for host in puzzle.rooms}
    for vm in puzzle.vms:
        places = [there[vm.instance_uuid, host] for host in puzzle.options.get(vm.instance_uuid, ())]
        model.add_at_most_one(places)
        for host in puzzle.options.get(vm.instance_uuid, ()):
            at[host].append(vm.instance_uuid)
    parted = [
        rule
        for rule in puzzle.rules
        if rule.apart and not (rule.soft_in_emergency and puzzle.purpose is Purpose.RESCUE)
    ]
    for host, room in puzzle.rooms.items():
        model.add(sum(sizes[vm][0] * there[vm, host] for vm in at[host]) <= max(0, room.cpu_mhz))
        model.add(sum(sizes[vm][1] * there[vm, host] for vm in at[host]) <= max(0, room.memory_mb))
        if room.units is not None:
            costs = {vm.instance_uuid: room.cost(vm) for vm in puzzle.vms}
            model.add(sum(costs[vm] * there[vm, host] for vm in at[host]) <= max(0, room.units))
        for rule in parted:
            model.add_at_most_one(there[vm, host] for vm in at[host] if vm in names and rule.covers(names[vm]))
