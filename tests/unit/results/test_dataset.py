"""From rows to columns: the window, the timeout, failures, and rows that cannot be true."""

from pathlib import Path

import numpy as np
import pytest

from bench.errors import ShopbenchError
from bench.experiments.latency.findings import Findings
from bench.report.naming import ALL
from bench.results.dataset import load_run, sample_of
from bench.results.journal import CorruptResults, RunWriter
from tests.unit.report.factory import (
    Plan,
    Rounds,
    facts,
    make_rows,
    make_run,
    make_trial,
    pair_run,
    trial_entry,
)


def entry(**changes: object):  # type: ignore[no-untyped-def]
    fields = {
        "trial_id": "t",
        "experiment": "latency",
        "block": 0,
        "position": 0,
        "deployment": "monolith",
        "mix": "mixed",
        "offered_rps": 10.0,
        "status": "valid",
        "usage": {},
        **changes,
    }
    return trial_entry(Plan(), **fields)


def test_only_rows_due_in_the_window_count() -> None:
    due = np.array([0.5, 2.0, 5.0, 11.9999, 12.0])
    rows = make_rows(due, np.full(5, 0.01), ["order"] * 5)
    assert sample_of(entry(), rows, 0.0).requests == 3


def test_response_time_counts_from_the_planned_arrival() -> None:
    sample = sample_of(entry(), make_rows(np.array([3.0]), np.array([0.25]), ["order"]), 0.0)
    assert sample.response[0] == pytest.approx(250.0)
    assert sample.service[0] == pytest.approx(249.9)


def test_an_unanswered_request_counts_as_its_timeout_and_as_failed() -> None:
    rows = make_rows(np.array([3.0, 4.0]), np.array([0.01, 0.01]), ["order"] * 2, failed_every=2)
    sample = sample_of(entry(), rows, timeout_ms=5000.0)
    assert list(sample.response) == pytest.approx([5000.0, 10.0])
    assert (sample.unanswered, sample.failures[ALL]) == (1, 1)
    assert sample.errors == {"connection refused": 1}
    assert sample.good_rps == pytest.approx(0.1)


def test_rows_are_grouped_by_operation() -> None:
    names = ["order", "overview", "order", "product_read"]
    due = np.arange(3.0, 7.0)
    sample = sample_of(entry(), make_rows(due, np.array([0.1, 0.2, 0.3, 0.4]), names), 0.0)
    assert list(sample.response[sample.where("order")]) == pytest.approx([100.0, 300.0])
    assert sample.response[sample.where("unknown")].size == 0
    assert sample.response[sample.where(ALL)].size == 4


def test_answers_after_the_window_show_a_backlog() -> None:
    rows = make_rows(np.array([3.0, 11.0]), np.array([0.1, 4.0]), ["order"] * 2)
    assert sample_of(entry(), rows, 0.0).in_window == 1


def test_a_row_that_ends_before_it_was_due_is_damage() -> None:
    rows = make_rows(np.array([3.0]), np.array([-0.5]), ["order"])
    with pytest.raises(CorruptResults, match="ends before it was due"):
        sample_of(entry(), rows, 0.0)


def test_a_run_without_trials_says_so(tmp_path: Path) -> None:
    plan = Plan()
    RunWriter.create(tmp_path, "empty", facts(plan, {})).finish()
    with pytest.raises(ShopbenchError, match="no finished trial"):
        load_run(tmp_path / "empty")


def test_a_setting_that_is_no_number_is_damage(tmp_path: Path) -> None:
    made = pair_run(starts=1, operations=("order",)).made
    run = make_run(tmp_path, Rounds(made, settings={"request_timeout_s": "soon"}, counted=False))
    with pytest.raises(CorruptResults, match="request_timeout_s is 'soon'"):
        load_run(run)


def test_a_runs_rounds_are_read_with_its_shares(tmp_path: Path) -> None:
    rounds = load_run(make_run(tmp_path, pair_run(starts=2))).rounds_of("latency")
    assert rounds.roles == ["product_read", "wallet_read", "order", "overview", "mix"]
    assert rounds.deployments == ["microservices", "monolith", "monolith#2"]
    assert set(rounds.starts) == {0, 1}


def test_the_second_instance_is_no_load_trial_and_no_judged_one(tmp_path: Path) -> None:
    data = load_run(make_run(tmp_path, pair_run(starts=1)))
    assert any(s.trial.deployment == "monolith#2" for s in data.trials)
    assert {s.trial.deployment for s in data.once(Findings).samples} == {
        "monolith",
        "microservices",
    }
    assert {t.deployment for t in data.judged_trials} == {"monolith", "microservices"}


def test_rounds_before_the_measured_ones_do_not_count(tmp_path: Path) -> None:
    data = load_run(make_run(tmp_path, pair_run(starts=1, operations=("order",), warmup_s=2.0)))
    assert {s.requests for s in data.trials} == {96}
    assert data.rounds_of("latency").wrong_answers("monolith", "order") == (0, 96)


def test_in_rounds_a_request_is_due_when_it_is_sent(tmp_path: Path) -> None:
    sample = load_run(make_run(tmp_path, pair_run(starts=1, operations=("order",)))).trials[0]
    assert list(sample.response) == list(sample.service)


def test_ten_million_rows_would_fit_because_columns_are_small() -> None:
    rng = np.random.default_rng(1)
    trial, rows = make_trial(Plan(requests=10_000), rng, ("mixed", 150.0), 0, 0)
    sample = sample_of(trial, rows, 0.0)
    kept = sum(getattr(sample, n).nbytes for n in ("response", "service", "app", "db", "failed"))
    assert kept / sample.requests <= 17
