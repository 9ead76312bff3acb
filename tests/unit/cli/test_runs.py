"""`shopbench runs`, and short names wherever a command takes a run."""

import json
from pathlib import Path

import pytest

from bench.cli import run_command
from tests.unit.results.listed import ANSWER, listed_run

LONG = "Splitting this shop makes an order take 1.50 times as long [1.45, 1.55]. " * 9


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results" / "runs"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert run_command(list(arguments)) == 0
    return capsys.readouterr().out.splitlines()


def test_runs_are_listed_with_a_name_that_works(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed_run(root, "20261130-080000-latency-quick-a42e", dirty=True)
    (root / "other").mkdir()
    heads, facts, answer, other, end = printed(capsys, "runs")
    assert heads.split() == [
        *("name", "started,", "UTC", "profile", "min", "commit", "state", "measured")
    ]
    assert facts.split() == [
        *("a42e", "2026-11-30", "08:00", "quick", "12.0", "01234567+", "complete", "latency")
    ]
    assert answer.strip() == ANSWER
    assert other == "no run: other: it holds no journal.json"
    assert end == "1 run in results/runs"


def test_the_list_fits_a_hundred_columns(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from bench.results.journal import write_verdicts
    from bench.results.verdict import Words

    many = {"options": {"experiments": ["latency", "capacity", "failure"] * 9}}
    run = listed_run(root, f"20261130-{'long-' * 30}a42e", settings=many)
    write_verdicts(run, [], words=Words((LONG,)))
    (root / ("x" * 200)).mkdir()
    lines = printed(capsys, "runs")
    assert max(map(len, lines)) <= 100
    assert sum(line.endswith("…") for line in lines) == 3
    assert not any("[1.45," in line and "[1.45, 1.55]" not in line for line in lines)


def test_the_list_as_json_has_every_field(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed_run(root, "20261130-080000-latency-quick-a42e")
    document = json.loads("\n".join(printed(capsys, "runs", "--json")))
    (run,) = document["runs"]
    assert (run["short"], run["answer"], run["state"]) == ("a42e", ANSWER, "complete")
    assert run["named"][0]["estimate"] == 1.5


def test_without_runs_it_says_how_to_make_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "runs") == [
        "no runs in results/runs yet: `shopbench run latency` makes one"
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "a42f"],
        ["compare", "a42e", "a42f"],
        ["export", "a42f", "--out", "csv"],
        ["claims", "--run", "a42f"],
        ["run", "--resume", "a42f"],
        ["selftest", "planted", "--from", "a42f"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_every_command_that_takes_a_run_says_what_was_meant(
    arguments: list[str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed_run(root, "20261130-080000-latency-quick-a42e")
    assert run_command(arguments) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "error: no run is called 'a42f'; did you mean 'a42e'? There are a42e"
    )


def test_which_run_was_taken_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = listed_run(root, "20261130-080000-latency-quick-a42e")
    assert run_command(["run", "--resume", "latest"]) == 2  # it is finished
    said = capsys.readouterr()
    assert said.err.splitlines()[0] == f"latest: {run.relative_to(Path.cwd())}"
    assert said.out == ""
