"""Schedules follow the law they state, and are the same wherever they are built."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.load.mixes import JOURNEYS, MIXES
from bench.load.operations import OPERATIONS
from bench.load.schedule import ScheduleSpec, arrival_times, build_schedule

SPEC = ScheduleSpec("mixed", 200.0, 11, primer_s=1.0, warmup_s=2.0, measured_s=20.0)
WRITES = {"order", "order_cancel", "deposit"}


def test_the_same_spec_gives_the_same_schedule() -> None:
    first, second = build_schedule(SPEC), build_schedule(SPEC)
    assert first.visits == second.visits
    assert first.sha256 == second.sha256


def test_another_process_builds_the_same_schedule() -> None:
    """Hash randomisation and the like must not leak in: deployments meet one schedule."""
    code = (
        "from bench.load.schedule import ScheduleSpec, build_schedule\n"
        "spec = ScheduleSpec('mixed', 50.0, 3, 0.5, 0.5, 2.0)\n"
        "print(build_schedule(spec).sha256)"
    )
    here = build_schedule(ScheduleSpec("mixed", 50.0, 3, 0.5, 0.5, 2.0))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == here.sha256


def test_another_seed_gives_another_schedule() -> None:
    other = build_schedule(replace(SPEC, seed=12))
    assert other.sha256 != build_schedule(SPEC).sha256


@settings(max_examples=30, deadline=None)
@given(
    mix=st.sampled_from(sorted(MIXES)),
    rate=st.floats(1, 500),
    seed=st.integers(0, 2**32),
    gaps=st.sampled_from(["poisson", "uniform"]),
)
def test_due_times_rise_and_stay_inside(mix: str, rate: float, seed: int, gaps: str) -> None:
    spec = ScheduleSpec(mix, rate, seed, 0.2, 0.3, 1.0, gaps=gaps)  # type: ignore[arg-type]
    times = list(arrival_times(spec))
    assert times == sorted(times)
    assert all(0 <= due <= spec.measured_to_s for due in times)


def test_poisson_gaps_are_exponential() -> None:
    spec = ScheduleSpec("product_read", 500.0, 5, 0.0, 0.0, 40.0)
    gaps = np.diff(list(arrival_times(spec)))
    assert stats.kstest(gaps, "expon", args=(0, 1 / 500)).pvalue > 0.001


def test_poisson_counts_vary_as_they_should() -> None:
    counts = [
        len(list(arrival_times(ScheduleSpec("product_read", 100.0, seed, 0.0, 0.0, 1.0))))
        for seed in range(200)
    ]
    assert abs(np.mean(counts) - 100) < 4 * 10 / math.sqrt(200)
    assert 0.7 < np.var(counts) / 100 < 1.4  # a Poisson count's variance is its mean


def test_uniform_gaps_are_all_alike() -> None:
    gaps = np.diff(
        list(arrival_times(ScheduleSpec("product_read", 100.0, 5, 0.0, 0.0, 3.0, gaps="uniform")))
    )
    assert np.allclose(gaps, 0.01, atol=2e-6)


def test_the_primer_runs_at_a_tenth_of_the_rate() -> None:
    spec = ScheduleSpec("product_read", 1000.0, 5, primer_s=10.0, warmup_s=0.0, measured_s=10.0)
    times = np.array(list(arrival_times(spec)))
    assert abs((times < 10).sum() - 1000) < 5 * math.sqrt(1000)
    assert abs((times >= 10).sum() - 10_000) < 5 * math.sqrt(10_000)


@pytest.mark.parametrize("mix", ["mixed", "browse", "checkout", "order"])
def test_the_offered_load_counts_requests_not_visits(mix: str) -> None:
    spec = ScheduleSpec(mix, 400.0, 2, 0.0, 0.0, 30.0)
    assert build_schedule(spec).planned / 30 == pytest.approx(400, rel=0.06)


def test_browse_reads_ninety_percent() -> None:
    spec = ScheduleSpec("browse", 1000.0, 2, 0.0, 0.0, 20.0)
    operations = [name for visit in build_schedule(spec).visits for name in JOURNEYS[visit.journey]]
    reads = sum(name not in WRITES for name in operations) / len(operations)
    assert reads == pytest.approx(0.90, abs=0.015)


def test_every_mix_names_journeys_and_operations_that_exist() -> None:
    for mix in MIXES.values():
        assert sum(weight for _, weight in mix.weights) == pytest.approx(1)
        for journey, _ in mix.weights:
            assert set(JOURNEYS[journey]) <= set(OPERATIONS)
