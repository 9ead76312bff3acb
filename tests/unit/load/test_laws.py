"""Arrivals against the law they are drawn from, contents against the mixes' shares, and the
quantiles of rows against other people's definitions. All with fixed seeds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from scipy.stats import mstats

from bench.engine.window import read_window
from bench.load.mixes import JOURNEYS, MIXES
from bench.load.schedule import ScheduleSpec, arrival_times, build_schedule
from bench.results.journal import rows_table
from bench.stats.quantiles import exact_quantile

RATE = 500.0
WRITES = {"order", "order_cancel", "deposit"}
MANY = ScheduleSpec("product_read", RATE, 1, 0.0, 0.0, 200.0)  # 100,000 arrivals


def times_of(seed: int) -> np.ndarray:
    spec = ScheduleSpec("product_read", RATE, seed, 0.0, 0.0, 40.0)
    return np.asarray(list(arrival_times(spec)))


def test_gaps_of_twenty_schedules_are_exponential() -> None:
    """Were they, one of 20 p-values is below 0.05 on average; the p-values are uniform."""
    values = [
        stats.kstest(np.diff(times_of(seed)), "expon", args=(0, 1 / RATE)).pvalue
        for seed in range(20)
    ]
    assert stats.kstest(values, "uniform").pvalue > 0.01
    assert min(values) > 0.0005


def test_the_test_of_the_gaps_finds_another_law() -> None:
    """Think times of closed users drawn uniformly would pass no such test."""
    gaps = np.random.default_rng(1).uniform(0, 2 / RATE, 20_000)
    assert stats.kstest(gaps, "expon", args=(0, 1 / RATE)).pvalue < 1e-6


@pytest.mark.parametrize("window_s", [0.02, 0.2, 2.0])
def test_counts_disperse_as_poissons_on_every_scale(window_s: float) -> None:
    """Variance / mean of the counts is 1: (n - 1) times it is chi-square with n - 1 degrees."""
    times = np.asarray(list(arrival_times(MANY)))
    counts = np.histogram(times, bins=np.arange(0, MANY.measured_s + 1e-9, window_s))[0]
    statistic = (counts.size - 1) * counts.var(ddof=1) / counts.mean()
    tail = stats.chi2.cdf(statistic, counts.size - 1)
    assert 0.001 < tail < 0.999


def test_a_gap_says_nothing_about_the_next_one() -> None:
    gaps = np.diff(list(arrival_times(MANY)))
    correlation = np.corrcoef(gaps[:-1], gaps[1:])[0, 1]
    assert abs(correlation) < 4 / math.sqrt(gaps.size)


def test_the_mean_rate_is_the_offered_one_after_the_primer() -> None:
    spec = ScheduleSpec("product_read", RATE, 3, 5.0, 5.0, 50.0)
    times = np.asarray(list(arrival_times(spec)))
    after = (times >= 5.0).sum()
    assert abs(after - RATE * 55) < 4 * math.sqrt(RATE * 55)


def test_a_workers_share_of_a_schedule_is_as_regular_as_round_robin_makes_it() -> None:
    """Every second arrival of a Poisson stream: Erlang-2 gaps, at half the rate."""
    gaps = np.diff(times_of(5)[::2])
    assert stats.kstest(gaps, "gamma", args=(2, 0, 1 / RATE)).pvalue > 0.001


@pytest.mark.parametrize("mix", ["browse", "checkout", "mixed"])
def test_journeys_come_in_the_shares_of_the_mix(mix: str) -> None:
    visits = build_schedule(ScheduleSpec(mix, 800.0, 6, 0.0, 0.0, 30.0)).visits
    seen = Counter(visit.journey for visit in visits)
    weights = dict(MIXES[mix].weights)
    assert set(seen) == set(weights)
    expected = [weights[name] * len(visits) for name in seen]
    assert stats.chisquare(list(seen.values()), expected).pvalue > 0.001


@pytest.mark.parametrize(("mix", "reads"), [("browse", 0.90), ("mixed", 0.84), ("checkout", 0.57)])
def test_the_share_of_reads_is_what_the_weights_say(mix: str, reads: float) -> None:
    """From the weights exactly; in a drawn schedule within four standard errors."""
    weights = MIXES[mix].weights
    steps = [(weight, name) for journey, weight in weights for name in JOURNEYS[journey]]
    stated = sum(w for w, name in steps if name not in WRITES) / sum(w for w, _ in steps)
    assert stated == pytest.approx(reads, abs=0.015)
    visits = build_schedule(ScheduleSpec(mix, 1500.0, 7, 0.0, 0.0, 20.0)).visits
    names = [name for visit in visits for name in JOURNEYS[visit.journey]]
    drawn = sum(name not in WRITES for name in names) / len(names)
    assert abs(drawn - stated) < 4 * math.sqrt(stated * (1 - stated) / len(visits))


class HighDynamicRange:
    """Values in buckets of the layout of HdrHistogram, three significant digits, in us."""

    HALF = 1024  # 2,048 sub-buckets: the power of two above 2 x 10^3

    def __init__(self, values_us: np.ndarray) -> None:
        self.counts = Counter(self.bucket(int(value)) for value in values_us)
        self.total = values_us.size

    def bucket(self, value: int) -> int:
        """The largest value that is counted together with this one."""
        width = 1 << max(0, value.bit_length() - self.HALF.bit_length())
        return value // width * width + width - 1

    def value_at(self, q: float) -> int:
        """As `getValueAtPercentile`: the first bucket that holds the rank."""
        wanted, seen = math.ceil(q * self.total), 0
        for value in sorted(self.counts):
            seen += self.counts[value]
            if seen >= wanted:
                return value
        raise AssertionError("no rank")


@pytest.fixture(scope="module")
def response_ms() -> np.ndarray:
    """Two modes and a tail, as of cached and uncached reads."""
    rng = np.random.default_rng(4)
    values = np.concatenate([rng.lognormal(1, 0.3, 8000), rng.lognormal(4, 0.6, 2000)])
    return rng.permutation(values)


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99, 0.999])
@pytest.mark.parametrize(
    ("other", "tolerance"),
    [
        (lambda values, q: np.quantile(values, q, method="inverted_cdf"), 0.0),
        (lambda values, q: HighDynamicRange(values * 1000).value_at(q) / 1000, 0.001),
        (lambda values, q: mstats.mquantiles(values, [q], alphap=1, betap=1)[0], 0.01),
    ],
    ids=["numpy", "hdr", "scipy"],
)
def test_quantiles_agree_with_other_definitions(
    response_ms: np.ndarray, q: float, other: Callable[..., float], tolerance: float
) -> None:
    assert exact_quantile(response_ms, q) == pytest.approx(other(response_ms, q), rel=tolerance)


def test_the_windows_send_lag_comes_from_its_raw_rows(response_ms: np.ndarray) -> None:
    n = response_ms.size
    due = np.arange(n) / 1000
    lag = np.random.default_rng(2).exponential(0.0001, n)
    columns = {
        "due_s": due,
        "sent_s": due + lag,
        "done_s": due + response_ms / 1000,
        "status": np.full(n, 200),
        "bytes": np.full(n, 2),
        "operation": ["wallet_read"] * n,
        "journey": ["account"] * n,
        "error": [""] * n,
        "visit": np.arange(n),
        "app_ms": np.full(n, np.nan),
        "db_ms": np.full(n, np.nan),
    }
    window = read_window(rows_table(columns), 0.0, 10.0)
    assert window.lag_ms_p99 == pytest.approx(
        np.quantile(lag * 1000, 0.99, method="inverted_cdf"), rel=1e-6
    )
