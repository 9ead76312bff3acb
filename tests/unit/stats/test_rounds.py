"""Paired rounds: clusters, starts, the stop rule and its coverage, by examples and simulation."""

from math import exp, inf, log

import numpy as np
import pytest

from bench.stats.errors import StatisticsError, TooFewSamples
from bench.stats.paired import paired_ratio
from bench.stats.rounds import (
    MIN_STARTS,
    cluster_medians,
    enough,
    round_logs,
    smallest_effect,
    start_ratio,
    twin,
    weighted_log_ratio,
)
from bench.stats.verdicts import decide


def _right(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)


def test_a_slow_machine_slows_both_sides_and_leaves_the_ratio_alone() -> None:
    rng = np.random.default_rng(1)
    at_s = np.sort(rng.uniform(0, 10, 300))
    machine = np.where((at_s > 3) & (at_s < 6), 4.0, 1.0)  # three seconds at a quarter of the speed
    top, bottom = machine * 1.5 * rng.lognormal(0, 0.05, 300), machine * rng.lognormal(0, 0.05, 300)
    found = start_ratio(round_logs(at_s, top, bottom, _right(300)))
    assert exp(found.log_ratio) == pytest.approx(1.5, rel=0.01)
    assert found.clusters == 10


def test_one_wrong_side_counts_as_infinitely_slow_and_two_are_left_out() -> None:
    wrong = (np.array([True, False, True, False]), np.array([False, True, True, False]))
    found = round_logs([0.1, 0.2, 0.3, 0.4], [1.0] * 4, [1.0] * 4, wrong)
    assert list(found.logs) == [inf, -inf, 0.0]
    assert found.both_wrong == 1


def test_a_few_wrong_answers_move_a_median_little_and_many_leave_no_time_to_compare() -> None:
    at_s = np.linspace(0, 4.99, 100)
    few, many = _right(100), _right(100)
    few[0][::25] = True
    many[0][:60] = True
    found = start_ratio(round_logs(at_s, np.full(100, 2.0), np.ones(100), few))
    assert exp(found.log_ratio) == pytest.approx(2.0)
    with pytest.raises(TooFewSamples, match="answered wrongly"):
        start_ratio(round_logs(at_s, np.full(100, 2.0), np.ones(100), many))


def test_a_second_with_two_rounds_makes_no_cluster() -> None:
    at_s = [0.1, 0.2, 0.3, 1.1, 1.2, 2.1, 2.5, 2.9]
    moments, medians = cluster_medians(round_logs(at_s, [2.0] * 8, [1.0] * 8, _right(8)))
    assert list(moments) == [0.5, 2.5]
    assert medians == pytest.approx([log(2)] * 2)


def test_drift_within_a_start_is_told() -> None:
    at_s = np.linspace(0, 9.99, 200)
    found = start_ratio(round_logs(at_s, np.exp(0.01 * at_s), np.ones(200), _right(200)))
    assert found.drift == pytest.approx(0.09, abs=0.005)  # nine seconds between the first and last


def test_the_ratio_of_a_mix_is_of_its_operations_and_not_of_pooled_rows() -> None:
    shares = {"read": 0.9, "order": 0.1}
    found = weighted_log_ratio(shares, {"read": 3.0, "order": 30.0}, {"read": 2.0, "order": 10.0})
    assert exp(found) == pytest.approx((0.9 * 3 + 0.1 * 30) / (0.9 * 2 + 0.1 * 10))
    with pytest.raises(StatisticsError, match="order"):
        weighted_log_ratio(shares, {"read": 3.0}, {"read": 2.0, "order": 10.0})


def test_it_goes_on_below_six_starts_however_alike_they_are() -> None:
    assert enough([0.4] * (MIN_STARTS - 1), level=0.99, kind="p50") == ""
    assert "within 2.5%" in enough([0.4, 0.401] * 3, level=0.99, kind="p50")


def test_a_large_effect_is_enough_with_wide_intervals_and_a_small_one_is_not() -> None:
    scatter = np.array([-0.1, 0.1, -0.05, 0.05, 0.08, -0.08])
    assert "clear" in enough(log(2.0) + scatter, level=0.99, kind="p50")
    assert enough(log(1.05) + scatter, level=0.99, kind="p50") == ""


@pytest.mark.parametrize(("truth", "sd"), [(1.0, 0.02), (1.04, 0.03), (1.3, 0.06), (1.05, 0.01)])
def test_stopping_early_keeps_the_coverage(truth: float, sd: float) -> None:
    """Looks after each start from the 6th to the 18th; the interval must still hold the truth."""
    rng, level, held, trials = np.random.default_rng(7), 0.95, 0, 1500
    for logs in log(truth) + sd * rng.standard_normal((trials, 18)):
        made = next((n for n in range(6, 18) if enough(logs[:n], level=level, kind="p50")), 18)
        ratio = paired_ratio(logs[:made], level=level)
        held += ratio.low <= truth <= ratio.high
    assert held / trials >= 0.925


def test_stopping_early_calls_equal_shops_different_in_at_most_five_of_a_hundred() -> None:
    rng, wrong, trials = np.random.default_rng(8), 0, 1500
    for logs in 0.03 * rng.standard_normal((trials, 18)):
        made = next((n for n in range(6, 18) if enough(logs[:n], level=0.95, kind="p50")), 18)
        word = decide(paired_ratio(logs[:made]), claim="different", kind="p50").word
        wrong += word in ("supported", "refuted")
    assert wrong / trials <= 0.05


def test_a_twin_is_off_only_if_it_is_both_certain_and_two_per_cent_away() -> None:
    assert not twin([0.012, 0.011, 0.013, 0.012, 0.011, 0.012]).off  # certain, and small
    assert not twin([0.09, -0.05, 0.08, -0.03, 0.07, 0.02]).off  # large, and not certain
    assert twin([0.03, 0.031, 0.029, 0.03, 0.032, 0.03]).off


def test_more_starts_find_smaller_effects() -> None:
    scatter = [0.01, -0.01, 0.02, -0.02, 0.0, 0.01]
    few, many = (smallest_effect(scatter, starts=n) for n in (6, 30))
    assert many < few / 2
    with pytest.raises(TooFewSamples):
        smallest_effect([0.1], starts=6)
