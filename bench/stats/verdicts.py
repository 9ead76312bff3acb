"""From an interval to a word, by a rule that is fixed before the run.

Neighbours: `paired` and `multiplicity` give the interval; the experiments name the questions and
write them down.
"""

from dataclasses import dataclass
from math import exp, log
from typing import Literal

from bench.stats.errors import StatisticsError
from bench.stats.paired import PairedRatio
from bench.stats.precision import MIN_VALID_BLOCKS

Word = Literal[
    "supported",
    "refuted",
    "no difference shown",
    "inconclusive",
    "invalid",
    "reached",
    "not reached",
]
Claim = Literal["greater", "less", "different"]  # what is claimed of numerator / denominator

# Smallest relative effect worth a word, by the kind of metric.
THRESHOLDS: dict[str, float] = {
    "p50": 0.03,
    "cpu": 0.03,
    "p95": 0.10,
    "p99": 0.10,
    "throughput_rps": 0.03,
    "capacity_rps": 0.10,
}


@dataclass(frozen=True, slots=True)
class Decision:
    """The word and, in one sentence, why."""

    word: Word
    reason: str


def threshold_for(kind: str) -> float:
    """Return the relative threshold of a metric kind (p50, cpu: 0.03; p95, p99: 0.10)."""
    if kind not in THRESHOLDS:
        raise StatisticsError(f"no threshold for metric kind '{kind}'")
    return THRESHOLDS[kind]


def decide(
    ratio: PairedRatio,
    *,
    claim: Claim,
    kind: str,
    min_blocks: int = MIN_VALID_BLOCKS,
    unit: str = "valid blocks",
) -> Decision:
    """Return the verdict on 'numerator / denominator is greater | less | different'.

    Different: the interval excludes 1 AND |log estimate| is at least log(1 + threshold). No
    difference shown: the whole interval inside 1/(1+threshold) ... 1+threshold. Everything else,
    and fewer than `min_blocks` valid blocks, is inconclusive. Thresholds are symmetric in the
    logarithm, so swapping numerator and denominator never changes the word.
    """
    threshold = threshold_for(kind)
    limit = log(1.0 + threshold)
    if ratio.n_blocks < min_blocks:
        return Decision("inconclusive", f"{ratio.n_blocks} {unit}, {min_blocks} are needed")
    if ratio.low >= exp(-limit) and ratio.high <= exp(limit):
        return Decision("no difference shown", f"whole interval within ±{threshold:.0%}")
    if ratio.low <= 1.0 <= ratio.high:
        return Decision("inconclusive", f"interval holds 1 and reaches beyond ±{threshold:.0%}")
    if abs(ratio.log_mean) < limit:
        return Decision("inconclusive", f"interval excludes 1, effect below {threshold:.0%}")
    return _directed(claim, ratio.estimate > 1.0)


def decide_difference(low: float, high: float, *, margin: float, unit: str) -> Decision:
    """Return whether a difference with its interval is one of at least `margin`, both in `unit`.

    The same rule as for a ratio, of which 'different' is claimed: the interval excludes 0 and its
    middle is at least `margin` away; no difference shown: the whole interval within ± `margin`.
    """
    if -margin <= low and high <= margin:
        return Decision("no difference shown", f"whole interval within ±{margin:g} {unit}")
    if low <= 0.0 <= high:
        return Decision("inconclusive", f"interval holds 0 and reaches beyond ±{margin:g} {unit}")
    if abs(low + high) / 2 < margin:
        return Decision("inconclusive", f"interval excludes 0, effect below {margin:g} {unit}")
    return Decision("supported", f"{(low + high) / 2:+.3g} {unit}")


def decide_share(ratio: PairedRatio, *, target: float, bound: float) -> Decision:
    """Return whether numerator / denominator reaches a target share.

    Reached: estimate >= target and lower end >= bound. Not reached: the whole interval below the
    target. Everything else, and fewer than 6 blocks, is inconclusive.
    """
    if ratio.n_blocks < MIN_VALID_BLOCKS:
        reason = f"{ratio.n_blocks} valid blocks, {MIN_VALID_BLOCKS} are needed"
        return Decision("inconclusive", reason)
    if ratio.estimate >= target and ratio.low >= bound:
        return Decision("reached", f"estimate at least {target:g}, interval from {bound:g} on")
    if ratio.high < target:
        return Decision("not reached", f"whole interval below {target:g}")
    return Decision("inconclusive", f"interval holds {target:g} and begins below {bound:g}")


def _directed(claim: Claim, greater: bool) -> Decision:
    side = "above" if greater else "below"
    if claim == "different" or (claim == "greater") == greater:
        return Decision("supported", f"interval and effect lie {side} 1 beyond the threshold")
    return Decision("refuted", f"the opposite: interval and effect lie {side} 1")
