"""What the report says of saturation, capacity searches and the load curve."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.errors import ShopbenchError
from bench.experiments.capacity.findings import (
    Summary,
    capacity_cell,
    curve_cells,
    searches_of,
    summaries,
)
from bench.experiments.capacity.load import load_curve_section
from bench.experiments.capacity.records import (
    Levels,
    capacity_verdicts,
    known_capacity_rps,
    saturation_verdicts,
    told,
)
from bench.experiments.capacity.section import section
from bench.report.analysis import analyse
from bench.report.build import build_report
from bench.report.prices import Prices, read_prices
from bench.results.dataset import load_run
from bench.results.journal import RunReader, Verdict
from tests.unit.experiments.capacity.capacity_runs import CPU_MS, SATURATED, STEP, capacity_run
from tests.unit.report.compared import changes_between
from tests.unit.report.factory import Plan, open_run


def judged(run: Path) -> Verdict:
    (verdict,) = capacity_verdicts(RunReader(run).journal)
    return verdict


def total(run: Path, deployment: str) -> Summary:
    found = summaries(searches_of(load_run(run)))
    return next(summary for summary in found if summary.deployment == deployment)


def saturation(run: Path) -> dict[str, Verdict]:
    return {v.denominator: v for v in saturation_verdicts(RunReader(run).journal)}


def test_three_searches_give_a_ratio_with_its_interval(tmp_path: Path) -> None:
    run = capacity_run(tmp_path, {"monolith": [400, 410, 405], "microservices": [200, 206, 202]})
    verdict = judged(run)
    assert verdict.verdict == "supported"
    assert "lower in microservices" in verdict.question
    assert verdict.n_blocks == 3
    # log-ratios -0.693147, -0.688259, -0.695597: t interval with 2 degrees of freedom
    assert verdict.estimate == pytest.approx(0.50038, abs=2e-5)
    assert verdict.low == pytest.approx(0.49575, abs=2e-4)
    assert verdict.high == pytest.approx(0.50506, abs=2e-4)
    assert verdict.note.startswith("211 against 421 requests/s")  # the middles of the brackets


def test_equal_capacities_show_no_difference(tmp_path: Path) -> None:
    run = capacity_run(tmp_path, {"monolith": [400, 410, 405], "microservices": [401, 408, 406]})
    assert judged(run).verdict == "no difference shown"


def test_less_than_three_pairs_of_searches_decide_nothing(tmp_path: Path) -> None:
    run = capacity_run(tmp_path, {"monolith": [400, 400, 400], "microservices": [100, 100]})
    verdict = judged(run)
    assert (verdict.verdict, verdict.n_blocks) == ("inconclusive", 2)
    assert "3 are needed" in verdict.note


def test_an_open_bracket_and_the_smoke_profile_decide_nothing(tmp_path: Path) -> None:
    capacities = {"monolith": [400] * 3, "microservices": [100] * 3}
    opened = judged(capacity_run(tmp_path / "open", capacities, end="open"))
    assert (opened.verdict, opened.estimate) == ("inconclusive", None)
    assert "fewer than two searches" in opened.note
    smoke = judged(capacity_run(tmp_path / "smoke", capacities, profile="smoke"))
    assert smoke.verdict == "inconclusive"
    assert "smoke" in smoke.note


def test_a_ratio_at_saturation_is_within_passes_however_the_machine_changes(
    tmp_path: Path,
) -> None:
    """From pass to pass all windows get up to 1.6 times as fast; the ratio moves by 1 %."""
    run = capacity_run(tmp_path, {}, saturated=SATURATED)
    found = saturation(run)
    assert found["monolith"].verdict == "refuted"
    assert found["monolith"].estimate == pytest.approx(1.5, rel=0.01)
    assert found["modular-split"].verdict == "supported"
    assert found["modular-split"].estimate == pytest.approx(2 / 3, rel=0.01)
    for verdict in found.values():
        assert verdict.low is not None
        assert verdict.high is not None
        assert verdict.high / verdict.low < 1.03
        assert verdict.n_blocks == 6
    assert found["monolith"].note.startswith("769 against 513 requests/s")


def test_five_passes_and_equal_throughput_decide_as_the_rule_says(tmp_path: Path) -> None:
    journal = RunReader(capacity_run(tmp_path / "few", {}, saturated=SATURATED)).journal
    few = replace(journal, trials=tuple(t for t in journal.trials if t.block < 5))
    assert {v.verdict for v in saturation_verdicts(few)} == {"inconclusive"}
    equal = capacity_run(tmp_path / "equal", {}, saturated={**SATURATED, "monolith": 602.0})
    assert saturation(equal)["monolith"].verdict == "no difference shown"


def test_a_window_that_is_invalid_leaves_its_pair_out_of_the_ratio() -> None:
    levels = Levels("mixed", ({"a": 1.0, "b": 2.0}, {"a": 1.0}, {"a": 3.0, "b": 6.0}))
    ratio = levels.ratio("b", "a")
    assert ratio is not None
    assert (ratio.n_blocks, ratio.estimate) == (2, pytest.approx(2.0))
    assert levels.pairs() == [("b", "a")]


def test_every_pair_of_the_ladder_has_a_ratio_in_its_table(tmp_path: Path) -> None:
    run = capacity_run(tmp_path, {}, saturated=SATURATED)
    found = section(load_run(run))
    assert found is not None
    pairs = [row[1] for row in found.context["ratios"]]
    assert len(pairs) == 6
    assert "modular-split : modular" in pairs


def test_the_terminal_gets_numbers_interval_and_word(tmp_path: Path) -> None:
    run = capacity_run(tmp_path, {}, saturated=SATURATED)
    line = told(saturation(run)["monolith"])
    assert "×1.5 [1.49, 1.51], 6 passes: refuted (769 against 513 requests/s" in line


def test_invalid_probes_do_not_count(tmp_path: Path) -> None:
    run = capacity_run(tmp_path, {"monolith": [400]}, end="invalid")
    (search,) = searches_of(load_run(run))
    assert (search.end.low_rps, search.end.high_rps) == (None, None)
    assert search.end.reason == "interrupted"
    assert all(probe.passed is None for probe in search.probes)


def test_an_interrupted_search_keeps_the_bracket_of_its_probes(tmp_path: Path) -> None:
    run = capacity_run(tmp_path, {"monolith": [400]}, end="interrupted")
    (search,) = searches_of(load_run(run))
    assert (search.end.low_rps, search.end.high_rps) == (400, 432)
    assert search.end.middle_rps is None


def test_searches_of_another_shape_are_one_clear_line(tmp_path: Path) -> None:
    run = open_run(tmp_path, Plan(blocks=1, requests=40, settings={"capacity_searches": [{}]}))
    with pytest.raises(ShopbenchError, match="capacity_searches is no list of searches"):
        section(load_run(run))


def test_cost_at_capacity_is_that_of_the_deployment_alone(tmp_path: Path) -> None:
    """40 answers a second in the synthetic rows, 2 ms of CPU each, half a GiB throughout."""
    found = total(capacity_run(tmp_path, {"monolith": [400]}), "monolith")
    assert found.cpu_ms == pytest.approx(CPU_MS["monolith"])
    assert found.cores == pytest.approx(0.08, rel=1e-6)
    assert found.gib_s == pytest.approx(0.5 / 40)
    prices = Prices("example", "2025-01-01", "USD", 3.6, 7.2)
    # 2,000 vCPU-seconds at 0.001 a second and 12,500 GiB-seconds at 0.002 a second
    assert found.money(prices) == pytest.approx(2.0 + 25.0)
    assert found.rps_per_core == pytest.approx(400 * STEP**0.5 / 0.08)


def test_the_price_file_is_an_example_with_a_date(tmp_path: Path) -> None:
    prices = read_prices()
    assert prices.label == "example"
    assert prices.date
    broken = tmp_path / "prices.toml"
    broken.write_text('label = "x"')
    with pytest.raises(ShopbenchError, match=r"prices\.toml"):
        read_prices(broken)


def test_the_comparison_table_has_capacity_and_throughput(tmp_path: Path) -> None:
    run = capacity_run(tmp_path, {"monolith": [400]}, saturated=SATURATED)
    data = load_run(run)
    cell = capacity_cell(data, "monolith")
    assert cell is not None
    assert cell.startswith("416 requests/s (bracket [400, 432)) at the SLO (mixed load); 5,196")
    assert cell.endswith("saturated at 513 requests/s (mixed load)")
    assert capacity_cell(data, "modular") == "saturated at 1,282 requests/s (mixed load)"
    assert capacity_cell(data, "users|inventory+orders+payments") is None


def test_what_a_deployment_can_do_is_searched_or_else_saturated(tmp_path: Path) -> None:
    run = capacity_run(tmp_path, {"monolith": [400, 420]}, saturated=SATURATED)
    journal = RunReader(run).journal
    searched = known_capacity_rps(journal, "mixed", "monolith")
    assert searched == (pytest.approx((400 * 420) ** 0.5 * STEP**0.5), "searched at the SLO")
    known = known_capacity_rps(journal, "mixed", "modular")
    assert known is not None
    assert known[1] == "saturated in a closed loop"
    assert known_capacity_rps(journal, "order", "monolith") is None


def test_the_page_holds_saturation_searches_probes_rules_curve_and_figures(
    tmp_path: Path,
) -> None:
    capacities = {"monolith": [400] * 3, "microservices": [200] * 3}
    run = capacity_run(tmp_path, capacities, saturated=SATURATED, loads=(40.0, 100.0, 160.0))
    page = build_report(run).read_text(encoding="utf-8")
    for text in (
        'id="capacity"',
        "the objective is met up to 416 requests/s",
        "brackets [400, 432)",
        "All 18 probes",
        "Rule, fixed before the run",
        "Throughput at saturation",
        "one start of each deployment",
        "48 in every deployment",
        "example prices of 2025-01-01",
        "Loads measured: 40 (19%), 100 (48%), 160 (77%)",
        "monolith 416, microservices 208; searched at the SLO",
    ):
        assert text in page, text
    for name in ("saturation", "capacity-cpu-mixed", "capacity-probes-mixed", "load-mixed"):
        assert (run / "figures" / f"{name}.svg").stat().st_size > 2_000, name


def test_the_p99_of_the_curve_is_never_from_under_a_thousand_requests(tmp_path: Path) -> None:
    """400 requests a trial: three blocks have 1,200."""
    capacities = {"monolith": [400], "microservices": [200]}
    run = capacity_run(tmp_path, capacities, loads=(40.0, 100.0))
    analysis = analyse(run)
    (figure,) = load_curve_section(analysis.data).context["curves"]
    p50, _, p99 = figure.canvas.axes
    drawn = [[len(line.get_xdata()) for line in axis.lines[:1]] for axis in (p50, p99)]
    assert drawn == [[2], [2]]
    assert [cell.offered_rps for cell in curve_cells(analysis.data)] == [40.0, 100.0]


def test_a_run_without_capacity_has_no_section(tmp_path: Path) -> None:
    run = open_run(tmp_path, Plan(blocks=2, requests=200))
    assert section(load_run(run)) is None


def test_two_runs_whose_ratio_moved_differ_though_no_verdict_flips(tmp_path: Path) -> None:
    found = {"monolith": [400.0], "microservices": [600.0]}
    runs = [
        capacity_run(tmp_path / name, found, saturated={**SATURATED, "microservices": rps})
        for name, rps in (("slow", 600.0), ("fast", 900.0))
    ]
    changes, _ = changes_between(runs)
    moved = [c for c in changes if c.first and c.first.numerator == "microservices"
             and c.first.denominator == "monolith" and "saturation" in c.first.id]  # fmt: skip
    assert [(change.word, change.flipped) for change in moved] == [("different", False)]
    assert moved[0].moved is not None
    assert moved[0].moved.estimate == pytest.approx(1.5, rel=0.02)
