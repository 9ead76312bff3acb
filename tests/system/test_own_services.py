"""Bring your own pair: two servers of somebody else's, measured by the real command line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.results.journal import RunReader
from tests.system.conftest import ROOT, CommandLine
from tests.unit.load.own_server import started

pytestmark = pytest.mark.system

MINE = """
from locust import FastHttpUser, between, task


class Visitor(FastHttpUser):
    wait_time = between(1, 3)

    def on_start(self):
        self.client.get("/login")

    @task(3)
    def read(self):
        self.client.get("/items/1", name="item_read")

    @task
    def add(self):
        self.client.get("/items?page=1")
        with self.client.post("/items", json={"n": 1}, name="add", catch_response=True) as answer:
            if answer.json()["ok"] is not True:
                answer.failure("not ok")
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    return file


def _run(
    shopbench: CommandLine, mine: Path, a: str, b: str, *more: str, profile: str = "smoke"
) -> subprocess.CompletedProcess[str]:
    named = ("--url", a, "--url", b, *more)
    folder = ("--out", str(mine.parent / "runs"), "--profile", profile, "--quiet")
    return shopbench.run("run", "latency", *named, "--locustfile", str(mine), *folder)


def _only_run(mine: Path) -> Path:
    (found,) = (mine.parent / "runs").glob("*/")
    return found


def test_two_servers_take_turns_from_end_to_end(shopbench: CommandLine, mine: Path) -> None:
    with started(0.5) as (a, pid_a), started(0.5) as (b, _):
        done = _run(shopbench, mine, f"a={a}", f"b={b}", "--pid", f"a={pid_a}")
    assert done.returncode == 0, done.stderr
    reader = RunReader(_only_run(mine))
    assert not reader.journal.controlled
    assert {(t.experiment, t.deployment, t.loop) for t in reader.trials} == {
        ("own_services", "a", "rounds"),
        ("own_services", "b", "rounds"),
    }
    visits = []
    for trial in reader.trials:
        rows = reader.rows(trial.trial_id)
        assert set(rows.column("operation").to_pylist()) <= {"item_read", "/items?page=1", "add"}
        assert set(rows.column("error").to_pylist()) == {""}
        visits.append([rows.column(name).to_pylist() for name in ("visit", "operation")])
        assert trial.status == "valid"
        assert (trial.usage == {}) == (trial.deployment == "b")
    assert visits[0] == visits[1]  # the same visits on both, request by request
    page = (_only_run(mine) / "report.html").read_text()
    assert "uncontrolled unless pinned" in page
    assert "waiting times (Visitor) are left out" in page
    assert {v.denominator for v in reader.verdicts} == {"a"}


@pytest.mark.slow
def test_fresh_starts_are_the_unit_where_they_can_be_made(
    shopbench: CommandLine, mine: Path
) -> None:
    flag = mine.parent / "restarted"
    with started(0.5) as (a, _), started(0.5) as (b, _):
        commands = [f"--restart={name}=echo {name} >> {flag}" for name in "ab"]
        done = _run(shopbench, mine, f"a={a}", f"b={b}", *commands)
    assert done.returncode == 0, done.stderr
    assert flag.read_text().split() == ["a", "b"] * 2
    assert {trial.block for trial in RunReader(_only_run(mine)).trials} == {0, 1}


@pytest.mark.slow
def test_an_open_load_alternates_between_the_two(shopbench: CommandLine, mine: Path) -> None:
    with started(0.5) as (a, _), started(0.5) as (b, _):
        done = _run(shopbench, mine, f"a={a}", f"b={b}", "--load", "open", "--rate", "30")
    assert done.returncode == 0, done.stderr
    trials = RunReader(_only_run(mine)).trials
    assert {(t.loop, t.offered_rps) for t in trials} == {("open", 30.0)}
    assert sorted((t.block, t.deployment) for t in trials) == [
        (block, name) for block in (0, 1) for name in "ab"
    ]


@pytest.mark.slow
def test_two_urls_without_a_file_are_asked_for_themselves(
    shopbench: CommandLine, tmp_path: Path
) -> None:
    with started() as (a, _), started() as (b, _):
        named = ("--url", f"a={a}/thing", "--url", f"b={b}/thing", "--profile", "smoke")
        shopbench.ok("run", "latency", *named, "--out", str(tmp_path / "runs"), "--quiet")
    (folder,) = (tmp_path / "runs").glob("*/")
    reader = RunReader(folder)
    names = {
        name
        for trial in reader.trials
        for name in reader.rows(trial.trial_id).column("operation").to_pylist()
    }
    assert names == {"GET"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("class Visitor", "class Visitor("), "mine.py:5: SyntaxError"),
        (('self.client.get("/login")', "self.token"), "mine.py:9: AttributeError"),
        (
            ('self.client.get("/items/1", name="item_read")', "self.no()"),
            "mine.py:13: AttributeError",
        ),
    ],
)
def test_an_error_of_the_file_is_one_line_and_nothing_is_measured(
    shopbench: CommandLine, mine: Path, change: tuple[str, str], said: str
) -> None:
    mine.write_text(MINE.replace(*change))
    with started() as (a, _), started() as (b, _):
        done = _run(shopbench, mine, f"a={a}", f"b={b}")
    assert done.returncode == 2, done
    assert len(done.stderr.strip().splitlines()) == 1
    assert said in done.stderr


def test_a_dead_server_is_refused_before_anything_is_written(
    shopbench: CommandLine, mine: Path
) -> None:
    with started() as (a, _):
        done = _run(shopbench, mine, f"a={a}", "b=http://127.0.0.1:1")
    assert done.returncode == 2
    assert done.stderr.startswith("error: nothing answers at b=http://127.0.0.1:1")
    assert not (mine.parent / "runs").exists()


@pytest.mark.slow
def test_two_shops_that_keep_the_contract_need_no_locustfile(
    shopbench: CommandLine, tmp_path: Path
) -> None:
    """The shop's own mixes, with tokens from the login operation."""
    with _shop() as a, _shop() as b:
        named = ("--url", f"a={a}", "--url", f"b={b}", "--mixes", "product_read", "--quiet")
        shopbench.ok("run", "latency", *named, "--out", str(tmp_path / "r"), "--profile", "smoke")
    (folder,) = (tmp_path / "r").glob("*/")
    reader = RunReader(folder)
    assert {(t.deployment, t.mix, t.loop) for t in reader.trials} == {
        ("a", "product_read", "rounds"),
        ("b", "product_read", "rounds"),
    }


@contextmanager
def _shop() -> Iterator[str]:
    command = [sys.executable, str(ROOT / "tests/unit/load/echo_server.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(400)
def test_a_planted_difference_is_found(shopbench: CommandLine, mine: Path) -> None:
    with started(2.0) as (a, _), started(3.0) as (b, _):
        done = _run(shopbench, mine, f"a={a}", f"b={b}", profile="quick")
    assert done.returncode == 0, done.stderr
    found = {verdict.operation: verdict for verdict in RunReader(_only_run(mine)).verdicts}
    if found["item_read"].high is None or found["item_read"].high > 2.5:
        pytest.skip("the machine was not ours")
    for operation in ("item_read", "add"):
        assert found[operation].verdict == "supported"
        assert 1.15 < (found[operation].estimate or 0.0) < 1.6
