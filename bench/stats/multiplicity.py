"""Several questions from one run: Holm's step-down, with the interval level that matches it.

Neighbours: `paired` supplies p-values and recomputes intervals at the level given here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import scipy.stats
from statsmodels.stats.multitest import multipletests

from bench.stats.errors import StatisticsError

MAX_NAMED_METRICS = 8


@dataclass(frozen=True, slots=True)
class HolmStep:
    """One hypothesis: 1-based `rank` of its p-value, Holm-adjusted p, and its interval level.

    `level` matches the decision: an interval at this level excludes 1 exactly when `rejected`.
    """

    name: str
    rank: int
    p_value: float
    adjusted_p: float
    rejected: bool
    level: float


def holm(
    p_values: Mapping[str, float], *, alpha: float = 0.05, most: int = MAX_NAMED_METRICS
) -> dict[str, HolmStep]:
    """Return Holm's decisions by name (Holm 1979), family-wise error <= alpha.

    Step i of m tests at alpha/(m-i+1) and stops at the first that is not rejected. A rejected
    metric's interval has level 1 - alpha/(m-i+1); all others share the level of the step at
    which the procedure stopped, so that none of their intervals excludes 1.
    `most` is for families that are not metrics, such as all partitions against the best one.
    Raises StatisticsError for more than `most` (the plan names at most 8 metrics) or p outside
    [0, 1].
    """
    if len(p_values) > most:
        raise StatisticsError(f"{len(p_values)} metrics named, the plan allows {most}")
    if not 0.0 < alpha < 1.0:
        raise StatisticsError(f"alpha must lie strictly between 0 and 1, got {alpha}")
    if any(not 0.0 <= p <= 1.0 for p in p_values.values()):
        raise StatisticsError("a p-value lies outside 0 to 1")
    if not p_values:
        return {}
    rejected, adjusted, *_ = multipletests([*p_values.values()], alpha=alpha, method="holm")
    m, found = len(p_values), int(rejected.sum())
    ranks = scipy.stats.rankdata([*p_values.values()], method="ordinal")
    return {
        name: HolmStep(
            name, int(rank), p, float(its), bool(no), 1.0 - alpha / (m - min(int(rank) - 1, found))
        )
        for (name, p), rank, its, no in zip(
            p_values.items(), ranks, adjusted, rejected, strict=True
        )
    }
