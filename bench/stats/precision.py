"""When to stop measuring: fixed precision, never significance.

Neighbours: the runner asks after every block; `bench.report` prints the width reached.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.stats.arrays import Numbers
from bench.stats.errors import StatisticsError
from bench.stats.paired import paired_ratio

MIN_VALID_BLOCKS = 6
# Relative half-width of the 95 % interval that is precise enough, by kind of metric.
HALF_WIDTHS: dict[str, float] = {"p50": 0.025, "cpu": 0.025, "p95": 0.08, "p99": 0.08}


@dataclass(frozen=True, slots=True)
class StopDecision:
    """`stop` or go on, and why; `widest` names the metric furthest from its target."""

    stop: bool
    precise: bool
    reason: str
    widest: str


def half_width_target(kind: str) -> float:
    """Return the target half-width of a metric kind (p50, cpu 0.025; p95, p99 0.08)."""
    if kind not in HALF_WIDTHS:
        raise StatisticsError(f"no precision target for metric kind '{kind}'")
    return HALF_WIDTHS[kind]


def stop_rule(
    logs_by_metric: Mapping[str, Numbers],
    kinds: Mapping[str, str],
    *,
    max_blocks: int,
    min_blocks: int = MIN_VALID_BLOCKS,
) -> StopDecision:
    """Decide after a block: stop when every metric is precise enough, or at the block limit.

    `logs_by_metric[name]` are the valid blocks' log-ratios so far, `kinds[name]` one of
    p50 cpu p95 p99. The decision looks at widths only, never at where an interval lies, so
    stopping early does not inflate the false-positive rate the way 'until significant' does.
    Raises StatisticsError without metrics or for an unknown kind.
    """
    if not logs_by_metric:
        raise StatisticsError("the stop rule needs at least one metric")
    blocks = min(len(logs) for logs in logs_by_metric.values())
    if blocks < min_blocks and blocks < max_blocks:
        return StopDecision(False, False, f"{blocks} of at least {min_blocks} valid blocks", "")
    excess = {name: _excess(logs, kinds[name]) for name, logs in logs_by_metric.items()}
    widest = max(excess, key=lambda name: excess[name])
    precise = excess[widest] <= 1.0 and blocks >= min_blocks
    if precise:
        return StopDecision(True, True, f"every interval is narrow enough, {blocks} blocks", widest)
    if blocks >= max_blocks:
        return StopDecision(True, False, f"block limit {max_blocks} reached", widest)
    return StopDecision(False, False, f"{widest} is {excess[widest]:.1f} × its target", widest)


def _excess(logs: Numbers, kind: str) -> float:
    """Half-width over its target; 1 or less is precise enough."""
    if len(logs) < 2:
        return float("inf")
    return paired_ratio(logs).half_width / half_width_target(kind)
