"""Was the warm-up long enough? From the measured window: do response times still move?

A trial that drifts is flagged, not failed; `warmup` decides what follows from it. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.stats.errors import TooFewSamples
from bench.stats.trend import drifting

SLICES = 10
MIN_PER_SLICE = 5  # answers, on average: a median of fewer says little
TOLERANCE = 0.05  # of the median, over the window
LEVEL = 0.95  # for all operations of a trial together


@dataclass(frozen=True)
class Drift:
    """`change`: relative change over the window of the operation that moved most surely."""

    change: float
    found: bool


def find_drift(
    operations: NDArray[np.str_], at_s: NDArray[np.float64], times_s: NDArray[np.float64]
) -> Drift | None:
    """Test the medians of ten slices of time for a trend, operation by operation.

    Found: a trend significant at 95 % after Bonferroni over the operations, that moves the median
    by more than 5 %. None: no operation has answers enough, in slices enough.
    """
    names, counts = np.unique(operations, return_counts=True)
    names = names[counts >= SLICES * MIN_PER_SLICE]
    if not names.size or not np.ptp(at_s):
        return None
    level = 1.0 - (1.0 - LEVEL) / names.size
    tested = []
    for name in names:
        mine = operations == name
        window_s = float(np.ptp(at_s[mine])) / SLICES * (1 + 1e-9)
        try:
            found, trend = drifting(
                at_s[mine], times_s[mine], window_s=window_s, tolerance=TOLERANCE, level=level
            )
        except TooFewSamples:  # answered in bursts, as beside a fault: most slices are empty
            continue
        tested.append((not found, trend.p_value, trend.relative_change))
    if not tested:
        return None
    not_found, _, change = min(tested)
    return Drift(change, not not_found)
