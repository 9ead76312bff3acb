"""The failure section on runs with planted losses."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.experiments.failure.figures.heat_maps import OVERLOAD, difference_figures
from bench.experiments.failure.findings import EVERY, _chosen, matrix_of
from bench.experiments.failure.judge import verdicts_of
from bench.experiments.failure.section import section
from bench.report.analysis import analyse
from bench.report.build import build_report
from bench.report.page import figures_of
from bench.results.dataset import load_run
from bench.results.journal import RunReader
from tests.unit.experiments.failure.fault_runs import AT_S, Losses, write_run
from tests.unit.report.compared import changes_between
from tests.unit.report.factory import Plan, trial_entry

CRASH, RESET = "failure:1 crash payments", "failure:2 hop_reset orders"


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("failure"))


def test_the_matrix_holds_the_planted_losses_with_n_interval_and_control(once: Path) -> None:
    matrix = matrix_of(load_run(once))
    assert matrix is not None
    assert matrix.journeys == ("look", "buy", "home", "account")
    mono, micro = matrix.cells[CRASH, "monolith"], matrix.cells[CRASH, "microservices"]
    for journey in matrix.journeys:
        assert sum(mono.counts(journey)) == 25
        assert mono.counts(journey) == (0, 0, 25, 0)
        assert mono.share(journey, control=True).estimate == 1.0
        kept = journey in {"look", "home"}
        assert micro.share(journey).estimate == float(kept)
        assert micro.blast_radius(journey).estimate == float(not kept)
    assert micro.share(EVERY).estimate == pytest.approx(0.5)
    assert micro.share(EVERY).within_run
    difference = matrix.difference(CRASH, EVERY, ("microservices", "monolith"))
    assert difference.estimate == pytest.approx(0.5)
    assert difference.low > 0.35
    assert matrix.difference(CRASH, "buy", ("microservices", "monolith")).estimate == 0.0


def test_shares_and_points_are_not_drawn_as_ratios(tmp_path: Path) -> None:
    analysis = analyse(write_run(tmp_path, Losses(repetitions=3)))
    assert analysis.verdicts
    assert not [figure.name for figure in figures_of(analysis) if figure.name.startswith("forest")]


def test_moments_and_goodput_lost_are_those_planted(once: Path) -> None:
    matrix = matrix_of(load_run(once))
    (mono,) = matrix.cells[CRASH, "monolith"].stretches
    (micro,) = matrix.cells[CRASH, "microservices"].stretches
    assert mono.first_error_s == pytest.approx(0.05)
    assert mono.told_s == pytest.approx(0.05)
    assert mono.since_onset("detected_s") == pytest.approx(0.5)
    assert (mono.recovery.time_s, mono.recovery.lag_s) == (7.0, 2.0)
    assert (micro.recovery.time_s, micro.recovery.lag_s) == (5.0, 0.0)
    assert mono.lost_visits == 7 * 20
    assert micro.lost_visits == 5 * 10
    assert mono.onset_s == AT_S


def test_a_fault_without_a_twin_and_an_unsteady_shop_say_so(tmp_path: Path) -> None:
    matrix = matrix_of(load_run(write_run(tmp_path, Losses(unsteady="microservices"))))
    assert (
        matrix.cells[RESET, "monolith"].missing == "not applicable: no network between components"
    )
    assert matrix.cells[CRASH, "microservices"].missing.startswith(
        "invalid: the shop was not steady"
    )
    assert matrix.difference(CRASH, EVERY, ("microservices", "monolith")) is None


def test_one_repetition_judges_nothing(once: Path) -> None:
    data = load_run(once)
    assert verdicts_of(data, matrix_of(data)) == []
    assert "within one run" in section(data).summary[1]


def test_three_repetitions_judge_and_are_counted_in_words(tmp_path: Path) -> None:
    data = load_run(write_run(tmp_path, Losses(repetitions=3)))
    found = {v.id: v for v in verdicts_of(data, matrix_of(data))}
    impact = found["failure/impact/served_difference_in_points"]
    assert (impact.verdict, impact.n_blocks) == ("supported", 3)
    said = (
        "crash payments: microservices served more visits in time than monolith in 3 of 3 "
        "repetitions, by 50 [50, 50] points of them."
    )
    assert said in section(data).context["sentences"]


def test_six_repetitions_judge_by_their_rules(tmp_path: Path) -> None:
    data = load_run(write_run(tmp_path, Losses(repetitions=6)))
    found = {v.id: v for v in verdicts_of(data, matrix_of(data))}
    impact = found["failure/impact/served_difference_in_points"]
    assert (impact.verdict, impact.n_blocks) == ("supported", 6)
    assert impact.estimate == pytest.approx(50.0)
    # the crash of payments leaves browsing alone; the reset of orders does as well
    assert found["failure/isolation/microservices/lost_elsewhere_in_points"].verdict == "supported"
    assert found["failure/isolation/monolith/lost_elsewhere_in_points"].verdict == "refuted"
    assert found["failure/tolerance/monolith/back_in_time_in_share"].verdict == "supported"


@pytest.mark.parametrize(("end_s", "word"), [(23.0, "refuted"), (19.0, "inconclusive")])
def test_who_was_not_watched_for_long_enough_is_not_called_late(
    tmp_path: Path, end_s: float, word: str
) -> None:
    """Cleared at 9 s; the fault's losses go on to the end. Ten seconds and three are needed."""
    never = {"monolith": 30.0, "microservices": 0.0}
    data = load_run(write_run(tmp_path, Losses(lag_s=never, repetitions=6, end_s=end_s)))
    found = {v.id: v for v in verdicts_of(data, matrix_of(data))}
    late = found["failure/tolerance/monolith/back_in_time_in_share"]
    assert late.verdict == word
    assert ("watched for 10 s" in late.note) == (word == "inconclusive")
    assert found["failure/tolerance/microservices/back_in_time_in_share"].verdict == "supported"


def test_a_run_that_does_not_watch_what_comes_after_is_not_asked_about_it(tmp_path: Path) -> None:
    data = load_run(write_run(tmp_path, Losses(repetitions=3, end_s=11.0)))
    assert not [v.id for v in verdicts_of(data, matrix_of(data)) if "/tolerance/" in v.id]


def test_the_opposite_is_refuted_and_noise_is_not_decided(tmp_path: Path) -> None:
    worse = {"monolith": {}, "microservices": {"look": 1.0, "buy": 1.0}}
    data = load_run(write_run(tmp_path, Losses(shares=worse, repetitions=6)))
    found = {v.id: v for v in verdicts_of(data, matrix_of(data))}
    assert found["failure/impact/served_difference_in_points"].verdict == "refuted"
    assert found["failure/isolation/microservices/lost_elsewhere_in_points"].verdict == "refuted"
    few = load_run(write_run(tmp_path / "few", Losses(repetitions=2)))
    assert {v.verdict for v in verdicts_of(few, matrix_of(few))} == {"inconclusive"}


def test_the_report_is_built_from_the_run_alone(once: Path) -> None:
    page = build_report(once).read_text(encoding="utf-8")
    assert 'id="failure"' in page
    assert "not applicable: no network between components" in page
    names = {path.stem for path in (once / "figures").glob("*.svg")}
    assert {"blast-radius-on", "failure-difference"} <= names
    assert any(name.startswith("failure-1-crash") for name in names)
    summary = (once / "summary.md").read_text(encoding="utf-8")
    assert "| crash payments | " in summary
    assert not [v for v in RunReader(once).verdicts if v.id.startswith("failure/")]
    cells = {cell.deployment: cell for cell in section(load_run(once)).cells}
    assert cells["monolith"].row == "failure-impact"
    assert cells["monolith"].text.startswith("0.0 % of the visits")


def test_a_valid_trial_of_a_repetition_stands_in_for_its_invalid_ones() -> None:
    plan = Plan()
    trials = [
        trial_entry(
            plan, trial_id=name, experiment=CRASH, block=block, attempt=attempt, position=0,
            deployment="monolith", mix="journeys", offered_rps=1.0, status=status, usage={},
        )
        for name, block, attempt, status in (
            ("first", 0, 0, "invalid"), ("again", 0, 1, "flagged"), ("other", 1, 0, "valid"),
            ("spare", 2, 0, "invalid"), ("never", 3, 0, "invalid"), ("late", 5, 0, "valid"),
        )
    ]  # fmt: skip
    chosen = _chosen(trials, 2)
    assert {key[2]: trial.trial_id for key, trial in chosen.items()} == {0: "again", 1: "late"}


def test_overloads_alone_have_no_difference_matrix(once: Path) -> None:
    matrix = matrix_of(load_run(once))
    pair = ("microservices", "monolith")
    assert len(difference_figures(matrix, pair)) == 1
    cells = {key: replace(cell, kind=OVERLOAD) for key, cell in matrix.cells.items()}
    assert difference_figures(replace(matrix, cells=cells), pair) == []


def test_two_runs_whose_losses_moved_differ_though_no_verdict_flips(tmp_path: Path) -> None:
    """Half of the journeys served in the services, then all of them: supported both times."""
    spared = {**Losses().shares, "microservices": {"buy": 0.2}}
    runs = [
        write_run(tmp_path / name, Losses(repetitions=3, shares=shares))
        for name, shares in (("first", Losses().shares), ("second", spared))
    ]
    found, line = changes_between(runs)
    by_label = {change.asked.label: change for change in found}
    fault = by_label["crash payments: served in time, microservices less monolith"]
    impact = next(change for change in found if change.asked.id.startswith("failure/impact/"))
    for change in (fault, impact):
        assert (change.word, change.flipped) == ("different", False)
        assert change.moved is not None
        assert change.moved.unit == "points"
        assert change.moved.estimate == pytest.approx(45.0, abs=2.0)
    assert "crash payments: served in time, microservices less monolith +45 points" in line


def test_two_runs_with_the_same_losses_show_no_difference(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / each, Losses(repetitions=3)) for each in ("a", "b")]
    found, line = changes_between(runs)
    assert {change.word for change in found} == {"no difference shown"}
    assert "none moved" in line
