"""The cells of a failure experiment: controls and faults in each arm, their schedules and names.

Control and faults of a group share the schedule, so the same visits are due in the same seconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bench.experiments.failure.deployments import Arm
from bench.experiments.failure.spec import OVERLOAD, Spec, Step
from bench.load.plan import Visit
from bench.load.schedule import Schedule, ScheduleSpec, build_schedule

EXPERIMENT = "failure"
ARMS = ("monolith", "microservices")
OVERLOAD_FACTOR = 2.0  # of the arm's own capacity


@dataclass(frozen=True)
class Cell:
    """One fault (or `step` None: a control) in one arm. `group`: which control it is held to."""

    arm: Arm
    group: int
    step: Step | None
    number: int = 0  # in the method

    @property
    def experiment(self) -> str:
        """The experiment's name of its trials."""
        what = f"{self.number + 1} {self.step.label}" if self.step else f"control {self.group + 1}"
        return f"{EXPERIMENT}:{what}"


def arms_of(spec: Spec, names: Sequence[str]) -> tuple[Arm, ...]:
    """Every deployment with each wanted state of its protections."""
    return tuple(Arm(name, state) for state in spec.states() for name in names)


def cells_of(spec: Spec, arms: Sequence[Arm]) -> list[Cell]:
    """All cells in their order: arm after arm within a group, the arms' order turned each time."""
    found: list[Cell] = []
    for state in spec.states():
        own = [arm for arm in arms if arm.resilience == state]
        number = 0
        for group, steps in enumerate(spec.groups):
            numbered = list(enumerate(steps, start=number))
            wanted = [(n, step) for n, step in numbered if state in spec.states_of(step)]
            number += len(steps)
            if wanted:
                found += [Cell(arm, group, None) for arm in _turned(own, group)]
            for n, step in wanted:
                found += [Cell(arm, group, step, n) for arm in _turned(own, n)]
    return found


def described(spec: Spec, cells: Sequence[Cell]) -> dict[str, Any]:
    """What the report needs of each experiment's name."""
    return {
        cell.experiment: {
            "label": cell.step.label if cell.step else "control",
            "kind": cell.step.kind if cell.step else "",
            "component": cell.step.component if cell.step else "",
            "control": Cell(cell.arm, cell.group, None).experiment,
            "at_s": spec.load.warmup_s + cell.step.at_s if cell.step else 0.0,
            "seconds": cell.step.seconds if cell.step else 0.0,
            "parameters": msgspec.to_builtins(cell.step.parameters) if cell.step else {},
            "arms": [each.arm.label for each in cells if each.experiment == cell.experiment],
        }
        for cell in cells
    }


def schedule_of(spec: Spec, cell: Cell, rate: float, seed: int, capacity_rps: float) -> Schedule:
    """The visits of a stretch; `capacity_rps`: the arm's, in requests.

    An overload adds visits of a schedule of its own until there are twice as many as the arm can
    serve.
    """
    whole = ScheduleSpec(
        spec.load.mix, rate, seed, 0.0, spec.load.warmup_s, spec.stretch_s(cell.group)
    )
    schedule = build_schedule(whole)
    if cell.step is None or cell.step.kind != OVERLOAD:
        return schedule
    extra_rps = max(0.0, OVERLOAD_FACTOR * capacity_rps - rate)
    more = ScheduleSpec(spec.load.mix, extra_rps, seed + 1, 0.0, 0.0, cell.step.seconds)
    start = spec.load.warmup_s + cell.step.at_s
    added = [
        Visit(start + visit.due_s, visit.journey, visit.number)
        for visit in build_schedule(more).visits
    ]
    visits = sorted([*schedule.visits, *added], key=lambda visit: visit.due_s)
    digest = hashlib.sha256(msgspec.msgpack.encode(visits)).hexdigest()
    return Schedule(whole, visits, digest)


def until(schedule: Schedule, end_s: float) -> Schedule:
    """Only the visits due before a moment: for a stretch in which nothing may be injected."""
    visits = [visit for visit in schedule.visits if visit.due_s < end_s]
    return Schedule(schedule.spec, visits, schedule.sha256)


def _turned(arms: Sequence[Arm], number: int) -> list[Arm]:
    return list(arms)[:: -1 if number % 2 else 1]
