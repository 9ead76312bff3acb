"""When a disturbed series is steady again, by a rule that is fixed before the run. Pure.

Neighbours: `bench.experiments.failure.findings` counts visits by the second.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np

from bench.stats.arrays import Numbers, finite_vector
from bench.stats.errors import StatisticsError

STEADY_SECONDS = 3
TOLERANCE = 0.05  # of the visits of the same second of the control, at least one visit


@dataclass(frozen=True, slots=True)
class Recovery:
    """`affected`: some second was out of tolerance. Times in whole seconds, None: not seen.

    `time_s`: from the onset to the first of three steady seconds; `lag_s`: from the clearing to
    it, 0 if it was steady by then.
    """

    affected: bool
    time_s: float | None
    lag_s: float | None


def find_recovery(served: Numbers, control: Numbers, cleared_s: float) -> Recovery:
    """Return when `served` is back within tolerance of `control`.

    Both of shape (seconds,): visits of each second since the onset that were served, due in that
    second. Back is the first of three consecutive seconds within tolerance after a second that
    was not: after the clearing, or before it if no second up to the clearing is out again. A
    shop that was never out of tolerance recovered in 0 s. Raises StatisticsError unless both have
    the same length.
    """
    seen, usual = finite_vector(served), finite_vector(control)
    if seen.size != usual.size:
        raise StatisticsError(f"{seen.size} seconds against {usual.size}")
    steady = seen >= usual - np.maximum(1.0, TOLERANCE * usual)
    if steady.all():
        return Recovery(False, 0.0, 0.0)
    during = np.flatnonzero(~steady[: ceil(cleared_s)])
    start = int(during[-1]) + 1 if during.size else int(np.flatnonzero(~steady)[0]) + 1
    for second in range(start, steady.size - STEADY_SECONDS + 1):
        if steady[second : second + STEADY_SECONDS].all():
            return Recovery(True, float(second), max(0.0, second - cleared_s))
    return Recovery(True, None, None)
