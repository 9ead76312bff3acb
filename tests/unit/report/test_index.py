"""The page of all runs: what it says of each, trends, and that nothing on it is live."""

import json
import re
import shlex
from pathlib import Path

import pytest

from bench.cli import run_command
from bench.cli.runs import refresh_index
from bench.errors import ShopbenchError
from bench.report.fields import at_95
from bench.report.index import render_index, trends, write_index
from bench.results.journal import write_verdicts
from bench.results.run_list import runs_in
from bench.results.verdict import Words
from tests.unit.report.hostile import ATTACK, change_texts, page_faults
from tests.unit.results.listed import ANSWER, change_journal, listed_run, named

NAME = "20261130-080000-latency-quick-a42e"


SHOWN = ("command", "commit", "cpu_model", "sentences[]", "numerator", "verdicts[].id")


def arguments(text: str) -> list[str]:
    return re.findall(r'<input type="checkbox" value="([^"]*)"', text)


def test_every_run_is_there_with_its_answer_ratios_and_report(tmp_path: Path) -> None:
    run = listed_run(tmp_path, NAME)
    (run / "report.html").write_text("")
    page = write_index(tmp_path)
    text = page.read_text()
    assert page == tmp_path / "index.html"
    for told in (
        *(">a42e<", "2026-11-30 08:00 UTC", "quick, 12 min", ANSWER, "Invented CPU, 2 CPUs"),
        *("shopbench run latency --profile quick", "commit 0123456789ab"),
        *("order, time</span> <b>×1.50 [1.36, 1.65]", f'href="{NAME}/report.html"'),
    ):
        assert told in text
    assert "://" not in text
    assert page_faults(text) == []


def test_where_runs_are_kept_by_default_short_names_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = Path("results/runs")
    listed_run(root, NAME)
    assert arguments(render_index(runs_in(root))) == ["a42e"]
    listed_run(tmp_path / "else where", NAME)
    (given,) = arguments(render_index(runs_in(tmp_path / "else where")))
    assert shlex.split(given.replace("&#39;", "'")) == [str(tmp_path / "else where" / NAME)]


def test_a_run_without_results_cannot_be_ticked(tmp_path: Path) -> None:
    change_journal(listed_run(tmp_path, NAME, told=False), interrupted=True)
    text = render_index(runs_in(tmp_path))
    assert " disabled>" in text
    assert "Was stopped before it measured anything." in text
    assert "report.html" not in text


def told(root: Path, name: str, hour: int, estimate: float, **changes: str) -> None:
    run = listed_run(root, name, hour, told=False, **changes)
    write_verdicts(run, [named(estimate)], words=Words((ANSWER,)))


def test_a_trend_goes_from_the_oldest_to_the_newest_run_without_smoke(tmp_path: Path) -> None:
    told(tmp_path, "x-a42e", 2, 1.6)
    told(tmp_path, "x-b42e", 1, 1.5)
    told(tmp_path, "x-c42e", 3, 9.0, profile="smoke")
    found = trends(runs_in(tmp_path).runs, {"x-a42e": "a42e", "x-b42e": "b42e"})
    (trend,) = found["microservices : monolith"]
    assert [point.told for point in trend.points] == [
        "b42e, 2026-11-30 09:00: ×1.50 [1.36, 1.65]",
        "a42e, 2026-11-30 10:00: ×1.60 [1.45, 1.76]",
    ]
    assert [point.x for point in trend.points] == [25.0, 75.0]
    assert trend.points[1].y < trend.points[0].y  # higher up
    assert all(point.high < point.y < point.low for point in trend.points)
    assert trend.latest == "×1.60 [1.45, 1.76]"
    assert trend.equal is None


def test_what_one_run_has_is_no_trend(tmp_path: Path) -> None:
    told(tmp_path, "x-a42e", 0, 1.6)
    assert "How the key ratios went" not in render_index(runs_in(tmp_path))


@pytest.mark.parametrize(
    "change",
    [
        {"high": 1e308, "n_blocks": 2},
        {"level": 1.0},
        {"high": -1.0},
        {"n_blocks": 1},
        {"high": None},
    ],
)
def test_an_interval_that_cannot_be_is_none_or_finite(change: dict[str, float]) -> None:
    low, high = at_95(named(**change))
    assert (low is None) == (high is None)
    assert high is None or high < float("inf")


def test_texts_and_names_from_foreign_folders_are_only_text(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    for at, name in enumerate(("$(touch x)", "'><script>evil()", "javascript:evil()", "a`b`\n")):
        run = listed_run(root, name, at)
        (run / "report.html").write_text("")
        for file in ("journal.json", "verdicts.json"):
            change_texts(
                run / file,
                lambda site, text: text + ATTACK if site[0].endswith(SHOWN) else text,
            )
    (root / "<img src=x>").mkdir()
    text = render_index(runs_in(root))
    assert text.count("evil()") > 20
    assert page_faults(text) == []


def test_a_page_that_is_a_link_is_no_report(tmp_path: Path) -> None:
    run = listed_run(tmp_path, NAME)
    (run / "report.html").symlink_to("/etc/passwd")
    assert "report.html" not in render_index(runs_in(tmp_path))


def test_a_folder_that_cannot_be_written_is_a_remark(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "index.html").symlink_to("elsewhere")
    refresh_index(tmp_path)
    said = capsys.readouterr().err
    assert said.startswith("note: the page of all runs is not new: cannot write ")
    assert said.count("\n") == 1
    assert not (tmp_path / "elsewhere").exists()
    with pytest.raises(ShopbenchError):
        write_index(tmp_path)


def test_the_command_writes_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    listed_run(Path("results/runs"), NAME)
    assert run_command(["runs", "--html"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "page: results/runs/index.html"
    assert run_command(["runs", "--html", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["short"] == "a42e"
    assert (tmp_path / "results/runs/index.html").exists()


def test_a_report_made_again_is_on_the_page_but_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = listed_run(tmp_path, NAME)
    monkeypatch.setattr("bench.cli.measure._report", lambda run_dir: None)
    assert run_command(["report", str(run)]) == 0
    page = tmp_path / "index.html"
    assert not page.exists()
    page.write_text("old")
    assert run_command(["report", str(run)]) == 0
    assert ANSWER in page.read_text()


def test_the_page_of_all_runs_is_written_after_every_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is measured: the report of a finished run is followed by the page."""
    monkeypatch.chdir(tmp_path)
    run = listed_run(Path("results/runs"), NAME)
    monkeypatch.setattr("bench.cli.measure._report", lambda run_dir: None)
    monkeypatch.setattr("bench.engine.runner.run", lambda names, options, report: report(run))
    assert run_command(["run", "latency"]) == 0
    assert ANSWER in Path("results/runs/index.html").read_text()
