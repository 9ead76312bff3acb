"""Quantiles against numpy and binomial tables, and the coverage of their intervals."""

from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from bench.stats.errors import StatisticsError, TooFewSamples
from bench.stats.quantiles import (
    clustered_quantile,
    exact_quantile,
    minimum_samples,
    order_statistic_ranks,
    quantile,
)


@pytest.mark.parametrize(("q", "needed"), [(0.5, 20), (0.95, 200), (0.99, 1000), (0.999, 10_000)])
def test_a_quantile_needs_ten_samples_beyond_it(q: float, needed: int) -> None:
    assert minimum_samples(q) == needed


def test_p99_of_999_samples_is_refused_and_of_1000_is_given() -> None:
    with pytest.raises(TooFewSamples, match="p99 needs 1000 samples, there are 999"):
        quantile(np.arange(999.0), 0.99)
    assert quantile(np.arange(1000.0), 0.99).value == 989.0


@given(st.lists(st.floats(0.1, 1e6), min_size=20, max_size=300), st.sampled_from([0.5, 0.25, 0.75]))
def test_the_value_is_numpys_inverted_cdf_and_was_observed(values: list[float], q: float) -> None:
    samples = np.array(values)
    if samples.size < minimum_samples(q):
        return
    assert exact_quantile(samples, q) == np.quantile(samples, q, method="inverted_cdf")
    assert exact_quantile(samples, q) in samples


@given(st.lists(st.floats(0.1, 1e6), min_size=200, max_size=300))
def test_quantiles_grow_with_q_and_lie_inside_their_interval(values: list[float]) -> None:
    found = [quantile(np.array(values), q) for q in (0.5, 0.9, 0.95)]
    assert [e.value for e in found] == sorted(e.value for e in found)
    assert all(e.low <= e.value <= e.high for e in found)


@pytest.mark.parametrize(("n", "expected"), [(10, (2, 9)), (20, (6, 15)), (50, (18, 33))])
def test_median_ranks_match_the_binomial_table(n: int, expected: tuple[int, int]) -> None:
    assert order_statistic_ranks(n, 0.5) == expected


@pytest.mark.parametrize(("n", "q"), [(25, 0.5), (400, 0.5), (400, 0.9), (3000, 0.9), (5000, 0.99)])
def test_ranks_reach_the_level_exactly_computed(n: int, q: float) -> None:
    low, high = order_statistic_ranks(n, q)
    binomial = scipy_stats.binom(n, q)
    assert binomial.cdf(high - 1) - binomial.cdf(low - 1) >= 0.95


def test_no_interval_where_no_ranks_exist() -> None:
    with pytest.raises(TooFewSamples, match="no 95% interval"):
        order_statistic_ranks(50, 0.99)


def test_order_statistic_interval_covers_the_true_p95_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    truth = float(np.exp(scipy_stats.norm.ppf(0.95)))
    hits = 0
    for _ in range(1500):
        estimate = quantile(rng.lognormal(size=400), 0.95)
        hits += estimate.low <= truth <= estimate.high
    assert 0.94 <= hits / 1500 <= 0.99  # discrete: at or a little above its level


def test_clustered_interval_covers_where_trials_differ_and_the_pooled_one_does_not() -> None:
    rng = np.random.default_rng(2)
    clustered = pooled = 0
    for _ in range(600):
        trials = [rng.lognormal(rng.normal(0.0, 0.1), 0.3, 300) for _ in range(8)]
        a, b = clustered_quantile(trials, 0.5), quantile(np.concatenate(trials), 0.5)
        clustered += a.low <= 1.0 <= a.high
        pooled += b.low <= 1.0 <= b.high
    assert 0.92 <= clustered / 600 <= 0.975
    assert pooled / 600 < 0.6  # requests taken as independent: far too sure of itself


def test_clustered_interval_of_two_trials_says_that_it_is_within_one_sample() -> None:
    parts = [np.linspace(1, 2, 100), np.linspace(1, 2, 100)]
    assert clustered_quantile(parts, 0.5).clusters == 1
    assert clustered_quantile([*parts, parts[0]], 0.5).clusters == 3


@pytest.mark.parametrize("q", [0.0, 1.0, -0.1])
def test_a_quantile_outside_0_and_1_is_refused(q: float) -> None:
    with pytest.raises(StatisticsError):
        exact_quantile(np.arange(100.0), q)


def test_no_rows_is_refused() -> None:
    with pytest.raises(TooFewSamples):
        clustered_quantile([np.array([])], 0.5)


@given(
    st.lists(st.lists(st.integers(1, 40), min_size=20, max_size=60), min_size=3, max_size=6),
    st.sampled_from([0.5, 0.6, 0.4]),
)
def test_the_jackknife_leaves_out_one_trial_at_a_time(trials: list[list[int]], q: float) -> None:
    parts = [np.array(part, dtype=np.float32) for part in trials]
    found = clustered_quantile(parts, q)
    rests = [np.sort(np.concatenate(parts[:i] + parts[i + 1 :])) for i in range(len(parts))]
    logs = np.log([float(rest[ceil(round(rest.size * q, 9)) - 1]) for rest in rests])
    k = len(parts)
    error = np.sqrt((k - 1) / k * np.square(logs - logs.mean()).sum())
    reach = np.exp(scipy_stats.t.ppf(0.975, k - 1) * error)
    assert found.low == pytest.approx(found.value / reach, rel=1e-6)
    assert found.high == pytest.approx(found.value * reach, rel=1e-6)
