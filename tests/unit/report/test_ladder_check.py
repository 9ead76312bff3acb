"""The ladder held against the whole, with synthetic blocks whose ratios are known."""

from collections.abc import Mapping
from dataclasses import replace
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bench.journal import RunReader, RunWriter
from bench.report.adds_up import Check, add_up_verdicts, checks_of, fan_out, order_parts
from bench.report.build import build_report
from bench.report.dataset import load_run
from bench.report.ladder import ladders, sanity_check
from bench.report.sections.ladder_check import section
from bench.report.selection import cells_of
from tests.unit.report.factory import LADDER, RATIOS, Plan, make_run, make_trial

pytestmark = pytest.mark.usefixtures("unpainted")


def ladder_run(root: Path, own_ratios: Mapping[str, float] | None = None, **plan: Any) -> Path:
    """Shared blocks of four deployments, then own blocks of the two ends."""
    shared = Plan(
        **{"mixes": ("product_read",), "blocks": 6, "requests": 1200, "noise": 0.01, **plan}
    )
    run = make_run(root, shared)
    writer = RunWriter.reopen(run)
    ends = replace(
        shared,
        deployments=("monolith", "microservices"),
        ratios={**RATIOS, **(own_ratios or {})},
        seed=99,
    )
    rng = np.random.default_rng(99)
    for mix in shared.mixes:
        for block in range(shared.blocks):
            for position in range(2):
                trial, rows = make_trial(ends, rng, (mix, shared.loads[0]), block, position)
                name = f"ladder-{trial.trial_id}"
                own = replace(
                    trial, experiment="ladder", trial_id=name, rows_file=f"rows/{name}.parquet"
                )
                writer.add_trial(own, rows)
    writer.finish()
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Own and shared blocks of the same truth."""
    return ladder_run(tmp_path_factory.mktemp("adds-up"))


def check_of(run: Path, kind: str) -> Check:
    return next(check for check in checks_of(load_run(run)) if check.kind == kind)


def words_of(run: Path) -> dict[str, str]:
    data = load_run(run)
    return {v.metric: v.verdict for v in add_up_verdicts(data, checks_of(data))}


def test_whole_and_product_of_the_same_truth_agree(run: Path) -> None:
    check = check_of(run, "p50")
    assert check.own is not None
    assert check.product is not None
    assert check.own.estimate == pytest.approx(RATIOS["microservices"], rel=0.03)
    assert check.product.estimate == pytest.approx(RATIOS["microservices"], rel=0.03)
    assert set(words_of(run).values()) == {"supported"}


def test_the_product_is_that_of_the_three_steps(run: Path) -> None:
    check = check_of(run, "cpu")
    assert [(start, end) for start, end, _ in check.steps] == list(
        zip(LADDER[:-1], LADDER[1:], strict=True)
    )
    assert check.product is not None
    product = np.prod([ratio.estimate for _, _, ratio in check.steps])
    assert check.product.estimate == pytest.approx(float(product), rel=1e-9)


def test_a_whole_ten_percent_off_differs(tmp_path: Path) -> None:
    off = RATIOS["microservices"] * 1.10
    run = ladder_run(tmp_path, {"microservices": off})
    found = words_of(run)
    assert found["response_time_ms_p50"] == "refuted"
    assert found["cpu_ms_per_request"] == "supported"  # the factory's CPU knows no ratios


def test_the_quotients_interval_is_welchs_at_holms_level(run: Path) -> None:
    data = load_run(run)
    checks = checks_of(data)
    verdicts = add_up_verdicts(data, checks)
    for check, verdict in zip(checks, verdicts, strict=True):
        a, b = check.logs
        sizes = (a.size, b.size)
        va, vb = a.var(ddof=1) / sizes[0], b.var(ddof=1) / sizes[1]
        freedom = (va + vb) ** 2 / (va**2 / (sizes[0] - 1) + vb**2 / (sizes[1] - 1))
        reach = stats.t.ppf(0.5 + verdict.level / 2, freedom) * np.sqrt(va + vb)
        mean = a.mean() - b.mean()
        assert verdict.estimate == pytest.approx(exp(mean))
        assert verdict.low == pytest.approx(exp(mean - reach))
        assert verdict.high == pytest.approx(exp(mean + reach))
    assert max(verdict.level for verdict in verdicts) == pytest.approx(0.975)  # of two checks


def test_noise_few_blocks_and_smoke_confirm_nothing(tmp_path: Path) -> None:
    assert set(words_of(ladder_run(tmp_path / "a", noise=0.4)).values()) == {"inconclusive"}
    assert set(words_of(ladder_run(tmp_path / "b", blocks=5)).values()) == {"inconclusive"}
    assert set(words_of(ladder_run(tmp_path / "c", profile="smoke")).values()) == {"inconclusive"}


def test_without_all_four_there_is_no_product(tmp_path: Path) -> None:
    run = ladder_run(tmp_path, deployments=("monolith", "microservices"))
    check = check_of(run, "p50")
    assert check.own is not None
    assert check.product is None
    found = section(load_run(run))
    assert found is not None
    assert "no product of the steps" in found.context["lines"][0]


def test_the_last_step_says_what_it_is_made_of(tmp_path: Path) -> None:
    run = make_run(
        tmp_path,
        Plan(mixes=("mixed", "overview", "product_read"), requests=300, blocks=2, noise=0.0),
    )
    data = load_run(run)
    found = ladders(data, cells_of(data.load_trials))
    lines = sanity_check(found)
    cpu = next(line for line in lines if line.startswith("overview, CPU"))
    assert "gateway 0 → 0.450" in cpu, cpu
    assert "service processes 0.620 → 1.25" in cpu
    assert "databases 0.800 → 0.800" in cpu
    assert cpu.endswith("4 calls between processes an answer")
    p50 = next(line for line in lines if line.startswith("product read, p50"))
    assert "in the server" in p50
    assert p50.endswith("1 call between processes an answer")
    (many, _) = fan_out(found)
    assert "overview (4 calls)" in many


def test_the_orders_first_step_is_split_by_the_bare_handlers(tmp_path: Path) -> None:
    """Bare handlers of the factory spend 1 ms each: the framework's factor is 1."""
    run = make_run(tmp_path, Plan(mixes=("order",), requests=300, blocks=3, floor=True, noise=0.0))
    data = load_run(run)
    pairs = [
        {"operation": "order", "arm": "a", "bare": bare, "framework": name, "source": "x"}
        for bare, name in (("bare-drf", "DRF"), ("bare-aiohttp", "aiohttp"))
    ]
    writer = RunWriter.reopen(run)
    writer.add_settings(floor=pairs)
    found = ladders(data, cells_of(data.load_trials))
    assert order_parts(load_run(run), found) == []  # bare-drf served no order here
    for trial in data.trials:
        entry = trial.trial
        if entry.deployment == "bare-drf":
            rows = RunReader(run).rows(entry.trial_id)
            name = f"order-{entry.trial_id}"
            moved = replace(entry, mix="order", trial_id=name, rows_file=f"rows/{name}.parquet")
            writer.add_trial(moved, rows)
    (line,) = order_parts(load_run(run), found)
    assert "process 2.40 → 0.600 (×0.250, measured)" in line
    assert "framework ×1.00" in line
    assert "derived" in line


def test_the_page_prints_both_intervals_and_the_word(run: Path) -> None:
    page = build_report(run).read_text(encoding="utf-8")
    assert 'id="adds-up"' in page
    assert "quotient ×" in page
    assert "agree" in page
