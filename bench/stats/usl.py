"""Gunther's Universal Scalability Law: throughput against size, fitted only where it may be.

X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1)); sigma is contention, kappa coherency. All
three are bounded below by 0: a negative one has no meaning. Fewer than six sizes fix nothing:
with four and 3 % of noise the prediction at four times the largest is off by -44 to +55 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import scipy

from bench.stats.arrays import Floats, Numbers, check_level, finite_vector
from bench.stats.errors import StatisticsError, TooFewSamples

MIN_LEVELS = 6
TRUSTED_FACTOR = 2.0  # beyond this many times the largest size measured it is extrapolation


@dataclass(frozen=True, slots=True)
class Usl:
    """The three coefficients; `largest`: the largest size measured."""

    rate: float
    contention: float
    coherency: float
    largest: float

    def at(self, sizes: Numbers) -> Floats:
        """Throughput at these sizes."""
        n = finite_vector(sizes, "sizes")
        delay = self.contention * (n - 1) + self.coherency * n * (n - 1)
        return np.asarray(self.rate * n / (1 + delay), dtype=float)

    def extrapolated(self, sizes: Numbers) -> list[bool]:
        """Which of these sizes lie beyond what the fit may speak of."""
        return [float(n) > TRUSTED_FACTOR * self.largest for n in finite_vector(sizes, "sizes")]


@dataclass(frozen=True, slots=True)
class Band:
    """Mean prediction with its t interval over the blocks' own fits, one value a size."""

    middle: Floats
    low: Floats
    high: Floats
    n_blocks: int


def fit_usl(sizes: Numbers, throughput: Numbers) -> Usl:
    """Fit by least squares of the relative error, coefficients >= 0.

    Raises TooFewSamples below six different sizes, StatisticsError where no fit is found.
    """
    n, x = finite_vector(sizes, "sizes"), finite_vector(throughput, "throughput")
    if n.shape != x.shape:
        raise StatisticsError(f"{n.size} sizes but {x.size} throughputs")
    if len(set(n.tolist())) < MIN_LEVELS:
        raise TooFewSamples(f"the law needs {MIN_LEVELS} sizes, there are {len(set(n.tolist()))}")
    if (n <= 0).any() or (x <= 0).any():
        raise StatisticsError("sizes and throughputs must be positive")

    def off(coefficients: Floats) -> Floats:
        rate, contention, coherency = coefficients
        predicted = rate * n / (1 + contention * (n - 1) + coherency * n * (n - 1))
        return np.asarray(predicted / x - 1, dtype=float)

    start = [float(np.median(x / n)), 0.01, 0.0001]
    found = scipy.optimize.least_squares(off, start, bounds=(0.0, np.inf), x_scale=start)
    if not found.success:
        raise StatisticsError(f"no fit of the scalability law: {found.message}")
    rate, contention, coherency = map(float, found.x)
    return Usl(rate, contention, coherency, float(n.max()))


def usl_band(fits: Sequence[Usl], sizes: Numbers, *, level: float = 0.95) -> Band:
    """The blocks' fits as one band. Raises TooFewSamples below two."""
    check_level(level)
    if len(fits) < 2:
        raise TooFewSamples(f"a band needs at least 2 fits, there are {len(fits)}")
    table = np.array([fit.at(sizes) for fit in fits])
    middle = table.mean(axis=0)
    reach = float(scipy.stats.t.ppf(0.5 + level / 2.0, len(fits) - 1)) / sqrt(len(fits))
    spread = reach * table.std(axis=0, ddof=1)
    return Band(middle, np.maximum(middle - spread, 0.0), middle + spread, len(fits))
