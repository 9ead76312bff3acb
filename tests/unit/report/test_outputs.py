"""CSV export and the console summary."""

from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from bench.errors import ShopbenchError
from bench.report.analysis import Analysis, analyse
from bench.report.console import show_results
from bench.report.export import export_csv
from tests.unit.report.factory import Plan, make_run


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs"), Plan(requests=500, noise=0.01), "first")


def test_the_csv_files_are_tidy(built: Path, analysis: Analysis, tmp_path: Path) -> None:
    files = {p.name: pd.read_csv(p) for p in export_csv(built, tmp_path / "csv")}
    assert set(files) == {
        "trials.csv", "gates.csv", "usage.csv", "percentiles_by_trial.csv", "percentiles.csv",
        "verdicts.csv", "time_parts_by_trial.csv", "goodput.csv",
    }  # fmt: skip
    parts = files["time_parts_by_trial.csv"].iloc[0]
    whole = sum(parts[f"{name}_ms_mean"] for name in ("database", "application", "outside"))
    assert whole + parts["send_lag_ms_mean"] == pytest.approx(parts["response_ms_mean"], rel=1e-4)
    assert (files["goodput.csv"]["goodput_share"] > 0.99).all()
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
