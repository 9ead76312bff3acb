"""The mean of a few trials with its t interval, for quantities that may be zero or negative.

And the difference of two such means that have nothing to do with each other.

Neighbours: `paired` for ratios, which live on the logarithm.
"""

from dataclasses import dataclass
from math import sqrt

import scipy

from bench.stats.arrays import Numbers, check_level, finite_vector
from bench.stats.errors import TooFewSamples


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
    error = sqrt(float(a.var(ddof=1)) / a.size + float(b.var(ddof=1)) / b.size)
    if not error:
        return MeanDifference(mean, mean, mean, level, n, float(mean == 0.0))
    welch = scipy.stats.ttest_ind(a, b, equal_var=False)
    reach = float(scipy.stats.t.ppf(0.5 + level / 2.0, welch.df)) * error
    return MeanDifference(mean, mean - reach, mean + reach, level, n, float(welch.pvalue))
