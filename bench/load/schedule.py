"""Schedules: when visits arrive and which journey each makes, from a seed, before the run. Pure.

What a visit draws while it lasts (products, amounts) follows from its number. The same spec gives
the same schedule everywhere; its SHA-256 proves it.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from bench.load.mixes import JOURNEYS, MIXES
from bench.load.plan import Visit

Gaps = Literal["poisson", "uniform"]
PRIMER_SHARE = 0.1  # of the rate, while the primer lasts


@dataclass(frozen=True)
class ScheduleSpec:
    """What to schedule. `offered_rps` counts requests, all steps of the visits."""

    mix: str
    offered_rps: float
    seed: int
    primer_s: float
    warmup_s: float
    measured_s: float
    gaps: Gaps = "poisson"
    steps_per_visit: float | None = None  # of a load that is not one of our mixes

    @property
    def measured_from_s(self) -> float:
        """Start of the measured window."""
        return self.primer_s + self.warmup_s

    @property
    def measured_to_s(self) -> float:
        """End of the measured window, and of the arrivals."""
        return self.measured_from_s + self.measured_s


@dataclass(frozen=True)
class Schedule:
    """The visits in order of `due_s`."""

    spec: ScheduleSpec
    visits: list[Visit]
    sha256: str

    @property
    def planned(self) -> int:
        """Number of requests if every visit makes all its steps."""
        return sum(len(JOURNEYS[visit.journey]) for visit in self.visits)


def build_schedule(spec: ScheduleSpec) -> Schedule:
    """Build the schedule of `spec`. Arrivals and contents are drawn from separate streams."""
    draw = random.Random(f"{spec.seed}/contents")
    journeys, weights = zip(*MIXES[spec.mix].weights, strict=True)
    visits = [
        Visit(due_s, draw.choices(journeys, weights)[0], draw.getrandbits(63))
        for due_s in arrival_times(spec)
    ]
    digest = hashlib.sha256(msgspec.msgpack.encode(visits)).hexdigest()
    return Schedule(spec, visits, digest)


def arrival_times(spec: ScheduleSpec) -> Iterator[float]:
    """Due times of the visits: primer at a tenth of the rate, then the whole rate."""
    draw = random.Random(f"{spec.seed}/arrivals")
    visit_rate = spec.offered_rps / (spec.steps_per_visit or MIXES[spec.mix].steps_per_visit)
    yield from due_times(draw, visit_rate * PRIMER_SHARE, 0.0, spec.primer_s, spec.gaps)
    yield from due_times(draw, visit_rate, spec.primer_s, spec.measured_to_s, spec.gaps)


def due_times(
    draw: random.Random, rate: float, start: float, end: float, gaps: Gaps = "poisson"
) -> Iterator[float]:
    """Arrivals at `rate` a second in [start, end), in seconds."""
    if rate <= 0:
        return
    gap: Callable[[], float] = (
        (lambda: draw.expovariate(rate)) if gaps == "poisson" else (lambda: 1.0 / rate)
    )
    # Uniform gaps start at a random phase, or every block would meet the same one.
    due = start + (gap() if gaps == "poisson" else draw.random() / rate)
    while due < end:
        yield round(due, 6)
        due += gap()
