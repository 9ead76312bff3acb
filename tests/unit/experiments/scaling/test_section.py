"""Scaling in the report, on runs with planted capacities."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from bench.experiments.scaling.findings import climbs_of
from bench.experiments.scaling.judge import scaling_verdicts
from bench.experiments.scaling.law import Law, law_of
from bench.report.analysis import analyse
from bench.report.build import build_report
from bench.report.console import show_results
from bench.report.limits import limits
from bench.results.dataset import load_run
from bench.results.journal import CorruptResults, Verdict
from tests.unit.experiments.scaling.scaling_runs import (
    COPY_MIB,
    DATABASE_CORES,
    MIXES,
    PATHS,
    REPLICA_MIB,
    planted,
    scaling_run,
)
from tests.unit.report.compared import changes_between
from tests.unit.report.factory import Plan, open_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaling_run(tmp_path_factory.mktemp("scaling"), blocks=5, mixes=MIXES)


def verdicts_of(path: Path) -> dict[str, Verdict]:
    data = load_run(path)
    return {v.id.removeprefix("scaling/"): v for v in scaling_verdicts(data, climbs_of(data))}


def test_capacity_cpu_and_memory_of_a_level_are_read(run: Path) -> None:
    climb = next(c for c in climbs_of(load_run(run)) if c.deployment == "microservices")
    assert [step.quota_cores for step in climb.steps] == [0.5, 0.6, 0.7, 0.8, 0.9]
    step = climb.steps[1]
    assert step.capacity is not None
    assert step.capacity.n == 5
    assert step.capacity.value == pytest.approx(240, rel=0.02)
    assert step.cores(0) == pytest.approx(0.6 + DATABASE_CORES, rel=1e-3)
    assert step.serving_gib(0) == pytest.approx(6 * REPLICA_MIB / 1024)
    assert step.gib(0) == pytest.approx((6 * REPLICA_MIB + 100) / 1024)
    assert step.mean("edge_cores") == pytest.approx(0.01, rel=1e-3)
    assert climb.scaled == ("", "gateway", "inventory", "gateway", "inventory")
    assert step.bottlenecks == {"gateway": 5}


def test_the_ratio_of_what_is_added_is_found_for_both_mixes(run: Path) -> None:
    found = verdicts_of(run)
    for mix, ratio in (("mixed", 90 / 60), ("hot_browse", 120 / 60)):
        core = found[f"{mix}/microservices:monolith/added_core"]
        assert core.estimate == pytest.approx(ratio, rel=0.06)
        assert core.low is not None
        assert core.low > 1
        assert (core.verdict, core.n_blocks) == ("supported", 5)
        memory = found[f"{mix}/microservices:monolith/added_gib"]
        assert memory.estimate == pytest.approx(ratio * COPY_MIB / REPLICA_MIB, rel=0.06)
    assert found["mixed/microservices:monolith/per_core"].verdict == "no difference shown"
    assert core.level > 0.95  # Holm over eight


def test_each_arm_is_judged_by_its_own_rule(run: Path) -> None:
    found = verdicts_of(run)
    assert found["mixed/monolith/whole"].verdict == "supported"
    assert found["mixed/microservices/per_service"].verdict == "supported"
    assert found["mixed/microservices/per_service"].estimate == pytest.approx(3.4, rel=0.05)


def test_a_whole_that_stops_growing_is_refuted(tmp_path: Path) -> None:
    def flat(name: str, mix: str, level: int, block: int) -> float | None:
        value = planted(name, mix, min(level, 1) if name == "monolith" else level, block)
        return value

    found = verdicts_of(scaling_run(tmp_path, capacity=flat))
    assert found["mixed/monolith/whole"].verdict == "refuted"


def test_replicas_that_bring_nothing_support_nothing(tmp_path: Path) -> None:
    def stuck(name: str, mix: str, level: int, block: int) -> float | None:
        return planted(name, mix, 0 if name == "microservices" else level, block)

    found = verdicts_of(scaling_run(tmp_path, capacity=stuck))
    assert found["mixed/microservices/per_service"].verdict == "no difference shown"


def test_a_block_without_gain_is_not_dropped_in_silence(tmp_path: Path) -> None:
    def falling(name: str, mix: str, level: int, block: int) -> float | None:
        fell = name == "microservices" and block == 2
        return 300.0 - 20 * level if fell else planted(name, mix, level, block)

    found = verdicts_of(scaling_run(tmp_path, capacity=falling))
    verdict = found["mixed/microservices:monolith/added_core"]
    assert verdict.verdict == "inconclusive"
    assert "in 1 of 3 blocks what was added carried nothing" in verdict.note


@pytest.mark.parametrize(("blocks", "profile"), [(2, "quick"), (3, "smoke")])
def test_too_few_blocks_or_smoke_claim_nothing(tmp_path: Path, blocks: int, profile: str) -> None:
    found = verdicts_of(scaling_run(tmp_path, blocks=blocks, profile=profile))
    assert {verdict.verdict for verdict in found.values()} == {"inconclusive"}


def test_shares_of_invalid_probes_apart_make_it_inconclusive(tmp_path: Path) -> None:
    path = scaling_run(tmp_path, status=lambda name: "invalid" if name == "monolith" else "valid")
    verdict = verdicts_of(path)["mixed/microservices:monolith/added_core"]
    assert verdict.verdict == "inconclusive"


def test_searches_without_an_end_are_no_capacity(tmp_path: Path) -> None:
    def open_ends(name: str, mix: str, level: int, block: int) -> float | None:
        return None if level == 2 and block < 1 else planted(name, mix, level, block)

    climb = climbs_of(load_run(scaling_run(tmp_path, capacity=open_ends)))[0]
    assert climb.steps[2].capacity is not None
    assert climb.steps[2].capacity.n == 2
    assert climb.steps[1].capacity is not None
    assert climb.steps[1].capacity.n == 3


def test_the_law_is_fitted_from_six_levels_and_only_to_the_whole(tmp_path: Path, run: Path) -> None:
    five = climbs_of(load_run(run))
    assert "needs 6 levels" in str(law_of(five[0]))
    assert law_of(five[1]) is None
    paths = {**PATHS, "monolith": [{"monolith": n} for n in range(1, 7)]}
    six = climbs_of(load_run(scaling_run(tmp_path, paths=paths)))
    law = law_of(six[0])
    assert isinstance(law, Law)
    assert len(law.fits) == 3
    assert "12 copies: " in law.line()
    assert law.line().count("(extrapolated)") == 1  # 24 copies, not 12


def test_the_report_shows_it(run: Path) -> None:
    page = build_report(run).read_text(encoding="utf-8")
    assert "Scaling: as a whole, or per service" in page
    assert "+inventory" in page
    assert (run / "figures" / "scaling-capacity.png").exists()
    summary = (run / "summary.md").read_text(encoding="utf-8")
    assert "## Scaling: as a whole, or per service" in summary
    written = json.loads((run / "verdicts.json").read_text(encoding="utf-8"))["verdicts"]
    assert sum(entry["id"].startswith("scaling/") for entry in written) == 12
    assert not list((run / "figures").glob("forest-*"))


def test_its_verdicts_are_the_result_of_a_run_without_named_metrics(run: Path) -> None:
    analysis = analyse(run)
    lines = analysis.words.sentences
    assert len(lines) == len(analysis.verdicts) == 12
    decided = [" supported, " in line or " refuted, " in line for line in lines]
    assert decided == sorted(decided, reverse=True)
    assert not any("scaling out" in text for text in limits(analysis))  # it is what was measured
    console = Console(record=True, width=200)
    show_results(run, console)
    shown = console.export_text()
    assert shown.count("Does a core carry more load") == 2
    assert "could be judged" not in shown


def test_a_run_without_it_has_no_section(tmp_path: Path) -> None:
    assert climbs_of(load_run(open_run(tmp_path, Plan(blocks=2, requests=60)))) == []


def test_damaged_settings_are_one_clear_line(tmp_path: Path) -> None:
    path = scaling_run(tmp_path, blocks=1)
    document = json.loads((path / "journal.json").read_text(encoding="utf-8"))
    del document["settings"]["scaling"]["cells"][0]["level"]
    (path / "journal.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(CorruptResults, match=r"settings\.scaling is damaged"):
        climbs_of(load_run(path))


def test_two_runs_whose_levels_moved_differ_though_no_verdict_flips(tmp_path: Path) -> None:
    def faster(name: str, mix: str, level: int, block: int) -> float | None:
        found = planted(name, mix, level, block)
        return found if found is None or name == "monolith" else 1.5 * found

    runs = [
        scaling_run(tmp_path / name, capacity=capacity)
        for name, capacity in (("first", planted), ("second", faster))
    ]
    found, _ = changes_between(runs)
    by_id = {change.asked.id.removeprefix("scaling/mixed/"): change for change in found}
    for name in ("microservices:monolith/level-1", "microservices:monolith/added_core"):
        change = by_id[name]
        assert (change.word, change.flipped) == ("different", False)
        assert change.moved is not None
        assert change.moved.estimate == pytest.approx(1.5, rel=0.02)
    assert by_id["microservices/per_service"].word == "no difference shown"
