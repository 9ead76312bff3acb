"""Is a series still moving? Used for warm-up drift and for 'no rising trend' in capacity search."""

from dataclasses import dataclass

import numpy as np
import scipy

from bench.stats.arrays import Floats, Numbers, check_level, finite_vector
from bench.stats.errors import StatisticsError, TooFewSamples

MIN_WINDOWS = 5


@dataclass(frozen=True, slots=True)
class Trend:
    """Mann-Kendall `tau` and two-sided `p_value`, Theil-Sen `slope` (unit per step of x).

    `relative_change`: fitted change over the whole stretch, divided by the median value.
    """

    tau: float
    p_value: float
    slope: float
    relative_change: float
    n: int


def mann_kendall(x: Numbers, y: Numbers) -> Trend:
    """Return the rank trend of y over x (Mann 1945, Kendall 1975; Sen 1968 for the slope).

    Exact p by `scipy.stats.kendalltau` for small samples without ties, else the normal
    approximation with ties. Raises TooFewSamples below 5 points.
    """
    xs, ys = finite_vector(x, "x"), finite_vector(y, "y")
    if xs.shape != ys.shape:
        raise StatisticsError(f"x and y differ in number: {xs.size} and {ys.size}")
    if xs.size < MIN_WINDOWS:
        raise TooFewSamples(f"a trend needs {MIN_WINDOWS} points, there are {xs.size}")
    middle = float(np.median(ys))
    if np.ptp(ys) == 0.0:
        return Trend(0.0, 1.0, 0.0, 0.0, xs.size)
    result = scipy.stats.kendalltau(xs, ys)
    slope = float(scipy.stats.theilslopes(ys, xs).slope)
    change = slope * float(np.ptp(xs)) / middle if middle else 0.0
    return Trend(float(result.statistic), float(result.pvalue), slope, change, xs.size)


def window_medians(times_s: Numbers, values: Numbers, window_s: float) -> tuple[Floats, Floats]:
    """Return (window centres in s, median of `values` in each window); empty windows are left out.

    Medians of windows rather than raw requests: neighbouring requests share queues, so raw ranks
    would be far from independent.
    """
    if window_s <= 0.0:
        raise StatisticsError(f"window must be positive, got {window_s}")
    times, samples = finite_vector(times_s, "times"), finite_vector(values, "values")
    if not times.size:
        return times, samples
    index = np.floor_divide(times - times.min(), window_s).astype(np.int64)
    order = np.argsort(index, kind="stable")
    windows, starts = np.unique(index[order], return_index=True)
    medians = [float(np.median(part)) for part in np.split(samples[order], starts[1:])]
    return times.min() + (windows + 0.5) * window_s, np.array(medians)


def drifting(
    times_s: Numbers,
    values: Numbers,
    *,
    window_s: float = 1.0,
    tolerance: float = 0.05,
    level: float = 0.95,
) -> tuple[bool, Trend]:
    """Return whether the values still drift, and the trend of their window medians.

    Drifting: the trend is significant at `level` AND moves the median by more than `tolerance`
    over the stretch; significance alone would reject long trials for a change nobody would feel.
    Raises TooFewSamples below 5 windows.
    """
    check_level(level)
    trend = mann_kendall(*window_medians(times_s, values, window_s))
    moved = abs(trend.relative_change) > tolerance
    return bool(trend.p_value < 1.0 - level and moved), trend
