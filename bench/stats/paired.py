"""Ratios of two deployments over paired blocks: the t interval, and two second opinions.

Neighbours: `multiplicity` picks the level, `verdicts` turns an interval into a word.
"""

from dataclasses import dataclass
from math import exp, expm1, sqrt

import numpy as np
import scipy

from bench.stats.arrays import Floats, Numbers, check_level, finite_vector
from bench.stats.errors import StatisticsError, TooFewSamples

EXACT_WILCOXON_MAX = 60  # the exact distribution is a convolution of n terms; beyond, t is enough


@dataclass(frozen=True, slots=True)
class PairedRatio:
    """Geometric mean ratio numerator/denominator over `n_blocks` blocks, dimensionless.

    `half_width` is relative: the interval is estimate / (1 + hw) ... estimate * (1 + hw).
    `p_value` is two-sided for 'the ratio is 1'.
    """

    estimate: float
    low: float
    high: float
    level: float
    n_blocks: int
    log_mean: float
    log_sd: float
    half_width: float
    p_value: float


@dataclass(frozen=True, slots=True)
class HodgesLehmann:
    """Median of the Walsh averages, as a ratio, with the exact signed-rank interval.

    `level` is the level reached (discrete), the smallest one not below the one asked for.
    """

    estimate: float
    low: float
    high: float
    level: float


def log_ratios(numerator: Numbers, denominator: Numbers) -> Floats:
    """Return log(numerator / denominator) block by block; both shape (n,), same unit, > 0."""
    top, bottom = finite_vector(numerator, "numerator"), finite_vector(denominator, "denominator")
    if top.shape != bottom.shape:
        raise StatisticsError(f"pairs differ in number: {top.size} and {bottom.size}")
    if (top <= 0).any() or (bottom <= 0).any():
        raise StatisticsError("a ratio needs positive values on both sides")
    return np.log(top) - np.log(bottom)


def paired_ratio(logs: Numbers, *, level: float = 0.95) -> PairedRatio:
    """Return exp(mean) of the blocks' log-ratios with the t interval, n-1 degrees of freedom.

    Not a bootstrap: with 5 blocks a percentile bootstrap at 95 % covers 83 %.
    Raises TooFewSamples below 2 blocks.
    """
    check_level(level)
    values = finite_vector(logs, "log-ratios")
    n = values.size
    if n < 2:
        raise TooFewSamples(f"an interval needs at least 2 blocks, there are {n}")
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    reach = float(scipy.stats.t.ppf(0.5 + level / 2.0, n - 1)) * sd / sqrt(n)
    return PairedRatio(
        estimate=exp(mean),
        low=exp(mean - reach),
        high=exp(mean + reach),
        level=level,
        n_blocks=n,
        log_mean=mean,
        log_sd=sd,
        half_width=expm1(reach),
        p_value=_t_p_value(mean, sd, n),
    )


def ratio_of_ratios(first: Numbers, second: Numbers, *, level: float = 0.95) -> PairedRatio:
    """Return ratio(first) / ratio(second) of two INDEPENDENT sets of log-ratios (Welch's t).

    `n_blocks` is the smaller set. Raises TooFewSamples below 2 blocks on a side.
    """
    check_level(level)
    a, b = finite_vector(first, "first"), finite_vector(second, "second")
    if min(a.size, b.size) < 2:
        raise TooFewSamples("an interval needs at least 2 blocks on each side")
    var_a, var_b = float(a.var(ddof=1)) / a.size, float(b.var(ddof=1)) / b.size
    error = sqrt(var_a + var_b)
    mean = float(a.mean() - b.mean())
    if error == 0.0:
        freedom = float(a.size + b.size - 2)
    else:
        freedom = (var_a + var_b) ** 2 / (var_a**2 / (a.size - 1) + var_b**2 / (b.size - 1))
    reach = float(scipy.stats.t.ppf(0.5 + level / 2.0, freedom)) * error
    p_value = (
        2.0 * float(scipy.stats.t.sf(abs(mean) / error, freedom)) if error else float(mean == 0.0)
    )
    n = min(a.size, b.size)
    return PairedRatio(
        estimate=exp(mean),
        low=exp(mean - reach),
        high=exp(mean + reach),
        level=level,
        n_blocks=n,
        log_mean=mean,
        log_sd=error * sqrt(n),
        half_width=expm1(reach),
        p_value=p_value,
    )


def hodges_lehmann(logs: Numbers, *, level: float = 0.95) -> HodgesLehmann:
    """Return the Hodges-Lehmann ratio and its exact interval from the ordered Walsh averages.

    Interval: W_(k) ... W_(M+1-k), M = n(n+1)/2, k the largest with P(T+ <= k-1) <= (1-level)/2
    (Hollander & Wolfe, 3.3). Raises TooFewSamples where n is too small for the level
    (95 % needs 6 blocks).
    """
    check_level(level)
    values = finite_vector(logs, "log-ratios")
    rows, columns = np.triu_indices(values.size)
    walsh = np.sort((values[rows] + values[columns]) / 2.0)
    if not walsh.size:
        raise TooFewSamples("no blocks")
    below = np.cumsum(_signed_rank_pmf(np.arange(1, values.size + 1) * 2)[::2])
    k = int(np.searchsorted(below, (1.0 - level) / 2.0 + 1e-12, side="right"))
    if k < 1:
        raise TooFewSamples(f"{values.size} blocks give no {level:.0%} signed-rank interval")
    reached = 1.0 - 2.0 * float(below[k - 1])
    low, high = float(walsh[k - 1]), float(walsh[walsh.size - k])
    return HodgesLehmann(exp(float(np.median(walsh))), exp(low), exp(high), reached)


def wilcoxon_signed_rank(logs: Numbers) -> float:
    """Return the exact two-sided p-value of Wilcoxon's signed-rank test for 'the ratio is 1'.

    Zeros are dropped (Wilcoxon's rule), ties get midranks, and the null distribution is that of
    the observed ranks, so it stays exact with ties. All zeros: 1. Raises TooFewSamples without
    blocks and StatisticsError above 60 blocks.
    """
    values = finite_vector(logs, "log-ratios")
    if not values.size:
        raise TooFewSamples("no blocks")
    if values.size > EXACT_WILCOXON_MAX:
        raise StatisticsError(f"exact only up to {EXACT_WILCOXON_MAX} blocks, got {values.size}")
    nonzero = values[values != 0.0]
    if not nonzero.size:
        return 1.0
    doubled = np.rint(2.0 * scipy.stats.rankdata(np.abs(nonzero))).astype(np.int64)
    pmf = _signed_rank_pmf(doubled)
    positive = int(doubled[nonzero > 0.0].sum())
    smaller = min(positive, int(doubled.sum()) - positive)
    return min(1.0, 2.0 * float(pmf[: smaller + 1].sum()))


def _signed_rank_pmf(doubled_ranks: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
    """P(sum of a random subset of the ranks), index = twice the sum (midranks are halves)."""
    pmf = np.zeros(int(doubled_ranks.sum()) + 1)
    pmf[0] = 1.0
    for rank in doubled_ranks:
        shifted = np.zeros_like(pmf)
        shifted[rank:] = pmf[: pmf.size - rank]
        pmf = (pmf + shifted) / 2.0
    return pmf


def _t_p_value(mean: float, sd: float, n: int) -> float:
    if sd == 0.0:
        return float(mean == 0.0)
    return 2.0 * float(scipy.stats.t.sf(abs(mean) / (sd / sqrt(n)), n - 1))
