"""The command line without a deployment: codes, one line an error, help for every command."""

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


def test_wrong_usage_points_to_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["up"]) == 2
    assert "--help" in capsys.readouterr().err


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
