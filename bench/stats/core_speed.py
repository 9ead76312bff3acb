"""What the speed of the deployment's core does to a trial's values, and how that is undone. Pure.

On a shared host another guest on the core's second hardware thread slows it by up to 80 %, for a
tenth of a second to seconds, whatever is measured meanwhile. The canary times a fixed piece of
work throughout a trial; here its times say which requests met a slow core (they are left out of
quantiles that are compared) and for what share of the trial CPU time was stretched (a covariate).

Left out is by when a request was *due*, never by how long it took, so that no deployment's slow
requests are left out more than another's. A deployment's core is held against its own usual: a
core that idles more is slower, and that belongs to the deployment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
STEEPEST = 0.7  # a slow core stretches CPU time twofold at most


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
class CoreSpeed:
    """What is usual in a cell (one experiment, mix and load), in ms by deployment."""

    fast_ms: Mapping[str, float]

    @classmethod
    def of(cls, fast_ms: Iterable[tuple[str, float | None]]) -> CoreSpeed:
        """Learn it from all trials of a cell, invalid ones too.

        `fast_ms`: deployment, and the `FAST_QUANTILE` of the canary's times over the requests.
        """
        return cls(_medians(fast_ms))

    def calm(self, deployment: str, core_ms: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which requests were due on a core of usual speed; all where nobody knows."""
        usual = self.fast_ms.get(deployment)
        if usual is None:
            return np.ones(core_ms.shape, dtype=np.bool_)
        return ~(core_ms > SLOW * usual)


def slow_share(calm: NDArray[np.bool_]) -> float:
    """Return the share of a trial's requests that were due on a slow core."""
    return 1.0 - float(calm.mean()) if calm.size else 0.0


UNKNOWN = CoreSpeed({})  # nobody looked: nothing is left out


@dataclass(frozen=True)
class Stretched:
    """A trial's `cpu_ms` per request, and the share of its requests due on a slow core."""

    deployment: str
    slow_share: float
    cpu_ms: float | None


def cpu_factors(trials: Sequence[Stretched]) -> list[float]:
    """Return what the CPU time of each trial of a cell is multiplied by: as if no core was slow.

    exp(-slope x slow share). The slope says how much log CPU rises with the share: Theil-Sen over
    deviations from each deployment's own medians, within 0 and `STEEPEST`; no correction with
    fewer than `SLOPE_NEEDS` trials. What CPU is put back to is the same state for all. (Putting it
    back to a deployment's own mean canary time would only look better: the error of that mean is
    the very noise that was to be removed.)
    """
    slope = _slope([t for t in trials if t.cpu_ms and t.cpu_ms > 0])
    return [float(np.exp(-slope * t.slow_share)) for t in trials]


def _medians(pairs: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    grouped: dict[str, list[float]] = {}
    for name, value in pairs:
        if value is not None and value > 0:
            grouped.setdefault(name, []).append(value)
    return {name: float(np.median(values)) for name, values in grouped.items()}


def _slope(trials: Sequence[Stretched]) -> float:
    if len(trials) < SLOPE_NEEDS:
        return 0.0
    usual = {name: _median_of(trials, name) for name in {t.deployment for t in trials}}
    x = [t.slow_share - usual[t.deployment][0] for t in trials]
    y = [np.log((t.cpu_ms or 1.0) / usual[t.deployment][1]) for t in trials]
    if np.ptp(x) == 0.0:
        return 0.0
    return float(np.clip(stats.theilslopes(y, x).slope, 0.0, STEEPEST))


def _median_of(trials: Sequence[Stretched], name: str) -> tuple[float, float]:
    """Of a deployment's slow shares and CPU times."""
    own = [t for t in trials if t.deployment == name]
    shares, times = [t.slow_share for t in own], [t.cpu_ms or 0.0 for t in own]
    return float(np.median(shares)), float(np.median(times))
