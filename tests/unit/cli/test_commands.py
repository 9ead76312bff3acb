"""The command line without a deployment: codes, one line an error, help for every command."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.cli import COMMANDS, app, run_command
from bench.errors import ShopbenchError
from bench.machine import parse_cpus, usable_cpus


def test_an_error_is_one_line_and_its_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ShopbenchError("first\n  second", 3)

    monkeypatch.setattr("bench.deployments.local.doctor.diagnose", fail)
    assert run_command(["doctor"]) == 3
    assert capsys.readouterr().err == "error: first second\n"


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (["up"], "shopbench up --help"),
        (["run", "latency", "--mixs", "order"], "shopbench run --help"),
        (["run", "latency", "--load-workers", "x"], "shopbench run --help"),
        (["stauts"], "shopbench --help"),
    ],
)
def test_wrong_usage_points_to_the_help_of_the_command(
    arguments: list[str], where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(arguments) == 2
    assert capsys.readouterr().err.endswith(f" (see `{where}`)\n")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["stauts"], "status"),
        (["run", "latancy"], "latency"),
        (["run", "latency", "--mixes", "ordr"], "order"),
        (["run", "latency", "--profile", "quik"], "quick"),
        (["run", "latency", "--deployments", "micorservices"], "microservices"),
        (["run", "latency", "--on", "conpose"], "compose"),
        (["run", "failure", "--spec", "benhc"], "bench"),
        (["run", "latency", "--fail-on", "eror>1%"], "errors"),
        (["selftest", "plated"], "planted"),
        (["up", "users+inventry|orders+payments"], "inventory"),
    ],
)
def test_what_is_unknown_is_told_what_was_meant(
    arguments: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(arguments) == 2
    assert f"did you mean '{meant}'?" in capsys.readouterr().err.replace("Did", "did")


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "tests"],
        ["compare", "tests", "bench"],
        ["export", "tests", "--out", "csv"],
        ["claims", "--run", "tests"],
        ["run", "--resume", "tests"],
        ["selftest", "planted", "--from", "tests"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_folder_that_is_no_run_is_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[3])
    assert run_command(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.endswith("tests is not a run folder: it holds no journal.json\n")


def test_a_path_does_nothing_to_the_terminal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command(["report", "none\x1b[31m\u202e"]) == 2
    told = "error: there is no run folder none\\u001b[31m\\u202e, and no run in results/runs\n"
    assert capsys.readouterr().err == told


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([]) == 0
    assert "shopbench up monolith" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_every_command_explains_itself(command) -> None:
    shown = CliRunner().invoke(app, [command.__name__, "--help"])
    assert shown.exit_code == 0
    first_line = command.__doc__.splitlines()[0]
    assert first_line.split(".")[0][:60] in shown.output.replace("\n  ", " ")


@pytest.mark.parametrize("text", ["0,", "0-0", " 0"])
def test_a_cpu_list_is_read(text: str) -> None:
    if 0 in usable_cpus():
        assert parse_cpus(text) == (0,)


def test_no_cpus_is_no_budget() -> None:
    assert parse_cpus("") == ()


@pytest.mark.parametrize("text", ["a", "0-", "-1", "1;2", "9999"])
def test_a_bad_cpu_list_is_refused(text: str) -> None:
    with pytest.raises(ShopbenchError):
        parse_cpus(text)


@pytest.mark.parametrize("text", ["half", "0.5;0.9", "0.5,2.5", "0"])
def test_a_bad_list_of_loads_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["run", "latency", "--sweep", text]) == 2
    assert "--sweep" in capsys.readouterr().err
