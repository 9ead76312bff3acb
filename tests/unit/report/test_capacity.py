"""What the report says of capacity searches."""

from pathlib import Path

import pytest

from bench.errors import ShopbenchError
from bench.report.build import build_report
from bench.report.capacity import (
    Prices,
    Summary,
    capacity_cell,
    capacity_verdicts,
    read_prices,
    searches_of,
    summaries,
)
from bench.report.dataset import load_run
from bench.report.sections.capacity import section
from tests.unit.report.capacity_runs import CPU_MS, capacity_run
from tests.unit.report.factory import Plan, open_run


def judged(run: Path) -> tuple[str, str]:
    data = load_run(run)
    (verdict,) = capacity_verdicts(data, summaries(searches_of(data)))
    return verdict.verdict, verdict.note


def total(run: Path, deployment: str) -> Summary:
    found = summaries(searches_of(load_run(run)))
    return next(summary for summary in found if summary.deployment == deployment)


def test_three_searches_give_a_ratio_with_its_interval(tmp_path: Path) -> None:
    run = capacity_run(tmp_path, {"monolith": [400, 410, 405], "microservices": [200, 206, 202]})
    data = load_run(run)
    (verdict,) = capacity_verdicts(data, summaries(searches_of(data)))
    assert verdict.verdict == "supported"
    assert "lower in microservices" in verdict.question
    assert verdict.n_blocks == 3
    # log-ratios -0.693147, -0.688259, -0.695597: t interval with 2 degrees of freedom
    assert verdict.estimate == pytest.approx(0.50038, abs=2e-5)
    assert verdict.low == pytest.approx(0.49575, abs=2e-4)
    assert verdict.high == pytest.approx(0.50506, abs=2e-4)


def test_equal_capacities_show_no_difference(tmp_path: Path) -> None:
    run = capacity_run(tmp_path, {"monolith": [400, 410, 405], "microservices": [401, 408, 406]})
    assert judged(run)[0] == "no difference shown"


@pytest.mark.parametrize(
    ("other", "word"), [(300, "inconclusive"), (200, "supported"), (700, "refuted")]
)
def test_one_search_decides_only_by_brackets_far_apart(
    tmp_path: Path, other: float, word: str
) -> None:
    """300 against 370: the bracket of the ratio is [300 / 388.5, 315 / 370] and reaches 0.8."""
    run = capacity_run(tmp_path, {"monolith": [370], "microservices": [other]}, profile="quick")
    found, note = judged(run)
    assert found == word
    assert "one search each: bracket of the ratio" in note


def test_an_unconfirmed_bracket_and_the_smoke_profile_decide_nothing(tmp_path: Path) -> None:
    capacities = {"monolith": [400], "microservices": [100]}
    open_run = capacity_run(tmp_path / "open", capacities, profile="quick", end="open")
    assert judged(open_run) == ("inconclusive", "no pair of confirmed searches")
    smoke = capacity_run(tmp_path / "smoke", capacities, profile="smoke")
    assert judged(smoke)[0] == "inconclusive"
    assert "smoke" in judged(smoke)[1]


def test_invalid_probes_do_not_count(tmp_path: Path) -> None:
    run = capacity_run(tmp_path, {"monolith": [400]}, end="invalid")
    (search,) = searches_of(load_run(run))
    assert (search.low_rps, search.high_rps, search.reason) == (None, None, "interrupted")
    assert all(probe.passed is None for probe in search.probes)


def test_an_interrupted_search_keeps_the_bracket_of_its_probes(tmp_path: Path) -> None:
    run = capacity_run(tmp_path, {"monolith": [400]}, end="interrupted")
    (search,) = searches_of(load_run(run))
    assert (search.low_rps, search.high_rps) == (400, 420)
    assert not search.confirmed


def test_cost_at_capacity_is_that_of_the_deployment_alone(tmp_path: Path) -> None:
    """40 answers a second in the synthetic rows, 2 ms of CPU each, half a GiB throughout."""
    found = total(capacity_run(tmp_path, {"monolith": [400]}), "monolith")
    assert found.cpu_ms == pytest.approx(CPU_MS["monolith"])
    assert found.cores == pytest.approx(0.08, rel=1e-6)
    assert found.gib_s == pytest.approx(0.5 / 40)
    prices = Prices("example", "2025-01-01", "USD", 3.6, 7.2)
    # 2,000 vCPU-seconds at 0.001 a second and 12,500 GiB-seconds at 0.002 a second
    assert found.money(prices) == pytest.approx(2.0 + 25.0)
    assert found.rps_per_core == pytest.approx(400 / 0.08)


def test_the_price_file_is_an_example_with_a_date(tmp_path: Path) -> None:
    prices = read_prices()
    assert prices.label == "example"
    assert prices.date
    broken = tmp_path / "prices.toml"
    broken.write_text('label = "x"')
    with pytest.raises(ShopbenchError, match=r"prices\.toml"):
        read_prices(broken)


def test_the_comparison_table_has_the_measured_capacity(tmp_path: Path) -> None:
    run = capacity_run(tmp_path, {"monolith": [400], "microservices": [200]}, profile="quick")
    data = load_run(run)
    cell = capacity_cell(data, "monolith")
    assert cell is not None
    assert cell.startswith("400 requests/s (bracket [400, 420)) at the SLO (mixed load); 5,000")
    assert capacity_cell(data, "modular") is None


def test_the_page_holds_searches_probes_rule_and_figures(tmp_path: Path) -> None:
    run = capacity_run(tmp_path, {"monolith": [400], "microservices": [200]}, profile="quick")
    page = build_report(run).read_text(encoding="utf-8")
    for text in (
        'id="capacity"',
        "400 requests/s met the objective, brackets [400, 420)",
        "All 8 probes",
        "Rule, fixed before the run",
        "48 in every deployment",
        "example prices of 2025-01-01",
    ):
        assert text in page, text
    assert "Scalability" in page
    for name in ("capacity-cpu-mixed", "capacity-probes-mixed"):
        assert (run / "figures" / f"{name}.svg").stat().st_size > 2_000


def test_a_run_without_a_search_has_no_section(tmp_path: Path) -> None:
    run = open_run(tmp_path, Plan(blocks=2, requests=200))
    assert section(load_run(run)) is None
