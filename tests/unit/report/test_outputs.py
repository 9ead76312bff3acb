"""Comparison of runs, CSV export and the console summary."""

import json
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from bench.errors import ShopbenchError
from bench.report.analysis import Analysis, analyse
from bench.report.compare import changes, compare_runs
from bench.report.console import show_results
from bench.report.environment import environment_differences
from bench.report.export import export_csv
from tests.unit.report.factory import RATIOS, Plan, make_run

SMALL = {"requests": 500, "noise": 0.01}


def second_run(tmp_path: Path, **changes_: object) -> Path:
    return make_run(tmp_path, Plan(**{**SMALL, "seed": 9, **changes_}), "second")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs"), Plan(**SMALL), "first")  # type: ignore[arg-type]


def named_words(a: Path, b: Path) -> dict[str, str]:
    one, two = analyse(a), analyse(b)
    different = environment_differences(one.data.journal, two.data.journal)
    named, _ = changes(one, two, different)
    return {f"{c.question.operation} {c.question.kind}": c.word for c in named}


def edit_machine(run: Path, **facts: object) -> None:
    journal = json.loads((run / "journal.json").read_text(encoding="utf-8"))
    journal["machine"].update(facts)
    (run / "journal.json").write_text(json.dumps(journal), encoding="utf-8")


def test_the_same_shop_measured_twice_is_not_called_different(first: Path, tmp_path: Path) -> None:
    words = named_words(first, second_run(tmp_path))
    assert words
    assert "different" not in words.values()


def test_a_ratio_that_moved_is_called_different(first: Path, tmp_path: Path) -> None:
    words = named_words(first, second_run(tmp_path, ratios={**RATIOS, "microservices": 1.2}))
    assert words["all p50"] == "different"
    assert words["all cpu"] != "different"


def test_on_another_machine_it_is_not_attributable(first: Path, tmp_path: Path) -> None:
    other = second_run(tmp_path, ratios={**RATIOS, "microservices": 1.2})
    edit_machine(other, cpu="Another CPU")
    assert named_words(first, other)["all p50"] == "not attributable"


def test_a_fact_that_changes_by_the_minute_is_no_difference(first: Path, tmp_path: Path) -> None:
    other = second_run(tmp_path)
    edit_machine(other, load_average=[9, 9, 9])
    one, two = analyse(first), analyse(other)
    assert environment_differences(one.data.journal, two.data.journal) == []


def test_loads_far_apart_are_not_compared(first: Path, tmp_path: Path) -> None:
    words = named_words(first, second_run(tmp_path, loads=(400.0,)))
    assert set(words.values()) == {"inconclusive"}


def test_smoke_runs_are_compared_without_a_claim(first: Path, tmp_path: Path) -> None:
    other = second_run(tmp_path, profile="smoke", ratios={**RATIOS, "microservices": 3.0})
    assert set(named_words(first, other).values()) == {"inconclusive"}


def test_the_comparison_is_one_page_with_both_machines(first: Path, tmp_path: Path) -> None:
    other = second_run(tmp_path, ratios={**RATIOS, "microservices": 1.3})
    edit_machine(other, cpu="Another CPU")
    page = compare_runs(first, other, tmp_path / "out.html")
    text = page.read_text(encoding="utf-8")
    assert page == tmp_path / "out.html"
    assert "Invented CPU" in text
    assert "Another CPU" in text
    assert "not attributable" in text
    assert "flipped between supported and refuted" in text
    assert "://" not in text


def test_the_comparison_stands_beside_the_first_run_by_default(first: Path, tmp_path: Path) -> None:
    page = compare_runs(first, second_run(tmp_path))
    assert (page.parent, page.name) == (first.parent, "compare-first-second.html")
    assert compare_runs(first, second_run(tmp_path / "b"), tmp_path).parent == tmp_path


def test_a_run_is_not_compared_with_itself(first: Path) -> None:
    with pytest.raises(ShopbenchError, match="same folder") as caught:
        compare_runs(first, first)
    assert caught.value.exit_code == 2


def test_the_csv_files_are_tidy(built: Path, analysis: Analysis, tmp_path: Path) -> None:
    files = {p.name: pd.read_csv(p) for p in export_csv(built, tmp_path / "csv")}
    assert set(files) == {
        "trials.csv", "gates.csv", "usage.csv", "percentiles_by_trial.csv", "percentiles.csv",
        "verdicts.csv",
    }  # fmt: skip
    assert len(files["trials.csv"]) == len(analysis.data.trials)
    assert files["trials.csv"]["trial_id"].is_unique
    assert len(files["verdicts.csv"]) == len(analysis.verdicts)
    assert {"deployment", "component", "cpu_seconds"} <= set(files["usage.csv"].columns)
    row = files["percentiles.csv"].iloc[0]
    assert row["low_ms"] <= row["response_time_ms"] <= row["high_ms"]


def test_rows_are_exported_on_request(first: Path, tmp_path: Path) -> None:
    files = [p for p in export_csv(first, tmp_path, rows=True) if p.parent.name == "rows"]
    assert len(files) == len(analyse(first).data.trials)
    assert {"due_s", "done_s", "status", "error"} <= set(pd.read_csv(files[0]).columns)


def test_an_export_that_cannot_be_written_is_one_line(first: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ShopbenchError, match="cannot write CSV files"):
        export_csv(first, tmp_path / "file")


def test_the_console_shows_verdicts_quality_and_the_page(built: Path) -> None:
    console = Console(record=True, width=140)
    show_results(built, console)
    text = console.export_text()
    assert "refuted" in text
    assert "not reached" in text
    assert "0 invalid" in text
    assert str(built / "report.html") in text.replace("\n", "")
