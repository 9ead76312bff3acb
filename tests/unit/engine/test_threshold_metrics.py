"""The plain values that `--fail-on` holds to a limit, from paired rounds and from arrivals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.engine.threshold_metrics import measured_values
from bench.registry import registered
from bench.results.journal import RunReader, RunWriter, Trial
from tests.unit.results.paired.made import rows_of, trial_of
from tests.unit.results.test_journal import FACTS, make_rows, make_trial


def values_of(tmp_path: Path, *trials: Trial, wrong: int = 0) -> dict[tuple[str, str, str], float]:
    """By metric, deployment, operation; every request of a paired trial takes 9 ms."""
    writer = RunWriter.create(tmp_path, "run", FACTS)
    for trial in trials:
        rounds = trial.loop == "rounds"
        rows = rows_of(np.full(96, 9.0), trial.mix, wrong) if rounds else make_rows(trial.sent)
        writer.add_trial(replace(trial, rows_file=f"rows/{trial.trial_id}.parquet"), rows)
    found = measured_values(RunReader(writer.path))
    writer.close()
    return {(v.metric, v.deployment, v.operation): v.value for v in found}


def test_a_paired_trial_gives_times_errors_and_cpu_less_what_is_used_unasked(
    tmp_path: Path,
) -> None:
    found = values_of(tmp_path, trial_of(0, "order", "monolith", cpu_s=0.4), wrong=12)
    assert found["p50", "monolith", "order"] == pytest.approx(9.0)
    assert found["errors", "monolith", "order"] == pytest.approx(0.125)
    assert found["cpu", "monolith", "order"] == pytest.approx((0.4 - 0.01 * 8.0) / 96 * 1e3)


def test_paired_rounds_have_no_throughput_since_they_wait_between_requests(
    tmp_path: Path,
) -> None:
    found = values_of(tmp_path, trial_of(0, "order", "monolith"))
    assert "throughput" not in {metric for metric, _, _ in found}


def test_arrivals_have_a_throughput(tmp_path: Path) -> None:
    trial = make_trial(sent=100, measured_from_s=0.0, measured_to_s=100.0, cpu_requests=100)
    found = values_of(tmp_path, replace(trial, measured_s=100.0))
    assert [value for (metric, _, _), value in found.items() if metric == "throughput"] == [1.0]


def test_the_second_instance_of_a_deployment_is_held_to_no_limit(tmp_path: Path) -> None:
    trials = [trial_of(0, "order", name) for name in ("monolith", "monolith#2")]
    assert {deployment for _, deployment, _ in values_of(tmp_path, *trials)} == {"monolith"}


def test_invalid_trials_and_overload_on_purpose_do_not_count(tmp_path: Path) -> None:
    invalid = replace(trial_of(0, "order", "monolith"), status="invalid")
    search = replace(trial_of(1, "order", "monolith"), experiment="capacity")
    assert values_of(tmp_path, invalid, search) == {}


def test_what_goes_through_the_proxy_or_is_broken_on_purpose_is_held_to_no_limit() -> None:
    held = {each.name for each in registered() if each.thresholds}
    assert not held & {"failure", "network", "consistency"}
