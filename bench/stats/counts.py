"""Counts of rare events: a rate with an exact interval, and the ratio of two shares near 0."""

from dataclasses import dataclass

from statsmodels.stats.proportion import confint_proportions_2indep
from statsmodels.stats.rates import confint_poisson

from bench.stats.arrays import check_level
from bench.stats.errors import StatisticsError, TooFewSamples


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` events per `exposure`, with its interval."""

    estimate: float
    low: float
    high: float
    level: float
    count: int


@dataclass(frozen=True, slots=True)
class ShareRatio:
    """Ratio of two shares with its interval."""

    estimate: float
    low: float
    high: float
    level: float


def poisson_rate(count: int, exposure: float, *, level: float = 0.95) -> Rate:
    """Return count/exposure with Garwood's exact Poisson interval (Biometrika 1936).

    Raises TooFewSamples without exposure, StatisticsError for a negative count.
    """
    check_level(level)
    if exposure <= 0:
        raise TooFewSamples("a rate per nothing")
    if count < 0:
        raise StatisticsError(f"{count} is no count")
    low, high = confint_poisson(count, exposure, method="exact-c", alpha=1.0 - level)
    return Rate(count / exposure, float(low) if count else 0.0, float(high), level, count)


def share_ratio(
    top: tuple[int, int], bottom: tuple[int, int], *, level: float = 0.95
) -> ShareRatio:
    """Ratio of shares (count, n), Katz's log interval with 0.5 added to each count and n.

    The 0.5 (Walter 1975) gives an interval where a count is 0; the estimate is shrunk by it too.
    Raises TooFewSamples for n = 0, StatisticsError unless 0 <= count <= n.
    """
    check_level(level)
    shares = []
    for count, n in (top, bottom):
        if n < 1:
            raise TooFewSamples("a share of nothing")
        if not 0 <= count <= n:
            raise StatisticsError(f"{count} of {n} is no share")
        shares.append((count + 0.5) / (n + 0.5))
    low, high = confint_proportions_2indep(
        *top, *bottom, method="log-adjusted", compare="ratio", alpha=1.0 - level
    )
    return ShareRatio(shares[0] / shares[1], float(low), float(high), level)
