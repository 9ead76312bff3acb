"""The mean of a few trials with its t interval, for quantities that may be zero or negative.

And the difference of two such means that have nothing to do with each other.

Neighbours: `paired` for ratios, which live on the logarithm.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import scipy

from bench.stats.arrays import Floats, Numbers, check_level, finite_vector
from bench.stats.errors import StatisticsError, TooFewSamples

_ROUNDING = 1e-12  # relative: values that differ by less are the same


@dataclass(frozen=True, slots=True)
class MeanInterval:
    """Arithmetic mean of `n` trials with its two-sided t interval, in the unit of the values."""

    mean: float
    low: float
    high: float
    level: float
    n: int


def mean_interval(values: Numbers, *, level: float = 0.95) -> MeanInterval:
    """Return mean ± t(n-1) · sd / sqrt(n); values of shape (n,), one a trial or block.

    Raises TooFewSamples below 2 values.
    """
    check_level(level)
    found = finite_vector(values)
    if found.size < 2:
        raise TooFewSamples(f"an interval needs at least 2 values, there are {found.size}")
    mean = float(found.mean())
    reach = float(scipy.stats.t.ppf(0.5 + level / 2.0, found.size - 1))
    reach *= float(found.std(ddof=1)) / sqrt(found.size)
    return MeanInterval(mean, mean - reach, mean + reach, level, int(found.size))


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """Mean of the first less mean of the second set, with its interval, in the values' unit.

    `n` is the smaller set; `p_value` two-sided for 'there is no difference'.
    """

    mean: float
    low: float
    high: float
    level: float
    n: int
    p_value: float


def difference_of_means(first: Numbers, second: Numbers, *, level: float = 0.95) -> MeanDifference:
    """Return mean(first) - mean(second) of two INDEPENDENT sets with Welch's t interval.

    Raises TooFewSamples below 2 values on a side.
    """
    check_level(level)
    a, b = finite_vector(first, "first"), finite_vector(second, "second")
    if min(a.size, b.size) < 2:
        raise TooFewSamples("an interval needs at least 2 blocks on each side")
    mean, n = float(a.mean() - b.mean()), min(int(a.size), int(b.size))
    parts = [float(each.var(ddof=1)) / each.size for each in (a, b)]
    error = sqrt(sum(parts))
    if error <= _ROUNDING * max(float(np.abs(a).max()), float(np.abs(b).max())):
        mean = 0.0 if abs(mean) <= error else mean
        return MeanDifference(mean, mean, mean, level, n, float(mean == 0.0))
    free = sum(parts) ** 2 / (parts[0] ** 2 / (a.size - 1) + parts[1] ** 2 / (b.size - 1))
    reach = float(scipy.stats.t.ppf(0.5 + level / 2.0, free)) * error
    p_value = 2.0 * float(scipy.stats.t.sf(abs(mean) / error, free))
    return MeanDifference(mean, mean - reach, mean + reach, level, n, p_value)


_LOPSIDED = 0.02  # of its half-width: so far from its middle a mean is none of a t interval


def values_behind(found: MeanInterval) -> Floats:
    """Return `n` values with this mean and this t interval: to a t test they are the lost ones.

    Raises TooFewSamples below 2, StatisticsError for an interval that is not symmetric.
    """
    check_level(found.level)
    if found.n < 2:
        raise TooFewSamples(f"an interval needs at least 2 values, there are {found.n}")
    reach = (found.high - found.low) / 2.0
    if reach < 0 or abs((found.high + found.low) / 2.0 - found.mean) > _LOPSIDED * reach + 1e-12:
        raise StatisticsError("the interval is not one of t: its mean is not in its middle")
    sd = reach * sqrt(found.n) / float(scipy.stats.t.ppf(0.5 + found.level / 2.0, found.n - 1))
    spread = np.arange(found.n) - (found.n - 1) / 2.0
    return np.asarray(found.mean + sd * spread / float(spread.std(ddof=1)), dtype=np.float64)
