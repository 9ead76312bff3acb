"""`shopbench selftest` with the real command line: it runs end to end, reports, leaves nothing."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import psutil
import pytest

from bench.experiments.selftest.planted import examine
from bench.experiments.selftest.record import FILE
from bench.journal import RunReader, Trial
from tests.system.conftest import CommandLine

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(600)]

# What the machine does meanwhile cannot spoil these: every one must show, disturbed and not.
CERTAIN = ("skipped", "not_sent", "failures", "schema_violations", "outbox")
PARTS = ("gates", "planted", "aa", "coverage")


@pytest.fixture(scope="module")
def smoke(shopbench: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> RunReader:
    folder = tmp_path_factory.mktemp("selftest")
    process = shopbench.start(
        "selftest", *PARTS, "--profile", "smoke", "--out", str(folder), "--quiet"
    )
    out, err = process.communicate(timeout=500)
    assert process.returncode == 0, out + err
    return RunReader(next(folder.iterdir()))


def trials_of(run: RunReader, experiment: str) -> list[Trial]:
    return [trial for trial in run.trials if trial.experiment == experiment]


def test_every_part_ran_and_claims_nothing(smoke: RunReader) -> None:
    parts = smoke.journal.settings["selftest"]["parts"]
    assert set(parts) == set(PARTS)
    words = {outcome["word"] for part in parts.values() for outcome in part["outcomes"]}
    assert words == {"not judged"}
    names = {trial.deployment for trial in trials_of(smoke, "selftest-planted-01")}
    assert names == {"base", "base-again", "slower-5", "slower-20", "cpu-10"}
    assert len(trials_of(smoke, "selftest-aa")) == 2 * 2 * 4


@pytest.mark.parametrize("gate", CERTAIN)
def test_a_disturbed_trial_trips_its_gate_and_an_undisturbed_one_does_not(
    smoke: RunReader, gate: str
) -> None:
    gates = {
        each["gate"]: each for each in smoke.journal.settings["selftest"]["parts"]["gates"]["gates"]
    }
    expected = "flag" if gate == "outbox" else "fail"
    assert gates[gate]["disturbed"]["outcome"] == expected
    assert gates[gate]["control"]["outcome"] == "pass"


def test_the_servers_were_told_to_differ_and_say_what_they_took(smoke: RunReader) -> None:
    """That they differ by what they were told is what the selftest itself measures."""
    plan = smoke.journal.settings["selftest_planted_plan"]
    assert plan["extra"]["slower-20"] == pytest.approx(4 * plan["extra"]["slower-5"], abs=3)
    assert 0.2 * plan["spin"] - 1 < plan["extra"]["slower-20"] < 0.25 * plan["spin"] + 1
    for trial in trials_of(smoke, "selftest-planted-01"):
        app = smoke.rows(trial.trial_id).column("app_ms").to_pylist()
        assert all(took > 0 for took in app), trial.deployment


def test_the_report_says_what_the_selftest_found(smoke: RunReader) -> None:
    page = (smoke.path / "report.html").read_text()
    assert "The benchmark, benchmarked" in page
    assert "not judged" in page


def test_a_smoke_selftest_is_not_kept_for_later_runs(
    shopbench: CommandLine, smoke: RunReader
) -> None:
    assert not (shopbench.home.root / FILE).exists()


def test_recorded_sets_judged_again_say_the_same(smoke: RunReader) -> None:
    measured = smoke.journal.settings["selftest"]["parts"]["planted"]["outcomes"]
    assert examine(smoke.path) == measured


def test_an_interrupted_selftest_keeps_its_trials_and_leaves_no_server(
    shopbench: CommandLine, tmp_path: Path
) -> None:
    process = shopbench.start(
        "selftest", "planted", "--profile", "quick", "--out", str(tmp_path), "--quiet"
    )
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("*/rows/selftest-planted-01-*")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    gone, alive = psutil.wait_procs(children, timeout=5)
    assert not alive, gone
    run = RunReader(next(tmp_path.iterdir()))
    assert run.journal.interrupted
    assert run.trials


def test_wrong_usage_is_one_line(shopbench: CommandLine) -> None:
    for arguments in (
        ["nonsense"],
        ["aa", "--from", "x"],
        ["coverage", "--from", "missing"],
        ["planted", "--from", "missing"],
        ["gates", "generator", "--from", "missing"],
    ):
        done = shopbench.run("selftest", *arguments)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
