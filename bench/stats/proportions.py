"""Shares (failed requests, invalid trials) with an interval that works near 0 and 1."""

from dataclasses import dataclass
from math import sqrt

import scipy

from bench.stats.arrays import check_level
from bench.stats.errors import StatisticsError, TooFewSamples


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `n`, as a share 0..1 with its interval."""

    estimate: float
    low: float
    high: float
    level: float
    n: int


def wilson(count: int, n: int, *, level: float = 0.95) -> Share:
    """Return count/n with Wilson's score interval (Wilson 1927; Brown, Cai, DasGupta 2001).

    Raises TooFewSamples for n = 0, StatisticsError unless 0 <= count <= n.
    """
    check_level(level)
    if n < 1:
        raise TooFewSamples("a share of nothing")
    if not 0 <= count <= n:
        raise StatisticsError(f"{count} of {n} is no share")
    z = float(scipy.stats.norm.ppf(0.5 + level / 2.0))
    p = count / n
    spread = z * sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n))
    middle, scale = p + z * z / (2.0 * n), 1.0 + z * z / n
    low = 0.0 if count == 0 else (middle - spread) / scale
    high = 1.0 if count == n else (middle + spread) / scale
    return Share(p, low, high, level, n)


@dataclass(frozen=True, slots=True)
class Difference:
    """One share minus another, -1..1, with its interval; `n`: the smaller number of trials."""

    estimate: float
    low: float
    high: float
    level: float
    n: int


def share_difference(first: Share, second: Share) -> Difference:
    """Return first - second by Newcombe's method 10 (1998): Wilson's limits, squared and added.

    The two shares are taken as independent and of the same level. Raises StatisticsError if the
    levels differ.
    """
    if first.level != second.level:
        raise StatisticsError(f"shares of levels {first.level} and {second.level}")
    gap = first.estimate - second.estimate
    below = sqrt((first.estimate - first.low) ** 2 + (second.high - second.estimate) ** 2)
    above = sqrt((first.high - first.estimate) ** 2 + (second.estimate - second.low) ** 2)
    return Difference(gap, gap - below, gap + above, first.level, min(first.n, second.n))
