"""Intervals of rare counts against published values and against simulation."""

import numpy as np
import pytest

from bench.stats.counts import poisson_rate, share_ratio
from bench.stats.errors import StatisticsError, TooFewSamples


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.390), (100, 81.364, 121.627)],
)
def test_poisson_intervals_are_the_published_ones(count: int, low: float, high: float) -> None:
    found = poisson_rate(count, 1.0)
    assert (found.low, found.high) == (pytest.approx(low, abs=2e-3), pytest.approx(high, abs=2e-3))
    assert poisson_rate(count, 4.0).high == pytest.approx(found.high / 4)


def test_the_ratio_of_shares_covers_the_truth() -> None:
    rng = np.random.default_rng(7)
    tops, bottoms = rng.binomial(2000, 0.02, 1000), rng.binomial(2000, 0.01, 1000)
    found = [
        share_ratio((int(a), 2000), (int(b), 2000)) for a, b in zip(tops, bottoms, strict=True)
    ]
    covered = np.mean([each.low <= 2.0 <= each.high for each in found])
    assert 0.93 <= covered <= 0.98


def test_a_count_of_nothing_still_has_an_interval() -> None:
    found = share_ratio((50, 1000), (0, 1000))
    assert 1 < found.low < found.estimate < found.high < float("inf")
    even = share_ratio((0, 1000), (0, 1000))
    assert even.estimate == pytest.approx(1.0)
    assert even.low < 1 < even.high


@pytest.mark.parametrize("top", [(1, 0), (0, 0)])
def test_a_share_of_nothing_is_refused(top: tuple[int, int]) -> None:
    with pytest.raises(TooFewSamples):
        share_ratio(top, (0, 10))


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(StatisticsError):
        share_ratio((11, 10), (0, 10))
    with pytest.raises(StatisticsError):
        poisson_rate(-1, 1.0)
    with pytest.raises(TooFewSamples):
        poisson_rate(1, 0.0)
