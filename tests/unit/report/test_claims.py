"""Claims and comparison table of one run: who speaks to what, and honest gaps."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from markupsafe import escape

from bench.claims import registry
from bench.report.analysis import Analysis, analyse
from bench.report.build import build_report
from bench.report.claims import Evidence, Picture, combined, name_claims, tally
from bench.report.comparison import comparison, gap_texts, picture_of, run_cells, texts
from bench.report.fields import estimate_text
from bench.report.section import Section
from bench.results.journal import RunReader, TableCell, VerdictWord
from tests.unit.audit.sound_shop import sound_shop
from tests.unit.experiments.capacity.capacity_runs import SATURATED, capacity_run
from tests.unit.experiments.consistency import test_section as test_consistency
from tests.unit.experiments.consistency.test_section import ARMS, END, kills_of
from tests.unit.experiments.failure import fault_runs
from tests.unit.experiments.network import test_section as test_network
from tests.unit.experiments.scaling import scaling_runs
from tests.unit.experiments.topologies import test_section as test_topologies
from tests.unit.report.factory import Rounds, make_run, pair_run

pytestmark = pytest.mark.usefixtures("unpainted")

WITNESSED = {
    "latency",
    "capacity",
    "network",
    "topologies",
    "failure",
    "consistency",
    "scaling",
}  # that a made-up run exists for


@pytest.fixture(scope="module")
def ladder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Paired rounds of all four deployments; the report is built."""
    run = make_run(tmp_path_factory.mktemp("ladder"), Rounds())
    build_report(run)
    return run


@pytest.fixture(scope="module")
def analysed(ladder: Path) -> Analysis:
    return analyse(ladder)


@pytest.fixture(scope="module")
def capacity(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    found = {"monolith": [200.0] * 3, "microservices": [100.0] * 3}
    return analyse(capacity_run(tmp_path_factory.mktemp("capacity"), found, saturated=SATURATED))


def test_every_pattern_of_a_built_experiment_meets_a_verdict(
    analysed: Analysis, capacity: Analysis, tmp_path: Path
) -> None:
    made: dict[str, Callable[[Path], Path]] = {
        "network": test_network.write_run,
        "topologies": test_topologies.write_run,
        "failure": lambda path: fault_runs.write_run(path, fault_runs.Losses(repetitions=2)),
        "consistency": lambda path: test_consistency.run_with(
            path, {arm: [*kills_of(20), *END] for arm in ARMS}, sound_shop()
        ),
        "scaling": scaling_runs.scaling_run,
    }
    verdicts = [*analysed.verdicts, *capacity.verdicts]
    for name, make in made.items():
        (tmp_path / name).mkdir()
        verdicts += analyse(make(tmp_path / name)).verdicts
    answered = {claim for verdict in verdicts for claim in verdict.claims}
    assert {c.id for c in registry().claims if c.experiment in WITNESSED} == answered


def test_a_claim_and_its_verdicts_compare_the_same_pair_in_the_same_direction(
    analysed: Analysis, capacity: Analysis
) -> None:
    claims = {claim.id: claim for claim in registry().claims}
    for verdict in [*analysed.verdicts, *capacity.verdicts]:
        for claim in (claims[name] for name in verdict.claims):
            assert claim.pair == f"{verdict.numerator}:{verdict.denominator}"
            assert f"claim: {claim.direction};" in verdict.rule
            assert claim.metric == verdict.metric


def test_the_metrics_named_beforehand_answer_the_claims_on_them(
    analysed: Analysis,
) -> None:
    by_claim = {r.claim.id: [a.verdict for a in r.answers] for r in picture_of(analysed).results}
    named = {v.id for v in analysed.named}
    assert {v.id for v in by_claim["whole-time"]} <= named
    boundary = by_claim["boundary-time"]
    assert {v.id.split("/")[1] for v in boundary} == {"product_read", "order", "overview", "mix"}
    assert {v.id for v in boundary} <= named


def test_verdicts_json_names_the_claims(ladder: Path) -> None:
    stored = RunReader(ladder).verdicts
    assert any(v.claims == ("boundary-cpu",) for v in stored)
    assert any(v.claims == () for v in stored)
    assert name_claims([replace(v, claims=()) for v in stored]) == list(stored)


def test_a_claim_takes_word_numbers_and_count_from_its_verdicts(capacity: Analysis) -> None:
    (result,) = [r for r in picture_of(capacity).results if r.claim.id == "capacity-equal-cpu"]
    assert result.word == "supported"
    assert result.answers[0].verdict.estimate == pytest.approx(0.5)
    assert result.answers[0].verdict.n_blocks == 3


@pytest.mark.parametrize(
    ("words", "word"),
    [
        ([], ""),
        (["supported"], "supported"),
        (["refuted", "refuted"], "refuted"),
        (["supported", "refuted"], "mixed"),
        (["supported", "refuted", "inconclusive"], "mixed"),
        (["supported", "inconclusive"], "inconclusive"),
        (["no difference shown", "supported"], "inconclusive"),
    ],
)
def test_several_verdicts_make_one_word_only_if_all_agree(
    words: list[VerdictWord], word: str
) -> None:
    assert combined(words) == word


@pytest.mark.parametrize(
    ("own", "of_the_claim"),
    [("supported", "refuted"), ("refuted", "supported"), ("inconclusive", "inconclusive")],
)
def test_a_verdict_on_the_contrary_is_turned_round(
    capacity: Analysis, own: VerdictWord, of_the_claim: str
) -> None:
    contrary = replace(
        capacity.verdicts[0], id="failure/isolation/monolith/lost_elsewhere_in_points", verdict=own
    )
    picture = Picture((Evidence("run", frozenset({"failure"}), (*name_claims([contrary]),), ()),))
    (result,) = [r for r in picture.results if r.answers]
    assert (result.claim.id, result.word) == ("fault-whole", of_the_claim)


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        ("capacity_rps", "×0.500"),
        ("lost_elsewhere_in_points", "0.500 points"),
        ("back_in_time_in_share", "0.500 share"),
    ],
)
def test_an_estimate_that_is_no_ratio_has_its_unit(
    capacity: Analysis, metric: str, text: str
) -> None:
    assert estimate_text(replace(capacity.verdicts[0], metric=metric, estimate=0.5)) == text


def test_what_has_no_verdict_says_why(analysed: Analysis) -> None:
    why = {r.claim.id: (r.lack, r.why) for r in picture_of(analysed).results}
    assert why["capacity-equal-cpu"] == (
        "not measured", "not measured in this run: shopbench run capacity",
    )  # fmt: skip
    assert why["diagnosis-tools"] == (
        "by hand", "comes by hand: a hidden slow component, to be named from telemetry alone",
    )  # fmt: skip


def test_a_run_without_the_pair_of_a_claim_says_so(tmp_path: Path) -> None:
    found = picture_of(analyse(make_run(tmp_path, pair_run())))
    (result,) = [r for r in found.results if r.claim.id == "boundary-time"]
    assert result.lack == "without a verdict"
    assert result.why.endswith("microservices:modular-split")
    assert "2 without a verdict" in tally(found.results)


def test_the_table_has_six_rows_and_fills_only_what_was_measured(analysed: Analysis) -> None:
    rows = comparison(picture_of(analysed))
    assert [row.row.feature for row in rows] == [
        "Codebase", "Scalability", "Deployment", "Technology", "Failure impact", "Complexity",
    ]  # fmt: skip
    assert [r.row.id for r in rows if r.cells["monolith"]] == ["complexity"]
    assert texts(rows[5].cells["microservices"]).startswith(
        "5 component processes, 4 database servers"
    )
    assert gap_texts(rows[1]) == "not measured in this run: shopbench run capacity scaling"
    assert gap_texts(rows[0]) == "not measured in this run: shopbench run complexity"
    assert gap_texts(rows[3]) == "comes by hand: technology"
    assert {r.claim.id for r in rows[5].claims} == {"boundary-cpu", "whole-cpu"}


def test_a_run_of_faults_fills_the_row_on_failure(tmp_path: Path) -> None:
    rows = comparison(picture_of(analyse(fault_runs.write_run(tmp_path))))
    (row,) = [each for each in rows if each.row.id == "failure-impact"]
    assert texts(row.cells["monolith"]).startswith("0.0 % of the visits served in time")
    assert row.cells["microservices"][0].source == "failure"


def test_a_section_brings_its_own_cells(analysed: Analysis) -> None:
    cell = TableCell("failure-impact", "monolith", "failure", "31 % of visits lost")
    section = Section("x", "X", "quality", "x.html", cells=(cell,))
    assert cell in run_cells(replace(analysed, sections=[section]))


@pytest.mark.parametrize(
    "cell",
    [
        TableCell("failure impact", "monolith", "failure", "31 %"),
        TableCell("failure-impact", "modular", "failure", "31 %"),
        TableCell("failure-impact", "monolith", "latency", "31 %"),
    ],
)
def test_a_cell_that_belongs_nowhere_is_refused(analysed: Analysis, cell: TableCell) -> None:
    section = Section("x", "X", "quality", "x.html", cells=(cell,))
    with pytest.raises(ValueError, match="no cell of the comparison table"):
        run_cells(replace(analysed, sections=[section]))


def test_page_and_summary_show_the_result_then_the_table_and_every_claim(ladder: Path) -> None:
    page = (ladder / "report.html").read_text()
    places = [page.index(f'id="{name}"') for name in ("result", "comparison", "ladder", "claims")]
    assert places == sorted(places)
    summary = (ladder / "summary.md").read_text()
    assert summary.index("## Result") < summary.index("## The comparison table")
    for claim in registry().claims:
        assert claim.wording in summary
        assert str(escape(claim.title)) in page
