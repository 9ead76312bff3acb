"""Drift detection: finds what moves, ignores what only jitters."""

import numpy as np
import pytest

from bench.stats.errors import StatisticsError, TooFewSamples
from bench.stats.trend import (
    drifting,
    mann_kendall,
    window_medians,
)


def test_five_rising_points_have_tau_1_and_p_2_in_120() -> None:
    trend = mann_kendall(np.arange(5.0), [1.0, 2.0, 4.0, 8.0, 16.0])
    assert (trend.tau, trend.p_value) == pytest.approx((1.0, 2 / 120))


def test_the_slope_is_the_median_of_pairwise_slopes() -> None:
    trend = mann_kendall([0, 1, 2, 3, 4], [1.0, 3.0, 5.0, 7.0, 900.0])
    assert trend.slope == pytest.approx(2.0)
    assert mann_kendall([0, 1, 2, 3, 4], [1.0] * 5).p_value == 1.0


def test_window_medians_leave_empty_windows_out() -> None:
    centres, medians = window_medians([0.0, 0.1, 0.9, 3.2], [1.0, 5.0, 3.0, 7.0], 1.0)
    assert (list(centres), list(medians)) == ([0.5, 3.5], [3.0, 7.0])
    assert window_medians([], [], 1.0)[0].size == 0


def test_a_warm_up_is_seen_and_a_steady_stretch_is_not() -> None:
    rng = np.random.default_rng(9)
    times = np.sort(rng.uniform(0, 20, 4000))
    steady = rng.lognormal(0, 0.4, 4000)
    assert drifting(times, steady * (1 + 0.5 * np.exp(-times / 5)))[0]
    assert not drifting(times, steady)[0]


def test_a_significant_change_too_small_to_feel_is_no_drift() -> None:
    times = np.linspace(0, 30, 3000)
    moved, trend = drifting(times, 100 + 0.05 * times)
    assert trend.p_value < 0.001
    assert not moved


def test_a_steady_series_is_called_drifting_in_few_of_many_trials() -> None:
    rng = np.random.default_rng(10)
    times = np.linspace(0, 15, 600)
    wrong = sum(drifting(times, rng.lognormal(0, 0.3, 600))[0] for _ in range(300))
    assert wrong / 300 <= 0.07


def test_too_few_points_or_a_broken_window_are_refused() -> None:
    with pytest.raises(TooFewSamples):
        mann_kendall([0, 1], [1, 2])
    with pytest.raises(StatisticsError):
        window_medians([0.0], [1.0], 0.0)
    with pytest.raises(StatisticsError):
        mann_kendall([0, 1, 2], [1, 2])
