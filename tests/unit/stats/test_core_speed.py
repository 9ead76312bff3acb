"""The speed of the core: which requests met a slow one, and what it did to CPU time."""

import numpy as np
import pytest

from bench.stats.core_speed import (
    SLOPE_NEEDS,
    STEEPEST,
    UNKNOWN,
    CoreSpeed,
    TrialCore,
    core_ms_at,
)

SLOWED = 1.7  # what a busy second thread does to the canary and, here, to every request


def test_each_request_gets_the_work_around_when_it_was_due() -> None:
    at = np.arange(0.0, 2.0, 0.006)
    took = np.where((at > 1.0) & (at < 1.4), 0.12, 0.07)
    took[10] = 5.0  # an interrupt: one piece of work says nothing
    found = core_ms_at(np.array([0.06, 0.5, 1.2, 1.7]), at, took)
    assert found == pytest.approx([0.07, 0.07, 0.12, 0.07])


def test_where_the_canary_did_not_work_nothing_is_known() -> None:
    at = np.array([0.0, 0.001, 0.002, 0.003, 0.004])
    assert np.isnan(core_ms_at(np.array([0.5]), at, np.full(5, 0.07))).all()
    assert np.isnan(core_ms_at(np.array([0.0]), at[:2], np.full(2, 0.07))).all()
    assert core_ms_at(np.empty(0), at, np.full(5, 0.07)).size == 0


def test_a_deployment_is_held_against_its_own_usual() -> None:
    cores = [TrialCore("busy", 0.07, 0.072), TrialCore("idle", 0.09, 0.095)]
    speed = CoreSpeed.of([*cores, TrialCore("busy", 0.12, 0.12), TrialCore("busy", 0.071, 0.08)])
    core_ms = np.array([0.07, 0.088, 0.1, 0.12, np.nan])
    assert speed.calm("busy", core_ms).tolist() == [True, True, False, False, True]
    assert speed.calm("idle", core_ms).tolist() == [True, True, True, False, True]
    assert speed.calm("stranger", core_ms).all()
    assert UNKNOWN.calm("busy", core_ms).all()
    assert UNKNOWN.cpu_factor("busy", 0.12) == 1.0


def test_cpu_is_put_back_by_the_slope_within_deployments() -> None:
    rng = np.random.default_rng(1)
    cores = []
    for name, usual, cpu in (("slow", 0.10, 5.0), ("fast", 0.07, 2.0)):
        for number in range(12):
            stretch = float(np.exp(rng.uniform(0, 0.4)))
            outlier = 2.0 if number == 5 else 1.0  # something else disturbed this trial
            cores.append(TrialCore(name, usual, usual * stretch, cpu * stretch**0.65 * outlier))
    speed = CoreSpeed.of(cores)
    assert speed.slope == pytest.approx(0.65, abs=0.03)
    usual = speed.mean_ms["fast"]
    assert speed.cpu_factor("fast", usual) == 1.0
    assert speed.cpu_factor("fast", 1.5 * usual) == pytest.approx(1.5**-speed.slope)
    assert speed.cpu_factor("fast", None) == 1.0


@pytest.mark.parametrize(
    "cores",
    [
        [TrialCore("a", 0.07, 0.07 + 0.001 * n, 2.0 + n) for n in range(SLOPE_NEEDS - 1)],
        [TrialCore("a", 0.07, 0.07, 2.0 + n) for n in range(20)],
        [TrialCore("a", 0.07, 0.07 + 0.001 * n, 2.0 - 0.01 * n) for n in range(20)],
        [TrialCore("a", None, None, 2.0) for _ in range(20)],
    ],
    ids=["too few", "one speed", "falling", "unknown"],
)
def test_without_evidence_cpu_stays_as_it_was_measured(cores: list[TrialCore]) -> None:
    assert CoreSpeed.of(cores).slope == 0.0


def test_a_slope_beyond_reason_is_cut() -> None:
    cores = [TrialCore("a", 0.07, 0.07 + 0.001 * n, float(np.exp(n))) for n in range(20)]
    assert CoreSpeed.of(cores).slope == STEEPEST


def test_leaving_out_slow_stretches_narrows_the_ratio_and_does_not_move_it() -> None:
    """Two arms of true ratio 1.2 on a core that is slowed now and then, whoever is measured."""
    rng = np.random.default_rng(2)
    speed = CoreSpeed({"a": 0.07, "b": 0.07}, {}, 0.0)
    raw, calm = [], []
    for _ in range(60):
        medians = {}
        for name, base in (("a", 4.0), ("b", 4.8)):
            due = np.sort(rng.uniform(0, 2, 300))
            slow = np.zeros(300, dtype=bool)
            for start in rng.uniform(0, 2, rng.poisson(3)):
                slow |= (due > start) & (due < start + rng.exponential(0.4))
            core = np.where(slow, 0.07 * SLOWED, 0.07)
            took = base * rng.lognormal(0, 0.2, 300) * np.where(slow, SLOWED, 1.0)
            kept = took[speed.calm(name, core)]
            medians[name] = np.median(took), np.median(kept)
        raw.append(np.log(medians["b"][0] / medians["a"][0]))
        calm.append(np.log(medians["b"][1] / medians["a"][1]))
    assert np.exp(np.mean(calm)) == pytest.approx(1.2, rel=0.01)
    assert np.std(calm) < np.std(raw) / 3
