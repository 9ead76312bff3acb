"""Drift in the measured window is found where it was planted, and seldom where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.engine.drift import Drift, find_drift
from bench.engine.gates import judge
from bench.engine.window import read_window
from tests.unit.engine.test_gates import CLEAN, outcome
from tests.unit.engine.test_window import table


def measured(seed: int, change: float = 0.0, operations: int = 3, n: int = 900) -> Drift | None:
    """Log-normal times of a mix over 30 s; those of the first operation change by a share."""
    rng = np.random.default_rng(seed)
    at_s = np.sort(rng.uniform(0.0, 30.0, n))
    which = rng.integers(0, operations, n)
    times = 0.005 * (1 + which) * rng.lognormal(0.0, 0.3, n)
    times *= 1 + change * (which == 0) * (at_s / 30.0 - 0.5)
    return find_drift(np.array([f"operation {one}" for one in which]), at_s, times)


def test_trials_without_drift_are_flagged_in_at_most_five_of_a_hundred() -> None:
    flagged = sum(found.found for seed in range(600) if (found := measured(seed)) is not None)
    assert flagged <= 30


@pytest.mark.parametrize("change", [0.5, -0.5])
def test_a_planted_drift_of_one_operation_is_found(change: float) -> None:
    found = [measured(seed, change) for seed in range(20)]
    assert sum(each is not None and each.found for each in found) >= 19
    assert all(each is not None and each.change * change > 0 for each in found)


def test_a_sure_drift_that_nobody_would_feel_is_none() -> None:
    at_s = np.arange(0.0, 30.0, 0.01)
    found = find_drift(np.full(at_s.size, "order"), at_s, 0.01 + at_s * 1e-6)
    assert found is not None
    assert not found.found
    assert 0 < found.change < 0.05


def test_too_few_answers_are_no_question() -> None:
    assert measured(1, operations=3, n=60) is None
    assert find_drift(np.array([]), np.array([]), np.array([])) is None


def test_answers_that_came_in_a_few_bursts_are_no_question() -> None:
    at_s = np.concatenate([np.linspace(start, start + 0.1, 40) for start in (0.0, 1.2, 5.3, 9.5)])
    assert find_drift(np.full(at_s.size, "order"), at_s, np.full(at_s.size, 0.01)) is None


def test_drift_in_a_window_is_a_flag_and_failures_do_not_count() -> None:
    due = list(np.arange(1.0, 11.0, 0.02))
    slow = table(due, done_s=[at + 0.01 * (1 + 0.1 * at) for at in due])
    seen = read_window(slow, 1.0, 11.0)
    assert seen.drifts
    assert (seen.drift or 0) == pytest.approx(0.1 * 9 / 1.6, rel=0.1)
    gates = {gate.name: gate for gate in judge(replace(CLEAN, window=seen))}
    assert gates["drift"].outcome == "flag"
    failed = table(due, error=["timeout"] * len(due))
    assert read_window(failed, 1.0, 11.0).drift is None
    assert "drift" not in {gate.name for gate in judge(CLEAN)}


def test_overload_that_was_asked_for_is_shown_not_refused() -> None:
    shed = replace(CLEAN, skipped=100, sent=1100)
    asked = replace(shed, beyond_capacity=True)
    assert outcome("skipped", shed) == "fail"
    assert outcome("skipped", asked) == "flag"
    assert outcome("generator_cpu", replace(asked, generator_cpu=0.9)) == "fail"
