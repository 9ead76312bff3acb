"""Where a ratio passes 1 as a condition gets worse, and what a unit of the condition costs.

Pure. Neighbours: `paired` gives the ratio at one level, `means` the interval of slopes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bench.stats.arrays import Floats, Numbers, finite_vector
from bench.stats.errors import StatisticsError, TooFewSamples
from bench.stats.means import MeanInterval, mean_interval

Side = Literal["crosses", "always above", "always below"]


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where the mean log-ratio passes 0, in the unit of the levels.

    `side`: whether it does within the levels, else on which side it stays. `interval`: t interval
    of the blocks' own crossings, None unless every block crosses. `crossed` of `n_blocks` do.
    """

    side: Side
    at: float | None
    interval: MeanInterval | None
    crossed: int
    n_blocks: int


def crossing_point(levels: Numbers, logs: Numbers) -> float | None:
    """Return the first level at which linearly interpolated log-ratios pass 0, None if never.

    `levels` shape (k,), increasing; `logs` shape (k,). Exactly 0 at a level counts.
    """
    x, y = finite_vector(levels, "levels"), finite_vector(logs, "log-ratios")
    if x.shape != y.shape or x.size < 2 or (np.diff(x) <= 0).any():
        raise StatisticsError("a crossing needs two or more increasing levels, each with a ratio")
    for i in range(x.size - 1):
        if y[i] == 0.0:
            return float(x[i])
        if y[i] * y[i + 1] < 0.0:
            return float(x[i] + (x[i + 1] - x[i]) * y[i] / (y[i] - y[i + 1]))
    return float(x[-1]) if y[-1] == 0.0 else None


def crossing(levels: Numbers, blocks: Sequence[Numbers]) -> Crossing:
    """Return where the ratio passes 1: of the mean curve, with the blocks' own as the interval.

    `blocks[b]` are one block's log-ratios, shape (k,), one for each level. Raises TooFewSamples
    without blocks.
    """
    if not blocks:
        raise TooFewSamples("no block has every level")
    curves = np.vstack([finite_vector(block, "log-ratios") for block in blocks])
    mean: Floats = curves.mean(axis=0)
    at = crossing_point(levels, mean)
    own = [point for curve in curves if (point := crossing_point(levels, curve)) is not None]
    side: Side = "crosses"
    if at is None:
        side = "always above" if mean[0] > 0 else "always below"
    every = at is not None and len(own) == len(curves) and len(own) >= 2
    return Crossing(side, at, mean_interval(own) if every else None, len(own), len(curves))


def slope(levels: Numbers, values: Numbers) -> float:
    """Return the least-squares slope of values on levels, both shape (k,), k >= 2 distinct."""
    x, y = finite_vector(levels, "levels"), finite_vector(values, "values")
    if x.shape != y.shape or np.unique(x).size < 2:
        raise StatisticsError("a slope needs two or more different levels, each with a value")
    centred = x - x.mean()
    return float((centred * (y - y.mean())).sum() / (centred**2).sum())
