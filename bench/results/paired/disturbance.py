"""Do deployments disturb each other by being up together?

Each cools the caches of the next, so that a larger footprint might pay more. Rounds of two and
rounds of all take turns in the same start, and a ratio is compared within the start. Neighbours:
`rounds` has the ratios, `judge` takes the named ones from rounds of two where this says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

from bench.results.paired.rounds import METRICS, Metric, PairedRounds
from bench.stats.paired import PairedRatio, paired_ratio
from bench.stats.rounds import MIN_STARTS

EXPERIMENT_OF_TWO = "latency-two"  # of the trials in rounds of two
LIMIT = 0.03  # a ratio that moves by more is not taken from rounds of all


@dataclass(frozen=True)
class Shift:
    """A ratio in rounds of two and of all: one pair of log-ratios a start."""

    role: str
    metric: Metric
    two: tuple[float, ...]
    all: tuple[float, ...]

    @property
    def moved(self) -> PairedRatio:
        """The ratio in rounds of all over that in rounds of two. Raises StatisticsError below 2."""
        return paired_ratio([b - a for a, b in zip(self.two, self.all, strict=True)])

    @property
    def too_far(self) -> bool:
        """Whether it moved by more than the limit; never from fewer than 6 starts."""
        return len(self.two) >= MIN_STARTS and exp(abs(self.moved.log_mean)) > 1 + LIMIT


def shifts_of(
    two: PairedRounds,
    everybody: PairedRounds,
    pair: tuple[str, str],
    roles: Sequence[str],
    turns: int = 1,
) -> list[Shift]:
    """Every ratio of a pair, by start. A start's trials are numbered start x `turns` + turn.

    Only starts that have the ratio both ways count; of several turns the mean log-ratio.
    """
    found = []
    for role in roles:
        for metric in METRICS:
            in_two, in_all = (_by_start(r, pair, role, metric, turns) for r in (two, everybody))
            both = [number for number in in_two if number in in_all]
            logs = [tuple(each[number] for number in both) for each in (in_two, in_all)]
            found.append(Shift(role, metric, *logs))
    return found


def _by_start(
    rounds: PairedRounds, pair: tuple[str, str], role: str, metric: Metric, turns: int
) -> dict[int, float]:
    logs = rounds.logs(*pair, role, metric)
    held: dict[int, list[float]] = {}
    for number, value in zip(logs.numbers, logs.logs, strict=True):
        held.setdefault(number // turns, []).append(value)
    return {number: sum(values) / len(values) for number, values in sorted(held.items())}
