"""How many starts and seconds a profile spends, and how long that is planned to take."""

from __future__ import annotations

from dataclasses import dataclass

from bench.engine.options import Profile, RunOptions
from bench.engine.run_context import TRIAL_OVERHEAD_S
from bench.experiments.footprint.records import ARMS
from bench.registry import Planned

START_S = 2.2  # planned: up, first answers, counting and the end of one deployment
SETTLE_S = 0.7  # planned; it takes `SETTLE_LIMIT_S` at the most
SETTLE_LIMIT_S = 6.0
SHIPPED_S = 1.0
PROBE_SETTLE_S = 0.5
HALF_WARMUP_S = 0.3
WARM_VISIT_S = 0.012  # planned, of one visit before the probe


@dataclass(frozen=True)
class Size:
    """Starts that count, and seconds. `rehearsal`: one start before them, for the loads.

    Without it each start has the loads. `warm_visits`: before the capacity is probed, as the first
    requests of every process take more CPU than the later ones.
    """

    starts: int
    rehearsal: bool
    idle_s: float
    one_s: float
    half_s: float
    warm_visits: int

    @property
    def numbers(self) -> range:
        """The starts; a rehearsal is the first of them."""
        return range(self.starts + self.rehearsal)

    def counted(self, number: int) -> bool:
        """Whether a start is no rehearsal."""
        return number > 0 or not self.rehearsal

    def loaded(self, number: int) -> bool:
        """Whether a start has the loads."""
        return not self.rehearsal or number == 0


SIZES = {
    "smoke": Size(1, False, 0.5, 2.5, 0.8, 20),
    "quick": Size(6, True, 1.0, 3.0, 1.5, 200),
    "standard": Size(10, False, 10.0, 30.0, 15.0, 1_000),
    "full": Size(16, False, 20.0, 60.0, 30.0, 1_000),
}


def size_of(profile: Profile) -> Size:
    """The profile's size."""
    return SIZES.get(profile.name, SIZES["smoke"])


def start_s(size: Size) -> float:
    """Planned seconds of one start without loads."""
    return START_S + SETTLE_S + size.idle_s


def loads_s(size: Size, profile: Profile) -> float:
    """Planned seconds of the loads of one start."""
    probe_s = profile.probe_s + PROBE_SETTLE_S
    probe_s += size.warm_visits * WARM_VISIT_S
    return size.one_s + probe_s + HALF_WARMUP_S + size.half_s + 2 * TRIAL_OVERHEAD_S


def repetition_s(size: Size, profile: Profile, number: int, deployments: int) -> float:
    """Planned seconds of a start of every deployment."""
    loads = loads_s(size, profile) if size.loaded(number) else 0.0
    return deployments * (start_s(size) + loads)


def planned_seconds(options: RunOptions, profile: Profile) -> Planned:
    """All of it; reruns are of the loads alone."""
    size, count = size_of(profile), len(options.deployments or ARMS)
    whole_s = sum(repetition_s(size, profile, number, count) for number in size.numbers)
    loaded = sum(map(size.loaded, size.numbers))
    reruns_s = profile.rerun_share * count * loaded * loads_s(size, profile)
    return Planned(SHIPPED_S + whole_s, reruns_s)
