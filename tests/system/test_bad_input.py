"""Bad input: one clear line on stderr, nothing on stdout, a code that says whose fault it is."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.cli import run_command
from bench.deployments.local.ports import ephemeral_ports
from tests.system.conftest import CommandLine

pytestmark = pytest.mark.system

TABLE = [
    (["up", "nonolith"], 2, "did you mean 'monolith'"),
    (["up", "users+inventory|orders"], 2, "payments missing"),
    (["up", "users|users+inventory|orders+payments"], 2, "stands more than once"),
    (["up", "monolith", "--cpus", "x"], 2, "not a list of CPUs"),
    (["up", "monolith", "--cpus", "99"], 2, "no CPU 99 here"),
    (["up", "monolith", "--port", "0"], 2, "--port"),
    (["up", "monolith", "--port", "many"], 2, "--port"),
    (["up", "monolith", "--seed", "-1"], 2, "--seed"),
    (["up"], 2, "DEPLOYMENT"),
    (["frobnicate"], 2, "frobnicate"),
    (["status", "--frob"], 2, "--frob"),
    (["status"], 1, "no deployment is up"),
    (["down"], 1, "no deployment is up"),
    (["logs"], 1, "no deployment is up"),
    (["seed"], 1, "no deployment is up"),
    (["switch", "microservices"], 1, "no deployment is up"),
    (["switch", "nonolith"], 2, "unknown deployment"),
    (["verify", "nonolith"], 2, "unknown deployment"),
    (["run", "frobnication"], 2, "unknown experiment"),
    (["run"], 2, "name an experiment"),
    (["run", "latency", "--profile", "slowest"], 2, "unknown profile"),
    (["run", "latency", "--deployments", "nonolith"], 2, "unknown deployment"),
    (["run", "latency", "--fail-on", "p95"], 2, "p95"),
    (["report", "results/runs/none"], 2, "there is no run folder"),
    (["compare", "results/runs/none", "results/runs/none"], 2, "there is no run folder"),
    (["export", "results/runs/none", "--out", "x"], 2, "there is no run folder"),
]


Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(
    shopbench: CommandLine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Said:
    """Exit code, stdout and stderr of a command. In this process: a start takes a second."""
    monkeypatch.setenv("SHOPBENCH_HOME", str(shopbench.home.root))

    def run(*arguments: str) -> tuple[int, str, str]:
        code = run_command(list(arguments))
        return (code, *capsys.readouterr())

    return run


@pytest.mark.parametrize(("arguments", "code", "told"), TABLE, ids=lambda value: str(value)[:40])
def test_bad_input_gets_one_clear_line(
    said: Said, arguments: list[str], code: int, told: str
) -> None:
    found, out, err = said(*arguments)
    lines = err.strip().splitlines()
    assert (found, len(lines), out) == (code, 1, ""), err
    assert lines[0].startswith("error: ")
    assert told in lines[0]


@pytest.mark.parametrize(
    ("arguments", "code"), [(["status"], 1), (["run", "latency", "--fail-on", "p95"], 2)]
)
def test_the_program_itself_says_the_same(
    shopbench: CommandLine, said: Said, arguments: list[str], code: int
) -> None:
    done = shopbench.run(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said(*arguments) == (done.returncode, done.stdout, done.stderr)


def test_a_port_in_use_names_who_has_it(shopbench: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = shopbench.run("up", "monolith", "--port", str(port))
    assert done.returncode == 3
    assert done.stderr.startswith(f"error: port {port} is in use by pid ")
    assert "--port" in done.stderr


def test_corrupt_results_are_one_clear_line(said: Said, tmp_path: Path) -> None:
    (tmp_path / "journal.json").write_text("{")
    for arguments in (["report"], ["compare", str(tmp_path)], ["export", "--out", str(tmp_path)]):
        code, _, err = said(*arguments, str(tmp_path))
        assert code != 0
        assert len(err.strip().splitlines()) == 1, err
        assert err.startswith("error: ")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("SHOPBENCH_PORTS", "here", "SHOPBENCH_PORTS must be like"),
        ("SHOPBENCH_HOME", "/dev/null/x", "SHOPBENCH_HOME"),
        ("SHOPBENCH_HOME", "/var/tmp/" + "x" * 90, "too long for a unix socket"),
        ("SHOPBENCH_DATABASE_URL", "mysql://x", "SHOPBENCH_DATABASE_URL must be like"),
        ("SHOPBENCH_DATABASE_URL_USERS", "postgresql://x/y", "SHOPBENCH_DATABASE_URL_INVENTORY"),
    ],
)
def test_a_broken_environment_is_one_clear_line(
    said: Said, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(name, value)
    code, _, err = said("up", "modular", "--port", "7597")
    assert code == 3, err
    assert told in err
    assert err.strip().splitlines()[-1].startswith("error: ")
    assert "Traceback" not in err


def test_doctor_says_what_will_be_uncontrolled(shopbench: CommandLine) -> None:
    first = ephemeral_ports().start
    document = json.loads(shopbench.ok("doctor", "--json", SHOPBENCH_PORTS=f"{first}-{first + 9}"))
    assert document["schema_version"] == 1
    assert isinstance(document["controlled"], bool)
    names = {check["name"] for check in document["checks"]}
    assert {"cores", "cpu budget", "cpu accounting", "timer", "postgresql", "logout"} <= names
    ports = next(check for check in document["checks"] if check["name"] == "ports")
    assert ports["outcome"] == "limited"
    assert f"; the kernel gives {first}-" in ports["value"]
    assert document["machine"]["cpus"] >= 1
    assert document["versions"]["aiohttp"]


def test_help_teaches_with_examples(said: Said) -> None:
    assert "shopbench up monolith" in said("--help")[1]
    assert "shopbench run latency" in said("run", "--help")[1]
