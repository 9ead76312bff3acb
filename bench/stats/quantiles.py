"""Exact quantiles of raw response times with distribution-free intervals.

Neighbours: `paired` compares them across blocks; `bench.report` prints them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from bench.stats.arrays import check_level
from bench.stats.errors import StatisticsError, TooFewSamples

SAMPLES_BEYOND = 10  # a quantile is only stated where at least this many samples lie beyond it


@dataclass(frozen=True, slots=True)
class QuantileEstimate:
    """One quantile: same unit as the samples; `low`/`high` at confidence `level` from `n` samples.

    `clusters` is the number of trials the interval's spread was taken from; 1 = the spread
    within one trial only (order statistics).
    """

    q: float
    value: float
    low: float
    high: float
    level: float
    n: int
    clusters: int = 1


def minimum_samples(q: float) -> int:
    """Return how many samples quantile `q` needs: 10 beyond it (p50 20, p95 200, p99 1,000)."""
    if not 0.0 < q < 1.0:
        raise StatisticsError(f"quantile must lie strictly between 0 and 1, got {q}")
    return ceil(round(SAMPLES_BEYOND / min(q, 1.0 - q), 6))


def exact_quantile(values: NDArray[Any], q: float) -> float:
    """Return the order statistic x_(ceil(n*q)), a value that was observed (numpy `inverted_cdf`).

    Raises TooFewSamples below `minimum_samples(q)`: p99 never from fewer than 1,000.
    """
    _require(values.size, q)
    return float(np.quantile(values, q, method="inverted_cdf"))


def order_statistic_ranks(n: int, q: float, level: float = 0.95) -> tuple[int, int]:
    """Return 1-based ranks (l, u) so that [x_(l), x_(u)] covers the q-quantile with P >= level.

    P(x_(l) <= Q < x_(u)) = P(l <= B <= u-1), B ~ Binomial(n, q) (David & Nagaraja, 7.1): exact
    for independent samples of any distribution; equal tails. Raises TooFewSamples where no
    such ranks exist.
    """
    check_level(level)
    tail = (1.0 - level) / 2.0
    low = int(scipy.stats.binom.ppf(tail, n, q))
    high = int(scipy.stats.binom.ppf(1.0 - tail, n, q)) + 1
    if low < 1 or high > n:
        raise TooFewSamples(f"{n} samples give no {level:.0%} interval for the {q:g} quantile")
    return low, high


def quantile(values: NDArray[Any], q: float, *, level: float = 0.95) -> QuantileEstimate:
    """Return the exact quantile with its order-statistic interval (samples of ONE trial).

    Raises TooFewSamples below `minimum_samples(q)`. Requests of one trial are not independent
    of each other, so this interval says nothing about another trial: see `clustered_quantile`.
    """
    n = int(values.size)
    _require(n, q)
    low, high = order_statistic_ranks(n, q, level)
    ranks = np.array([_rank(n, q), low, high]) - 1
    value, x_low, x_high = (float(x) for x in np.partition(values, ranks)[ranks])
    return QuantileEstimate(q, value, x_low, x_high, level, n)


def clustered_quantile(
    trials: Sequence[NDArray[Any]], q: float, *, level: float = 0.95
) -> QuantileEstimate:
    """Return the quantile of all trials' pooled rows, with an interval from trial to trial.

    Interval: delete-one-trial jackknife of the log quantile, t with k-1 degrees of freedom
    (Shao & Tu 1995, 2.3), so that the trial and not the request is the unit of replication.
    With fewer than 3 trials: order statistics of the pooled rows (`clusters` = 1).
    Values must be > 0. Raises TooFewSamples, StatisticsError.
    """
    parts = [part for part in trials if part.size]
    if not parts:
        raise TooFewSamples("no samples")
    pooled = np.concatenate(parts)
    if len(parts) < 3:
        return quantile(pooled, q, level=level)
    value = exact_quantile(pooled, q)
    left_out = _leave_one_out(parts, pooled, q)
    if value <= 0.0 or (left_out <= 0.0).any():
        raise StatisticsError("a response time that is not positive has no logarithm")
    k = len(parts)
    logs = np.log(left_out)
    error = float(np.sqrt((k - 1) / k * np.square(logs - logs.mean()).sum()))
    reach = float(np.exp(scipy.stats.t.ppf(0.5 + level / 2.0, k - 1) * error))
    return QuantileEstimate(q, value, value / reach, value * reach, level, int(pooled.size), k)


def _leave_one_out(parts: Sequence[NDArray[Any]], pooled: NDArray[Any], q: float) -> NDArray[Any]:
    """The pooled quantile without each part in turn.

    Without part i the value of rank k has a rank between k and k + n_i among all, so that only the
    window of values that can be meant is looked at: a fraction of the rows for each part.
    """
    ranks = [_rank(pooled.size - part.size, q) for part in parts]
    first = min(ranks)
    last = max(rank + part.size for rank, part in zip(ranks, parts, strict=True))
    bounds = np.array([first, min(last, pooled.size)]) - 1
    low, high = np.partition(pooled, bounds)[bounds]
    below = [int(np.count_nonzero(part < low)) for part in parts]
    window = [part[(part >= low) & (part <= high)] for part in parts]
    found = []
    for i, rank in enumerate(ranks):
        rest = np.concatenate([part for j, part in enumerate(window) if j != i])
        place = rank - (sum(below) - below[i]) - 1
        found.append(float(np.partition(rest, place)[place]))
    return np.array(found)


def _rank(n: int, q: float) -> int:
    """1-based rank of the quantile; the round keeps 0.95 * 20 from becoming 20."""
    return max(1, ceil(round(n * q, 9)))


def _require(n: int, q: float) -> None:
    needed = minimum_samples(q)
    if n < needed:
        raise TooFewSamples(f"p{100 * q:g} needs {needed} samples, there are {n}")
