"""Each part of the objective, met and broken on its own."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from bench.engine.slo import LagSample, Slo, judge_slo
from bench.results.journal import rows_table

WINDOW = (1.0, 11.0)
N = 2000


def rows(response_s: np.ndarray, failed: int = 0) -> pa.Table:
    n = response_s.size
    due = np.linspace(*WINDOW, n, endpoint=False)
    errors = ["http 503"] * failed + [""] * (n - failed)
    return rows_table(
        {
            "due_s": due,
            "sent_s": due,
            "done_s": due + response_s,
            "status": [200] * n,
            "bytes": [1] * n,
            "operation": ["order"] * n,
            "journey": ["buy"] * n,
            "error": errors,
            "visit": list(range(n)),
            "app_ms": [1.0] * n,
            "db_ms": [1.0] * n,
        }
    )


def noise(seed: int = 1, n: int = N) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(-4.0, 0.4, n)  # about 18 ms


def ages(*values: float) -> list[LagSample]:
    return [LagSample(WINDOW[0] + 0.2 * i, age) for i, age in enumerate(values)]


def broken(facts: dict[str, float] | None) -> set[str]:
    assert facts is not None
    parts = {
        name
        for name, value in facts.items()
        if name.endswith("_pass") and name != "slo_pass" and value == 0
    }
    assert facts["slo_pass"] == float(not parts)
    return parts


def test_a_healthy_probe_passes_every_part() -> None:
    facts = judge_slo(rows(noise()), WINDOW, 0, ages(*[0.05] * 20), Slo())
    assert broken(facts) == set()
    assert facts is not None
    expected = float(np.quantile(noise() * 1000, 0.95, method="inverted_cdf"))
    assert facts["slo_p95_ms"] == pytest.approx(expected, rel=1e-6)
    assert facts["slo_goodput_share"] == 1.0


def test_six_percent_slow_answers_break_the_p95_alone() -> None:
    slow = noise()
    slow[:: N // 120] = 0.25
    assert broken(judge_slo(rows(slow), WINDOW, 0, [], Slo())) == {"slo_p95_ms_pass"}


def test_errors_count_from_one_in_a_thousand() -> None:
    assert broken(judge_slo(rows(noise(), failed=2), WINDOW, 0, [], Slo())) == set()
    assert broken(judge_slo(rows(noise(), failed=3), WINDOW, 0, [], Slo())) == {
        "slo_error_share_pass"
    }


def test_what_was_never_sent_is_missing_from_the_goodput() -> None:
    assert broken(judge_slo(rows(noise()), WINDOW, 20, [], Slo())) == set()
    assert broken(judge_slo(rows(noise()), WINDOW, 21, [], Slo())) == {"slo_goodput_share_pass"}


def test_a_backlog_that_grows_is_a_rising_trend_before_the_p95_is_broken() -> None:
    growing = noise() + np.linspace(0, 0.08, N)
    assert broken(judge_slo(rows(growing), WINDOW, 0, [], Slo())) == {"slo_rise_share_pass"}
    falling = noise() + np.linspace(0.08, 0, N)
    assert broken(judge_slo(rows(falling), WINDOW, 0, [], Slo())) == set()
    a_little = noise() + np.linspace(0, 0.003, N)
    assert broken(judge_slo(rows(a_little), WINDOW, 0, [], Slo())) == set()


def test_the_settle_lag_is_held_to_its_limit_and_to_its_trend() -> None:
    late = judge_slo(rows(noise()), WINDOW, 0, ages(*[2.5] * 20), Slo())
    assert broken(late) == {"slo_settle_lag_s_pass"}
    rising = judge_slo(rows(noise()), WINDOW, 0, ages(*np.linspace(0, 1.5, 20)), Slo())
    assert broken(rising) == {"slo_settle_rise_s_pass"}


def test_without_an_outbox_to_read_its_parts_are_left_out() -> None:
    facts = judge_slo(rows(noise()), WINDOW, 0, None, Slo())
    assert broken(facts) == set()
    assert facts is not None
    assert "slo_settle_lag_s" not in facts


def test_too_few_requests_are_not_judged() -> None:
    assert judge_slo(rows(noise(n=19)), WINDOW, 0, [], Slo()) is None
    assert judge_slo(rows(noise(n=20)), WINDOW, 0, [], Slo()) is not None
