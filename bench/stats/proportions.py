"""Shares (failed requests, invalid trials) with an interval that works near 0 and 1."""

from dataclasses import dataclass

from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

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
    low, high = proportion_confint(count, n, alpha=1.0 - level, method="wilson")
    return Share(count / n, float(low), float(high), level, n)


@dataclass(frozen=True, slots=True)
class Difference:
    """One share minus another, -1..1, with its interval; `n`: the smaller number of trials."""

    estimate: float
    low: float
    high: float
    level: float
    n: int


def share_difference(
    first: tuple[int, int], second: tuple[int, int], *, level: float = 0.95
) -> Difference:
    """Return the share (count, n) of the first minus that of the second, taken as independent.

    Newcombe's method 10 (1998): Wilson's limits, squared and added. Raises what `wilson` raises.
    """
    one, other = (wilson(*each, level=level) for each in (first, second))
    low, high = confint_proportions_2indep(
        *first, *second, method="newcomb", compare="diff", alpha=1.0 - level
    )
    gap = one.estimate - other.estimate
    return Difference(gap, float(low), float(high), level, min(one.n, other.n))
