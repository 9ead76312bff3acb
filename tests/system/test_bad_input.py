"""Bad input: one clear line on stderr, nothing on stdout, a code that says whose fault it is."""

from __future__ import annotations

import json
import socket

import pytest

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


@pytest.mark.parametrize(("arguments", "code", "said"), TABLE, ids=lambda value: str(value)[:40])
def test_bad_input_gets_one_clear_line(
    shopbench: CommandLine, arguments: list[str], code: int, said: str
) -> None:
    done = shopbench.run(*arguments)
    lines = done.stderr.strip().splitlines()
    assert (done.returncode, len(lines), done.stdout) == (code, 1, ""), done
    assert lines[0].startswith("error: ")
    assert said in lines[0]


def test_a_port_in_use_names_who_has_it(shopbench: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = shopbench.run("up", "monolith", "--port", str(port))
    assert done.returncode == 3
    assert done.stderr.startswith(f"error: port {port} is in use by pid ")
    assert "--port" in done.stderr


def test_corrupt_results_are_one_clear_line(shopbench: CommandLine, tmp_path) -> None:
    (tmp_path / "journal.json").write_text("{")
    for arguments in (["report"], ["compare", str(tmp_path)], ["export", "--out", str(tmp_path)]):
        done = shopbench.run(*arguments, str(tmp_path))
        assert done.returncode != 0
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert done.stderr.startswith("error: ")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SHOPBENCH_PORTS", "here", "SHOPBENCH_PORTS must be like"),
        ("SHOPBENCH_HOME", "/dev/null/x", "SHOPBENCH_HOME"),
        ("SHOPBENCH_HOME", "/var/tmp/" + "x" * 90, "too long for a unix socket"),
        ("SHOPBENCH_DATABASE_URL", "mysql://x", "SHOPBENCH_DATABASE_URL must be like"),
        ("SHOPBENCH_DATABASE_URL_USERS", "postgresql://x/y", "SHOPBENCH_DATABASE_URL_INVENTORY"),
    ],
)
def test_a_broken_environment_is_one_clear_line(
    shopbench: CommandLine, name: str, value: str, said: str
) -> None:
    done = shopbench.run("up", "modular", "--port", "7597", **{name: value})
    assert done.returncode == 3, done
    assert said in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("error: ")
    assert "Traceback" not in done.stderr


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


def test_help_teaches_with_examples(shopbench: CommandLine) -> None:
    assert "shopbench up monolith" in shopbench.ok("--help")
    assert "shopbench run latency" in shopbench.ok("run", "--help")
