"""Server-Timing taken apart: parts add up, known shares are found, nonsense is left out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.experiments.latency.findings import Findings
from bench.experiments.latency.server_timing import PARTS, WHOLE, accounts, gaps, part_means
from bench.experiments.latency.server_timing_section import server_timing
from bench.report.selection import cells_of
from bench.results.dataset import TrialSample, load_run
from tests.unit.report.factory import Plan, make_run, open_run, pair_run

PAIR = ("monolith", "microservices")


def sample(tmp_path: Path) -> TrialSample:
    run = open_run(tmp_path, Plan(blocks=1, requests=200, deployments=PAIR, failed_every=10))
    return load_run(run).trials[0]


def with_times(one: TrialSample, **columns: float) -> TrialSample:
    shape = one.response.shape
    return replace(one, **{k: np.full(shape, v, dtype=np.float32) for k, v in columns.items()})


def test_the_parts_add_up_to_the_response_time(tmp_path: Path) -> None:
    means = part_means(sample(tmp_path), "all")
    assert sum(means[part] for part in PARTS) == pytest.approx(means[WHOLE], rel=1e-5)


def test_known_parts_are_found(tmp_path: Path) -> None:
    one = with_times(sample(tmp_path), response=10.0, service=9.5, app=6.0, db=2.0)
    means = part_means(one, "all")
    assert means == pytest.approx(
        {"response": 10, "database": 2, "application": 4, "outside": 3.5, "send lag": 0.5}
    )


def test_parallel_database_calls_never_make_a_negative_part(tmp_path: Path) -> None:
    one = with_times(sample(tmp_path), response=10.0, service=9.5, app=11.0, db=12.0)
    means = part_means(one, "all")
    assert means["application"] == means["outside"] == 0
    assert means["database"] == pytest.approx(9.5)


def test_a_trial_without_server_timing_has_no_account(tmp_path: Path) -> None:
    one = sample(tmp_path)
    assert part_means(with_times(one, app=np.nan), "all") == {}
    assert part_means(one, "no such operation") == {}


def test_shares_and_gaps_carry_intervals_over_blocks(tmp_path: Path) -> None:
    data = load_run(open_run(tmp_path, Plan(blocks=6, requests=400, deployments=PAIR)))
    (cell,) = cells_of(data.samples_of("latency"))
    found = {account.deployment: account for account in accounts(cell, "all")}
    assert found["monolith"].shares["database"] == pytest.approx(0.3, abs=0.01)
    assert found["monolith"].shares["application"] == pytest.approx(0.4, abs=0.01)
    interval = found["monolith"].intervals["database"]
    assert interval is not None
    assert interval.low < found["monolith"].shares["database"] < interval.high
    assert (interval.n, interval.level) == (6, 0.95)
    (gap,) = gaps(cell, "all", [("microservices", "monolith"), ("modular", "monolith")])
    assert (gap.numerator, gap.parts[WHOLE].n) == ("microservices", 6)
    total = sum(gap.parts[part].mean for part in PARTS)
    assert total == pytest.approx(gap.parts[WHOLE].mean, rel=1e-4)


def test_the_section_is_there_only_where_servers_state_their_time(tmp_path: Path) -> None:
    data = load_run(make_run(tmp_path, pair_run(starts=2)))
    found = server_timing(data.once(Findings))
    assert found is not None
    assert found.figures[0].name == "timing-shares"
    assert "order: microservices − monolith" in found.summary[0]
    silent = replace(data, trials=tuple(with_times(s, app=np.nan) for s in data.trials))
    assert server_timing(silent.once(Findings)) is None
