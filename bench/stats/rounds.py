"""Paired rounds: round -> cluster of a second -> start, and when enough starts were made.

A round sends one request to every deployment, so what slows the machine slows all of them. Rounds
of one second are close to each other (a cluster); starts of the same code differ by more than
rounds do, so the start is the unit: `paired.paired_ratio` takes one log-ratio a start. Source of
the idea: Bulej et al., Duet Benchmarking, ICPE 2020. Neighbours: `paired`, `verdicts`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import expm1, log

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from bench.stats.arrays import Floats, Numbers, finite_vector
from bench.stats.errors import StatisticsError, TooFewSamples
from bench.stats.paired import paired_ratio
from bench.stats.verdicts import threshold_for

CLUSTER_S = 1.0
MIN_ROUNDS = 3  # in a cluster: fewer make no median
MIN_STARTS = 6
HALF_WIDTH = 0.025  # relative, at 95 %: narrow enough whatever it says
CLEAR = 0.8  # of the distance to the rule's nearest boundary: the interval's width that decides


@dataclass(frozen=True, slots=True)
class RoundLogs:
    """Log-ratios of the rounds both sides answered in, and those that were left out.

    `at_s` and `logs` have shape (rounds,). One side wrong: +inf or -inf, as if it had taken for
    ever. `both_wrong`: rounds left out because neither side was right.
    """

    at_s: Floats
    logs: Floats
    both_wrong: int


@dataclass(frozen=True, slots=True)
class StartRatio:
    """One start: the mean of its clusters' medians, and how it drifted while it was measured.

    `rounds` is how many it is made of. `drift` is the change of the log-ratio over the whole
    stretch by a straight line through the clusters; `clusters` their number, `sd` the standard
    deviation of their medians (log units).
    """

    log_ratio: float
    rounds: int
    clusters: int
    sd: float
    drift: float

    @property
    def half_width(self) -> float:
        """Relative half-width at 95 % over the clusters: of this one start, others may differ."""
        t = float(scipy.stats.t.ppf(0.975, self.clusters - 1))
        return expm1(t * self.sd / self.clusters**0.5)


def round_logs(
    at_s: Numbers,
    numerator: Numbers,
    denominator: Numbers,
    wrong: tuple[NDArray[np.bool_], NDArray[np.bool_]],
) -> RoundLogs:
    """Return log(numerator / denominator) of each round; all inputs shape (rounds,), times > 0.

    `wrong` marks the rounds in which the numerator's and the denominator's answer was wrong.
    """
    when = finite_vector(at_s, "at_s")
    top, bottom = finite_vector(numerator, "numerator"), finite_vector(denominator, "denominator")
    if not when.shape == top.shape == bottom.shape == wrong[0].shape == wrong[1].shape:
        raise StatisticsError("a round needs its moment and both its times")
    if (top <= 0).any() or (bottom <= 0).any():
        raise StatisticsError("a ratio needs positive times on both sides")
    logs = np.log(top) - np.log(bottom)
    logs[wrong[0]] = np.inf
    logs[wrong[1]] = -np.inf
    kept = ~(wrong[0] & wrong[1])
    return RoundLogs(when[kept], logs[kept], int((~kept).sum()))


def cluster_medians(
    rounds: RoundLogs, *, cluster_s: float = CLUSTER_S, least: int = MIN_ROUNDS
) -> tuple[Floats, Floats]:
    """Return (moment, median log-ratio) of each cluster that holds at least `least` rounds."""
    number = np.floor(rounds.at_s / cluster_s).astype(np.int64)
    moments, medians = [], []
    for each in np.unique(number):
        logs = rounds.logs[number == each]
        if logs.size >= least:
            moments.append((float(each) + 0.5) * cluster_s)
            medians.append(float(np.median(logs)))
    return np.array(moments), np.array(medians)


def start_ratio(rounds: RoundLogs, *, cluster_s: float = CLUSTER_S) -> StartRatio:
    """Return the log-ratio of one start.

    Raises TooFewSamples without two clusters, and where one side was wrong in half of a
    cluster's rounds: then there is no time to compare.
    """
    moments, medians = cluster_medians(rounds, cluster_s=cluster_s)
    if medians.size < 2:
        raise TooFewSamples(f"{medians.size} seconds with {MIN_ROUNDS} rounds, 2 are needed")
    if not np.isfinite(medians).all():
        raise TooFewSamples("one side answered wrongly in half of a second's rounds")
    slope = float(scipy.stats.linregress(moments, medians).slope)
    return StartRatio(
        log_ratio=float(medians.mean()),
        rounds=int(rounds.logs.size),
        clusters=int(medians.size),
        sd=float(medians.std(ddof=1)),
        drift=slope * float(np.ptp(moments)),
    )


def weighted_log_ratio(
    shares: Mapping[str, float],
    numerator: Mapping[str, float],
    denominator: Mapping[str, float],
) -> float:
    """Return log(sum of share x value above / the same below), by operation.

    The ratio of a mix: never the median of pooled rows, which asks for the wrong thing where
    operations differ (Simpson). Raises StatisticsError if an operation is missing.
    """
    missing = [name for name in shares if name not in numerator or name not in denominator]
    if missing:
        raise StatisticsError(f"no value for {', '.join(missing)}")
    top = sum(share * numerator[name] for name, share in shares.items())
    bottom = sum(share * denominator[name] for name, share in shares.items())
    if top <= 0 or bottom <= 0:
        raise StatisticsError("a ratio needs positive values on both sides")
    return log(top) - log(bottom)


def enough(logs: Numbers, *, level: float, kind: str) -> str:
    """Return why these starts are enough for a metric, "" if they are not.

    Enough: at least 6 starts, and the 95 % half-width is at most 2.5 %, or the interval at
    `level` (Holm's) is no wider than 0.8 of the distance from the estimate to the nearest
    boundary of the rule (see `verdicts.decide`). Two looks at data cost coverage; that of this
    rule is shown by simulation in `tests/unit/stats/test_rounds.py`.
    """
    values = finite_vector(logs, "log-ratios")
    if values.size < MIN_STARTS:
        return ""
    if paired_ratio(values).half_width <= HALF_WIDTH:
        return f"known to within {HALF_WIDTH:.1%}"
    ratio = paired_ratio(values, level=level)
    width = log(ratio.high) - log(ratio.low)
    if width <= CLEAR * _distance(ratio.log_mean, kind):
        return "its interval is clear of every boundary"
    return ""


def _distance(estimate: float, kind: str) -> float:
    """From a log-ratio to the nearest boundary of the rule: +-threshold."""
    limit = log(1.0 + threshold_for(kind))
    return min(abs(estimate - limit), abs(estimate + limit))


TWIN_LIMIT = 0.02


@dataclass(frozen=True, slots=True)
class Twin:
    """What the same code against itself gave: `off` means that verdicts must not be given."""

    estimate: float
    low: float
    high: float
    n_starts: int
    off: bool


def twin(logs: Numbers) -> Twin:
    """Judge the A/A ratios of the starts: off if 1 is excluded at 95 % and it is 2 % or more away.

    Raises TooFewSamples below 2 starts.
    """
    ratio = paired_ratio(logs)
    excluded = not ratio.low <= 1.0 <= ratio.high
    off = excluded and abs(ratio.log_mean) > log(1.0 + TWIN_LIMIT)
    return Twin(ratio.estimate, ratio.low, ratio.high, ratio.n_blocks, off)


def smallest_effect(
    logs: Numbers, *, starts: int, level: float = 0.95, power: float = 0.9
) -> float:
    """Return the smallest relative effect that `starts` starts would find with this power.

    From the scatter of the starts at hand (log units): (t_level + t_power) x sd / sqrt(starts).
    """
    values = finite_vector(logs, "log-ratios")
    if values.size < 2 or starts < 2:
        raise TooFewSamples("the scatter of starts needs at least 2 of them")
    sd = float(values.std(ddof=1))
    reach = scipy.stats.t.ppf(0.5 + level / 2, starts - 1) + scipy.stats.t.ppf(power, starts - 1)
    return expm1(float(reach) * sd / starts**0.5)
