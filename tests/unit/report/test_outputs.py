"""CSV export and the console summary."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from bench.errors import ShopbenchError
from bench.experiments.latency.findings import Findings
from bench.report.analysis import Analysis, analyse
from bench.report.console import show_results
from bench.report.export import export_csv
from bench.report.naming import interval
from tests.unit.report.factory import make_run, pair_run


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs"), pair_run(starts=2), "first")


def test_the_csv_files_are_tidy(built: Path, analysis: Analysis, tmp_path: Path) -> None:
    files = {p.name: pd.read_csv(p) for p in export_csv(built, tmp_path / "csv")}
    assert set(files) == {
        "trials.csv", "gates.csv", "usage.csv", "percentiles_by_trial.csv", "percentiles.csv",
        "verdicts.csv", "time_parts_by_trial.csv", "facts.csv", "ratios_by_start.csv",
    }  # fmt: skip
    parts = files["time_parts_by_trial.csv"].iloc[0]
    whole = sum(parts[f"{name}_ms_mean"] for name in ("database", "application", "outside"))
    assert whole + parts["send_lag_ms_mean"] == pytest.approx(parts["response_ms_mean"], rel=1e-4)
    assert len(files["trials.csv"]) == len(analysis.data.trials)
    assert files["trials.csv"]["trial_id"].is_unique
    assert len(files["verdicts.csv"]) == len(analysis.verdicts)
    assert {"deployment", "component", "cpu_seconds"} <= set(files["usage.csv"].columns)
    row = files["percentiles.csv"].iloc[0]
    assert row["low_ms"] <= row["response_time_ms"] <= row["high_ms"]
    assert "monolith#2" not in set(files["percentiles.csv"]["deployment"])


def test_every_start_of_every_pair_is_exported(built: Path, tmp_path: Path) -> None:
    export_csv(built, tmp_path)
    found = pd.read_csv(tmp_path / "ratios_by_start.csv")
    assert len(found) == 10 * 5 * 2 * 6  # pairs of five members, roles, metrics, starts
    times = found[found["metric"] == "service_time_ms_p50"]
    order = times[
        (times["operation"] == "order")
        & (times["numerator"] == "microservices")
        & (times["denominator"] == "monolith")
    ]
    assert list(order["start"]) == list(range(6))
    assert order["ratio"].mean() == pytest.approx(1.6, rel=0.03)
    assert np.allclose(np.exp(order["log_ratio"]), order["ratio"])
    assert set(order["rounds"]) == {96}
    assert set(order["clusters"]) == {8}
    twin = times[
        (times["operation"] == "mix")
        & (times["numerator"] == "monolith#2")
        & (times["denominator"] == "monolith")
    ]
    assert twin["ratio"].mean() == pytest.approx(1.0, rel=0.02)


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
    assert "supported" in text
    assert "not reached" in text
    assert "0 invalid" in text
    assert str(built / "report.html") in text.replace("\n", "")


def test_the_consoles_last_lines_are_the_answer_the_named_metrics_and_the_page(
    built: Path,
) -> None:
    console = Console(record=True, width=140)
    show_results(built, console)
    text = console.export_text()
    places = [
        text.index(part)
        for part in ("not reached", "Splitting the same code", "Going from the Django monolith",
                     "Metrics named beforehand", "microservices : modular-split", "order, time",
                     "microservices : monolith", "On this machine, splitting this shop into",
                     "How far to trust it: 6 starts", "report: ")
    ]  # fmt: skip
    assert places == sorted(places)


def test_the_consoles_intervals_are_at_95_percent(built: Path, analysis: Analysis) -> None:
    console = Console(record=True, width=140)
    show_results(built, console)
    text = console.export_text()
    for answer in analysis.data.once(Findings).answers:
        if answer.question.family:
            assert answer.narrow is not None
            assert interval(answer.narrow.low, answer.narrow.high) in text


def test_long_notes_do_not_bury_the_answer(first: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(first, tmp_path / "noted"))
    journal = json.loads((run / "journal.json").read_text())
    (run / "journal.json").write_text(json.dumps({**journal, "notes": ["word " * 200]}))
    console = Console(record=True, width=400)
    show_results(run, console)
    lines = console.export_text().splitlines()
    assert lines[0].startswith("note: word word")
    assert max(map(len, lines[:1])) < 120
    assert lines[-1].startswith("report: ")
