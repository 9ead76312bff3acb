"""Ratios of two deployments over paired blocks: the t interval.

Neighbours: `multiplicity` picks the level, `verdicts` turns an interval into a word.
"""

from dataclasses import dataclass
from math import exp, expm1, sqrt

import numpy as np
import scipy

from bench.stats.arrays import Floats, Numbers, finite_vector
from bench.stats.errors import StatisticsError
from bench.stats.means import difference_of_means, mean_interval


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
    values = finite_vector(logs, "log-ratios")
    found = mean_interval(values, level=level)
    sd = float(values.std(ddof=1))
    return PairedRatio(
        estimate=exp(found.mean),
        low=exp(found.low),
        high=exp(found.high),
        level=level,
        n_blocks=found.n,
        log_mean=found.mean,
        log_sd=sd,
        half_width=expm1(found.high - found.mean),
        p_value=_t_p_value(found.mean, sd, found.n),
    )


def ratio_of_ratios(first: Numbers, second: Numbers, *, level: float = 0.95) -> PairedRatio:
    """Return ratio(first) / ratio(second) of two INDEPENDENT sets of log-ratios (Welch's t).

    `n_blocks` is the smaller set. Raises TooFewSamples below 2 blocks on a side.
    """
    found = difference_of_means(first, second, level=level)
    a, b = np.asarray(first, float), np.asarray(second, float)
    error = sqrt(float(a.var(ddof=1)) / a.size + float(b.var(ddof=1)) / b.size)
    return PairedRatio(
        estimate=exp(found.mean),
        low=exp(found.low),
        high=exp(found.high),
        level=level,
        n_blocks=found.n,
        log_mean=found.mean,
        log_sd=error * sqrt(found.n),
        half_width=expm1(found.high - found.mean),
        p_value=found.p_value,
    )


def _t_p_value(mean: float, sd: float, n: int) -> float:
    if sd == 0.0:
        return float(mean == 0.0)
    return 2.0 * float(scipy.stats.t.sf(abs(mean) / (sd / sqrt(n)), n - 1))
