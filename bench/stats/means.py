"""The mean of a few trials with its t interval, for quantities that may be zero or negative.

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
