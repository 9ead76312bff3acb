"""What the speed of the deployment's core does to a trial's values, and how that is undone. Pure.

On a shared host other guests slow the core by 60-100 %, for a tenth of a second to minutes,
whatever is measured meanwhile. The canary times a fixed piece of work throughout a trial; here its
times say which requests met a slow core (they are left out of quantiles that are compared) and by
how much CPU time and the median were stretched (a covariate).

Left out is by when a request was *due*, never by how long it took, so that no deployment's slow
requests are left out more than another's. What is usual is common to all deployments of a cell. A
usual of each deployment's own would be as noisy as what it is to undo, and would choose different
trials of each: of a shop against itself, whose CPU differed by 2 % over all trials (79 blocks), it
kept trials that differed by 8 %. What is common assumes that no deployment slows the canary by
itself. That was -0.8 % (standard error 1.4) and +0.3 % (1.3) between monolith and services, two
mixes, 40 blocks; every report states its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SLOW = 1.25  # of the cell's usual fast time: between the modes, 1.0-1.1 and 1.6-1.9
FAST_QUANTILE = 0.2
AROUND_S = 0.05  # a request's core time: the median of the work within this of when it was due
LEAST_WORK = 4
SLOPE_NEEDS = 8  # trials
STEEPEST = 1.0  # times are stretched as the canary's are, at most


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
    """What is usual in a cell (one experiment, mix and load), in ms; None: nobody looked."""

    fast_ms: float | None

    @classmethod
    def of(cls, fast_ms: Iterable[float | None]) -> CoreSpeed:
        """Learn it from all trials of a cell, invalid ones too.

        `fast_ms`: the `FAST_QUANTILE` of the canary's times over a trial's requests.
        """
        return cls(_median(fast_ms))

    def calm(self, core_ms: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which requests were due on a core of usual speed; all where nobody knows."""
        if self.fast_ms is None:
            return np.ones(core_ms.shape, dtype=np.bool_)
        return ~(core_ms > SLOW * self.fast_ms)


UNKNOWN = CoreSpeed(None)  # nothing is left out


@dataclass(frozen=True)
class Stretched:
    """A trial's value (CPU per request, a median), and the canary's time meanwhile. None: unknown.

    Both in ms. The canary's: of what the value was taken from (the whole trial, calm requests).
    """

    deployment: str
    canary_ms: float | None
    value_ms: float | None

    @property
    def logs(self) -> tuple[float, float] | None:
        """Of the canary and of the value, if both are known."""
        if not self.canary_ms or not self.value_ms or min(self.canary_ms, self.value_ms) <= 0:
            return None
        return float(np.log(self.canary_ms)), float(np.log(self.value_ms))


def speed_factors(trials: Sequence[Stretched]) -> list[float]:
    """Return what each trial's value in a cell is multiplied by: as on a core of one speed.

    (usual / canary) ** slope, `usual` the median over all trials of the cell. The slope says how
    the log of the value rises with that of the canary's time: Theil-Sen over deviations from each
    deployment's own medians, within 0 and `STEEPEST`; no correction with fewer than `SLOPE_NEEDS`
    trials. (Putting values back to a deployment's own usual would only look better: the error of
    that usual is the very noise that was to be removed.)
    """
    usual = _median(trial.canary_ms for trial in trials)
    slope = _slope([t for t in trials if t.logs is not None])
    return [
        float((usual / t.canary_ms) ** slope) if usual and t.canary_ms and slope else 1.0
        for t in trials
    ]


def median_ms(values: NDArray[Any]) -> float | None:
    """Return the median of what is known of some times, in ms; None if nothing is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else None


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None and value > 0]
    return float(np.median(known)) if known else None


def _slope(trials: Sequence[Stretched]) -> float:
    if len(trials) < SLOPE_NEEDS:
        return 0.0
    logs = np.array([trial.logs for trial in trials], dtype=np.float64)
    names = np.array([trial.deployment for trial in trials])
    for name in set(names):
        logs[names == name] -= np.median(logs[names == name], axis=0)
    if np.ptp(logs[:, 0]) == 0.0:
        return 0.0
    with np.errstate(invalid="ignore"):  # of its interval, not used here, where values are tied
        slope = scipy.stats.theilslopes(logs[:, 1], logs[:, 0]).slope
    return float(np.clip(slope, 0.0, STEEPEST))
