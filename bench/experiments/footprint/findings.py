"""What the starts and loads say of each deployment: means, parts by component, costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from bench.experiments.footprint.money import Costs
from bench.experiments.footprint.ratios import METRICS
from bench.experiments.footprint.records import Footprint, Load, Start
from bench.report.measures import Level, level_of
from bench.report.naming import component_order, deployment_order, number

GIB, MIB = 2**30, 2**20


@dataclass(frozen=True)
class Profile:
    """One deployment: its starts that count (all, if none does) and its loads that are valid."""

    deployment: str
    starts: tuple[Start, ...]
    loads: tuple[Load, ...]

    def level(self, metric: str) -> Level | None:
        """The geometric mean of a metric over the starts."""
        value = next(each.value for each in METRICS if each.name == metric)
        return level_of([value(start) for start in self.starts])

    def mean(self, value: Callable[[Start], float | None]) -> float | None:
        """The mean over the starts that have a value."""
        known = [found for start in self.starts if (found := value(start)) is not None]
        return fmean(known) if known else None

    @cached_property
    def pss_mib(self) -> dict[str, float]:
        """Memory at rest by component, mean over the starts."""
        return _means([start.idle.pss_bytes for start in self.starts], 1 / MIB)

    @cached_property
    def cpu_ms_per_s(self) -> dict[str, float]:
        """CPU at rest by component, mean over the starts."""
        rates = [
            {name: cpu_s / start.idle.seconds for name, cpu_s in start.idle.cpu_s.items()}
            for start in self.starts
        ]
        return _means(rates, 1000.0)

    @property
    def processes(self) -> float:
        """Processes of the operating system, mean over the starts."""
        return fmean(sum(start.counts.processes.values()) for start in self.starts)

    def loaded(self, *, half: bool) -> list[Load]:
        """The loads of one kind."""
        return [load for load in self.loads if load.half == half]

    @property
    def costs(self) -> Costs | None:
        """What it takes; None without a valid half load.

        Memory: the most that it was seen to hold, at rest or under a load. CPU for each request:
        that of the half load beyond what it uses at rest.
        """
        half = [load for load in self.loaded(half=True) if load.requests and load.capacity_rps]
        if not half:
            return None
        idle_cores = sum(self.cpu_ms_per_s.values()) / 1000.0
        spent = [
            (sum(load.window.cpu_s.values()) - idle_cores * load.window.seconds) / load.requests
            for load in half
        ]
        memory = [sum(self.pss_mib.values()), *map(_mean_pss_mib, self._kinds)]
        return Costs(
            deployment=self.deployment,
            memory_gib=max(memory) * MIB / GIB,
            idle_cores=idle_cores,
            cpu_s_per_request=fmean(spent),
            capacity_rps=fmean(load.capacity_rps or 0.0 for load in half),
        )

    @property
    def _kinds(self) -> list[list[Load]]:
        kinds = [self.loaded(half=half) for half in (False, True)]
        return [each for each in kinds if each]


def profiles_of(found: Footprint, *, smoke: bool) -> list[Profile]:
    """Every deployment of a run; in smoke invalid loads too, as nothing is claimed from them."""
    profiles = []
    for name in deployment_order(start.deployment for start in found.starts):
        own = [start for start in found.starts if start.deployment == name]
        counted = [start for start in own if start.counted] or own
        loads = [each for each in found.loads if each.deployment == name and (each.valid or smoke)]
        profiles.append(Profile(name, tuple(counted), tuple(loads)))
    return profiles


def mean_window(loads: list[Load]) -> tuple[float, float] | None:
    """(MiB at the end, CPU-ms a second) over some loads; None without one."""
    if not loads:
        return None
    return _mean_pss_mib(loads), fmean(load.window.cpu_ms_per_s for load in loads)


def cell_of(profile: Profile) -> str:
    """The deployment's cell of the comparison table."""
    memory, cpu, cold = (
        profile.level(name) for name in ("idle_pss_mib", "idle_cpu_ms_per_s", "cold_start_s")
    )
    parts = [f"{profile.processes:.0f} processes of the operating system"]
    parts += [f"{number(memory.value)} MiB"] if memory else []
    parts += [f"{number(cpu.value, 2)} ms of CPU a second when idle"] if cpu else []
    parts += [f"serves {number(cold.value, 2)} s after its start"] if cold else []
    return ", ".join(parts)


def _mean_pss_mib(loads: list[Load]) -> float:
    return fmean(load.window.pss_mib for load in loads)


def _means(found: Sequence[Mapping[str, float]], scale: float) -> dict[str, float]:
    """Mean of each part over all, in the usual order of components; a part that is missing is 0."""
    names = component_order(name for parts in found for name in parts)
    return {name: scale * fmean(float(parts.get(name, 0)) for parts in found) for name in names}
