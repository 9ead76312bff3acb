"""What the speed of the deployment's core does to a trial's values, and how that is undone. Pure.

On a shared host another guest on the core's second hardware thread slows it by up to 80 %, for a
tenth of a second to seconds, whatever is measured meanwhile. The canary times a fixed piece of
work throughout a trial; here its times say which requests met a slow core (they are left out of
quantiles that are compared) and by how much CPU time was stretched (a covariate).

Left out is by when a request was *due*, never by how long it took, so that no deployment's slow
requests are left out more than another's. A deployment's core is held against its own usual: a
core that idles more is slower, and that belongs to the deployment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

SLOW = 1.25  # of the deployment's usual fast time: between the modes, 1.0-1.1 and 1.6-1.9
FAST_QUANTILE = 0.2
AROUND_S = 0.05  # a request's core time: the median of the work within this of when it was due
LEAST_WORK = 4
SLOPE_NEEDS = 8  # trials
STEEPEST = 1.2  # CPU time cannot be stretched much more than the canary's


def core_ms_at(due_s: Floats, work_at_s: Floats, work_ms: Floats) -> NDArray[np.float32]:
    """Return the canary's time around each `due_s`, in ms; NaN where it hardly worked.

    `work_at_s` ascending, on the clock of `due_s`. The median within `AROUND_S` of the piece of
    work nearest to it.
    """
    found = np.full(due_s.shape, np.nan, dtype=np.float32)
    if work_at_s.size < LEAST_WORK:
        return found
    low = np.searchsorted(work_at_s, work_at_s - AROUND_S)
    high = np.searchsorted(work_at_s, work_at_s + AROUND_S, side="right")
    smooth = np.array(
        [
            np.median(work_ms[a:b]) if b - a >= LEAST_WORK else np.nan
            for a, b in zip(low, high, strict=True)
        ]
    )
    after = np.clip(np.searchsorted(work_at_s, due_s), 1, work_at_s.size - 1)
    nearer = due_s - work_at_s[after - 1] < work_at_s[after] - due_s
    nearest = after - nearer
    near = np.abs(work_at_s[nearest] - due_s) <= AROUND_S
    found[near] = smooth[nearest][near]
    return found


@dataclass(frozen=True)
class TrialCore:
    """One trial's core: `fast_ms` and `mean_ms` of the canary, `cpu_ms` per request; None unknown.

    `fast_ms`: the `FAST_QUANTILE` over the requests.
    """

    deployment: str
    fast_ms: float | None
    mean_ms: float | None
    cpu_ms: float | None = None


@dataclass(frozen=True)
class CoreSpeed:
    """What is usual in a cell (one experiment, mix and load), by deployment, in ms.

    `slope`: by how much log CPU rises with the log of the canary's mean time, within deployments.
    """

    fast_ms: Mapping[str, float]
    mean_ms: Mapping[str, float]
    slope: float

    @classmethod
    def of(cls, trials: Iterable[TrialCore]) -> CoreSpeed:
        """Learn it from all trials of a cell, invalid ones too."""
        listed = list(trials)
        means = _medians((t.deployment, t.mean_ms) for t in listed)
        fast = _medians((t.deployment, t.fast_ms) for t in listed)
        return cls(fast, means, _slope(listed, means))

    def calm(self, deployment: str, core_ms: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which requests were due on a core of usual speed; all where nobody knows."""
        usual = self.fast_ms.get(deployment)
        if usual is None:
            return np.ones(core_ms.shape, dtype=np.bool_)
        return ~(core_ms > SLOW * usual)

    def cpu_factor(self, deployment: str, mean_ms: float | None) -> float:
        """Return what CPU time must be multiplied by to be that of a core of usual speed."""
        usual = self.mean_ms.get(deployment)
        if usual is None or mean_ms is None or mean_ms <= 0:
            return 1.0
        return float((usual / mean_ms) ** self.slope)


UNKNOWN = CoreSpeed({}, {}, 0.0)  # nobody looked: nothing is left out


def _medians(pairs: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    grouped: dict[str, list[float]] = {}
    for name, value in pairs:
        if value is not None and value > 0:
            grouped.setdefault(name, []).append(value)
    return {name: float(np.median(values)) for name, values in grouped.items()}


def _slope(trials: Iterable[TrialCore], usual_ms: Mapping[str, float]) -> float:
    """Theil-Sen over deviations from each deployment's own medians; 0 with too few trials."""
    usable = [t for t in trials if t.mean_ms and t.cpu_ms and t.deployment in usual_ms]
    if len(usable) < SLOPE_NEEDS:
        return 0.0
    usual_cpu = _medians((t.deployment, t.cpu_ms) for t in usable)
    x = [np.log((t.mean_ms or 1.0) / usual_ms[t.deployment]) for t in usable]
    y = [np.log((t.cpu_ms or 1.0) / usual_cpu[t.deployment]) for t in usable]
    if np.ptp(x) == 0.0:
        return 0.0
    return float(np.clip(stats.theilslopes(y, x).slope, 0.0, STEEPEST))
