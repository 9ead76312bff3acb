"""Bring your own pair: two servers of somebody else's, measured by the real command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.experiments import options as profiles
from bench.experiments.foreign import parse_pair
from bench.experiments.options import Profile, RunOptions
from bench.experiments.runner import run
from bench.journal import RunReader, Verdict
from bench.report.build import build_report
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
    shopbench: CommandLine, mine: Path, *urls: str, profile: str = "smoke"
) -> subprocess.CompletedProcess[str]:
    named = [part for url in urls for part in ("--url", url)]
    folder = ("--out", str(mine.parent / "runs"), "--profile", profile, "--quiet")
    return shopbench.run("run", "latency", *named, "--locustfile", str(mine), *folder)


def _only_run(mine: Path) -> Path:
    (found,) = (mine.parent / "runs").iterdir()
    return found


@pytest.mark.slow
def test_two_servers_are_measured_from_end_to_end(shopbench: CommandLine, mine: Path) -> None:
    with started(0.5) as (a, pid_a), started(0.5) as (b, _):
        named = ("--url", f"a={a}", "--url", f"b={b}", "--pid", f"a={pid_a}", "--rate", "40")
        folder = ("--out", str(mine.parent / "runs"), "--profile", "smoke", "--quiet")
        shopbench.ok("run", "latency", *named, "--locustfile", str(mine), *folder)
    reader = RunReader(_only_run(mine))
    journal = reader.journal
    assert not journal.controlled
    assert {trial.deployment for trial in reader.trials} == {"a", "b"}
    assert {trial.offered_rps for trial in reader.trials} == {40.0}
    for trial in reader.trials:
        rows = reader.rows(trial.trial_id)
        assert set(rows.column("operation").to_pylist()) <= {"item_read", "/items?page=1", "add"}
        assert set(rows.column("error").to_pylist()) == {""}
        assert trial.skipped == 0
        outcomes = {gate.name: gate.outcome for gate in trial.gates}
        unknown = {"outbox", "schema_violations"} | (
            {"foreign_cpu"} if trial.usage == {} else set()
        )
        assert {outcomes[name] for name in unknown} == {"flag"}
        assert (trial.usage == {}) == (trial.deployment == "b")
    pairs: dict[int, set[str]] = {}
    for trial in reader.trials:
        pairs.setdefault(trial.block, set()).add(trial.schedule_sha256)
    assert all(len(hashes) == 1 for hashes in pairs.values())
    page = (_only_run(mine) / "report.html").read_text()
    assert "uncontrolled unless pinned" in page
    assert {v.denominator for v in reader.verdicts} == {"a"}


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
    (folder,) = (tmp_path / "r").iterdir()
    reader = RunReader(folder)
    assert {(t.deployment, t.mix) for t in reader.trials} == {
        ("a", "product_read"),
        ("b", "product_read"),
    }
    for trial in reader.trials:
        outcomes = {gate.name: gate.outcome for gate in trial.gates}
        assert outcomes["schema_violations"] == "pass"
        assert outcomes["outbox"] == outcomes["foreign_cpu"] == "flag"


@contextmanager
def _shop() -> Iterator[str]:
    command = [sys.executable, str(ROOT / "tests/unit/load/echo_server.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


SHORT = Profile(
    "short",
    "for this test",
    min_blocks=7,
    max_blocks=7,
    primer_s=0.2,
    warmup_s=0.3,
    measured_s=1.5,
    mixed_measured_s=1.5,
    probe_s=1.0,
    max_reruns=2,
    rerun_share=1.0,
)


def _verdicts(
    monkeypatch: pytest.MonkeyPatch,
    shopbench: CommandLine,
    mine: Path,
    spins_ms: tuple[float, float],
) -> dict[str, Verdict]:
    monkeypatch.setenv("SHOPBENCH_HOME", str(shopbench.home.root))
    monkeypatch.setitem(profiles.PROFILES, SHORT.name, SHORT)
    with started(spins_ms[0]) as (a, pid_a), started(spins_ms[1]) as (b, pid_b):
        pair = parse_pair([f"a={a}", f"b={b}"], mine, "60", [f"a={pid_a}", f"b={pid_b}"])
        asked = RunOptions(
            profile=SHORT.name, results_root=mine.parent / "runs", pair=pair, quiet=True
        )
        found = RunReader(run(["latency"], asked, build_report)).verdicts
    return {v.metric: v for v in found if v.operation == "all" and "named" in v.note}


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(400)
def test_a_planted_difference_is_found(
    monkeypatch: pytest.MonkeyPatch, shopbench: CommandLine, mine: Path
) -> None:
    found = _verdicts(monkeypatch, shopbench, mine, (3.0, 4.5))
    for metric in ("response_time_ms_p50", "cpu_ms_per_request"):
        verdict = found[metric]
        if verdict.estimate is None or verdict.n_blocks < 6:
            pytest.skip(f"the machine was not ours: {json.dumps(verdict.note)}")
        assert verdict.verdict == "supported", verdict
        assert verdict.low is not None
        assert verdict.low > 1
