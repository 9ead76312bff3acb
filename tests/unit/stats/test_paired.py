"""Paired ratios against published examples, and simulated coverage."""

from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from bench.stats.errors import StatisticsError, TooFewSamples
from bench.stats.paired import log_ratios, paired_ratio, ratio_of_ratios

# Student (1908), hours of extra sleep; R: t = 4.0621, p = 0.002833, 0.7001142 ... 2.4598858.
SLEEP = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]


def test_t_interval_matches_students_sleep() -> None:
    ratio = paired_ratio(SLEEP)
    assert ratio.log_mean == pytest.approx(1.58)
    assert ratio.p_value == pytest.approx(0.002833, abs=1e-6)
    assert (log(ratio.low), log(ratio.high)) == pytest.approx((0.7001142, 2.4598858), abs=1e-6)
    assert ratio.estimate * (1 + ratio.half_width) == pytest.approx(ratio.high)


def test_log_ratios_pair_block_by_block() -> None:
    assert log_ratios([2.0, 3.0], [1.0, 6.0]) == pytest.approx([log(2), -log(2)])


@pytest.mark.parametrize(
    ("top", "bottom"), [([1.0], [1.0, 2.0]), ([0.0], [1.0]), ([1.0], [-1.0]), ([np.nan], [1.0])]
)
def test_pairs_that_make_no_ratio_are_refused(top: list[float], bottom: list[float]) -> None:
    with pytest.raises(StatisticsError):
        log_ratios(top, bottom)


def test_one_block_has_no_interval() -> None:
    with pytest.raises(TooFewSamples):
        paired_ratio([0.1])


def test_identical_blocks_give_a_point() -> None:
    same, one = paired_ratio([0.5] * 6), paired_ratio([0.0] * 6)
    assert (same.low, same.high, same.p_value) == (exp(0.5), exp(0.5), 0.0)
    assert (one.estimate, one.p_value) == (1.0, 1.0)


@given(st.lists(st.floats(-2, 2), min_size=2, max_size=30))
def test_swapping_the_arms_inverts_estimate_and_interval(logs: list[float]) -> None:
    there, back = paired_ratio(logs), paired_ratio([-x for x in logs])
    assert there.estimate * back.estimate == pytest.approx(1.0)
    assert (there.low * back.high, there.high * back.low) == pytest.approx((1.0, 1.0))


@pytest.mark.parametrize("n", [6, 10, 20])
@pytest.mark.parametrize("shape", ["normal", "skewed"])
def test_t_interval_covers_93_to_97_percent(n: int, shape: str) -> None:
    rng = np.random.default_rng(n)
    hits = 0
    for _ in range(2000):
        noise = rng.normal(0, 0.05, n)
        if shape == "skewed":  # block noise of a shared machine: a few slow blocks
            noise = noise + (rng.gamma(4.0, 0.01, n) - 0.04)
        ratio = paired_ratio(0.2 + noise)
        hits += ratio.low <= exp(0.2) <= ratio.high
    assert 0.93 <= hits / 2000 <= 0.97


def test_two_independent_runs_compare_by_welch() -> None:
    rng = np.random.default_rng(8)
    a, b = rng.normal(0.3, 0.02, 8), rng.normal(0.2, 0.08, 12)
    found = ratio_of_ratios(a, b)
    expected = scipy_stats.ttest_ind(a, b, equal_var=False)
    assert found.p_value == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert (log(found.low), log(found.high)) == pytest.approx((interval.low, interval.high))
    assert ratio_of_ratios([0.1, 0.1], [0.1, 0.1]).p_value == 1.0
