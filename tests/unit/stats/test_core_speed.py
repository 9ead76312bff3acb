"""The speed of the core: which requests met a slow one, and what it did to CPU time."""

import numpy as np
import pytest
from scipy import stats

from bench.stats.core_speed import (
    SLOPE_NEEDS,
    STEEPEST,
    UNKNOWN,
    CoreSpeed,
    Stretched,
    core_ms_at,
    speed_factors,
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


def test_what_is_usual_is_common_to_all_deployments() -> None:
    speed = CoreSpeed.of([0.07, 0.09, 0.12, 0.071, 0.07, None])
    core_ms = np.array([0.07, 0.088, 0.1, 0.12, np.nan])
    assert speed.calm(core_ms).tolist() == [True, True, False, False, True]
    assert CoreSpeed.of([None]) == UNKNOWN
    assert UNKNOWN.calm(core_ms).all()


@pytest.mark.parametrize(
    "trials",
    [
        [Stretched("a", 0.1 + 0.1 * n, 2.0 + n) for n in range(SLOPE_NEEDS - 1)],
        [Stretched("a", 0.2, 2.0 + n) for n in range(20)],
        [Stretched("a", 0.2 + 0.02 * n, 2.0 - 0.01 * n) for n in range(20)],
        [Stretched("a", 0.2 + 0.02 * n, None) for n in range(20)],
        [Stretched("a", None, 2.0 + n) for n in range(20)],
        [],
    ],
    ids=["too few", "one speed", "falling", "CPU unknown", "no canary", "none"],
)
def test_without_evidence_cpu_stays_as_it_was_measured(trials: list[Stretched]) -> None:
    assert speed_factors(trials) == [1.0] * len(trials)


def test_a_slope_beyond_reason_is_cut() -> None:
    trials = [Stretched("a", float(np.exp(n / 10)), float(np.exp(n))) for n in range(21)]
    assert speed_factors(trials)[20] == pytest.approx(np.exp(-STEEPEST))


def test_putting_cpu_back_narrows_the_ratio_and_its_interval_stays_honest() -> None:
    """Two arms of true ratio 1.2, six blocks, on a core whose speed differs from trial to trial.

    The interval must hold the truth as often as it says: a correction that only made the scatter
    within a run look smaller would miss it more often.
    """
    rng = np.random.default_rng(3)
    raw, back, held = [], [], 0
    names = ["a"] * 6 + ["b"] * 6
    for _ in range(1000):
        stretch = rng.lognormal(0, 0.15, 12)
        value = np.repeat([4.0, 4.8], 6) * stretch * rng.lognormal(0, 0.04, 12)
        canary = 0.1 * stretch * rng.lognormal(0, 0.04, 12)
        factors = speed_factors(
            [Stretched(n, float(c), float(v)) for n, c, v in zip(names, canary, value, strict=True)]
        )
        for kept, values in ((raw, value), (back, value * factors)):
            logs = np.log(values[6:] / values[:6])
            kept.append(float(logs.mean()))
        half = stats.t.ppf(0.975, 5) * logs.std(ddof=1) / np.sqrt(6)
        held += abs(logs.mean() - np.log(1.2)) <= half
    assert np.exp(np.mean(back)) == pytest.approx(1.2, rel=0.005)
    assert np.std(back) < np.std(raw) / 2
    assert 0.92 <= held / 1000 <= 0.97


def test_leaving_out_slow_stretches_narrows_the_ratio_and_does_not_move_it() -> None:
    """Two arms of true ratio 1.2 on a core that is slowed now and then, whoever is measured."""
    rng = np.random.default_rng(2)
    speed = CoreSpeed(0.07)
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
            kept = took[speed.calm(core)]
            medians[name] = np.median(took), np.median(kept)
        raw.append(np.log(medians["b"][0] / medians["a"][0]))
        calm.append(np.log(medians["b"][1] / medians["a"][1]))
    assert np.exp(np.mean(calm)) == pytest.approx(1.2, rel=0.01)
    assert np.std(calm) < np.std(raw) / 3
