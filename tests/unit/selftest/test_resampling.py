"""Resampling: coverage where the law is known, centring, pooling, and that it can fail."""

import numpy as np
import pytest

from bench.experiments.selftest import resampling
from bench.experiments.selftest.coverage import outcomes, recorded_in
from bench.experiments.selftest.resampling import (
    Coverage,
    Population,
    centred,
    populations,
    resample,
    simulate,
)
from bench.stats.paired import PairedRatio, paired_ratio

RNG = np.random.default_rng


def test_centred_blocks_have_mean_zero_and_the_unbiased_standard_deviation() -> None:
    values = [0.01, 0.03, -0.02, 0.05, 0.00, 0.02]
    found = centred(values)
    assert found.mean() == pytest.approx(0.0, abs=1e-15)
    assert found.std() == pytest.approx(np.std(values, ddof=1))  # the population's own, no n-1


def test_intervals_of_normal_noise_hold_the_truth_95_times_in_100() -> None:
    logs = centred(RNG(1).normal(0.0, 0.02, 400))
    found = resample(Population("x", "p50", logs), 2_000, RNG(2))
    # three standard errors of a share of 0.95 over 2,000: 0.0146
    assert found.covered / found.n == pytest.approx(0.95, abs=0.0146)
    assert found.called / found.n <= 0.05


@pytest.mark.slow
def test_simulated_laws_are_covered_as_theory_says() -> None:
    normal, t_law, log_normal = simulate(2_000, RNG(3))
    assert normal.covered / normal.n == pytest.approx(0.95, abs=0.0146)
    for heavy in (t_law, log_normal):  # symmetric heavy tails: a t interval covers a little more
        assert 0.93 <= heavy.covered / heavy.n <= 0.985


def test_an_interval_that_is_too_narrow_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(logs: np.ndarray) -> PairedRatio:
        return paired_ratio(logs, level=0.7)

    monkeypatch.setattr(resampling, "paired_ratio", careless)
    found = resample(Population("x", "p50", RNG(1).normal(0.0, 0.02, 200)), 500, RNG(2))
    (coverage, *_) = outcomes([_scaled(found, 4)], "quick")
    assert coverage.word == "not met"


def test_a_verdict_without_a_threshold_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "_called", lambda ratio, kind: ratio.estimate > 1.0)
    found = resample(Population("x", "p50", RNG(1).normal(0.0, 0.02, 200)), 500, RNG(2))
    *_, false_positives = outcomes([_scaled(found, 4)], "quick")
    assert false_positives.word == "not met"


def test_comparisons_with_few_blocks_are_pooled_and_keep_their_own_scales() -> None:
    noisy, quiet = RNG(4).normal(0, 0.04, (2, 6)), RNG(5).normal(0, 0.01, (2, 6))
    groups = [(f"c{i}", "cpu", row) for i, row in enumerate([*noisy, *quiet])]
    (pooled,) = populations(groups)
    assert (pooled.name, pooled.kind, pooled.logs.size) == ("4 comparisons pooled", "cpu", 24)
    assert pooled.logs.std() == pytest.approx(1.0)
    assert pooled.scales == pytest.approx([np.std(row, ddof=1) for _, _, row in groups])


def test_the_verdict_is_tried_at_the_scale_of_each_pooled_comparison() -> None:
    """At a noise of 0.1 % nothing reaches the threshold; at 100 % only the interval protects."""
    logs = RNG(8).normal(size=200)
    small = resample(Population("x", "p50", centred(logs), (0.001,)), 500, RNG(9))
    large = resample(Population("x", "p50", centred(logs), (1.0,)), 500, RNG(9))
    assert small.covered == large.covered
    assert small.called == 0
    assert large.called / large.n == pytest.approx(0.05, abs=0.03)


def test_comparisons_too_short_to_be_judged_are_left_out() -> None:
    groups = [(f"c{i}", "p50", [0.01, -0.02, 0.0, 0.01, 0.02]) for i in range(10)]
    assert populations(groups) == []


def test_too_few_blocks_make_no_population_and_no_judgement() -> None:
    assert populations([("c", "p50", [0.01, -0.02, 0.0, 0.01, 0.02, -0.01])]) == []
    (only,) = outcomes(simulate(10, RNG(6)), "quick")
    assert only.word == "not judged"


def test_few_resamples_are_not_judged() -> None:
    logs = centred(RNG(1).normal(0.0, 0.02, 100))
    found = outcomes([resample(Population("x", "p50", logs), 50, RNG(2))], "quick")
    assert {each.word for each in found} == {"not judged"}


def test_neighbouring_blocks_that_drift_together_show_in_their_own_column() -> None:
    drift = np.sin(np.linspace(0, 2 * np.pi, 120, endpoint=False)) * 0.02
    found = resample(Population("x", "p50", centred(drift)), 500, RNG(7))
    assert found.covered / found.n > 0.9
    assert found.ordered_covered is not None
    assert found.ordered_covered / found.n < 0.5


def test_recorded_blocks_come_from_planted_and_aa_parts() -> None:
    selftest = {
        "parts": {
            "planted": {"logs": {"A/A CPU": [0.1, 0.2]}},
            "aa": {"cells": [{"deployment": "d", "mix": "m", "kind": "p95", "logs": [0.3]}]},
        }
    }
    assert recorded_in(selftest) == [("A/A CPU", "cpu", [0.1, 0.2]), ("A/A d, m", "p95", [0.3])]


def _scaled(found: Coverage, times: int) -> Coverage:
    """The same shares of more resamples, so that they are judged."""
    names = ("n", "covered", "called", "rule_covered", "rule_called")
    more = {name: getattr(found, name) * times for name in names}
    return Coverage(found.name, found.kind, found.blocks, ordered_covered=None, **more)
