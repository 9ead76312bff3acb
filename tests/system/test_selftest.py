"""`shopbench selftest` with the real command line: it runs end to end, reports, leaves nothing."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import psutil
import pytest

from bench.experiments.selftest.planting import AGAIN, BASE, DEARER, LARGER, MEMBERS, SLOWER
from bench.experiments.selftest.record import FILE
from bench.results.journal import RunReader, Trial
from tests.system.conftest import CommandLine

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(900)]

# What the machine does meanwhile cannot spoil these: every one must show, disturbed and not.
CERTAIN = ("skipped", "not_sent", "failures", "schema_violations", "swap", "cpu_budget")
PARTS = ("gates", "planted", "busy")


@pytest.fixture(scope="module")
def smoke(shopbench: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> RunReader:
    folder = tmp_path_factory.mktemp("selftest")
    process = shopbench.start(
        "selftest", *PARTS, "--profile", "smoke", "--out", str(folder), "--quiet"
    )
    out, err = process.communicate(timeout=800)
    assert process.returncode == 0, out + err
    return RunReader(next(folder.glob("*/")))


def planted_of(run: RunReader, member: str) -> list[Trial]:
    return [
        trial
        for trial in run.trials
        if (trial.experiment, trial.deployment) == ("selftest-planted", member)
    ]


def test_every_part_ran_and_claims_nothing(smoke: RunReader) -> None:
    parts = smoke.journal.settings["selftest"]["parts"]
    assert set(parts) == set(PARTS)
    words = {outcome["word"] for part in parts.values() for outcome in part["outcomes"]}
    assert words == {"not judged"}
    for member in MEMBERS:
        assert {trial.mix for trial in planted_of(smoke, member)} == {
            "product_read",
            "order",
            "overview",
        }


@pytest.mark.parametrize("gate", CERTAIN)
def test_a_disturbed_trial_trips_its_gate_and_an_undisturbed_one_does_not(
    smoke: RunReader, gate: str
) -> None:
    gates = {
        each["gate"]: each for each in smoke.journal.settings["selftest"]["parts"]["gates"]["gates"]
    }
    assert gates[gate]["disturbed"]["outcome"] == gates[gate]["expected"]
    assert gates[gate]["control"]["outcome"] == "pass"


def test_the_services_did_what_was_planted_and_said_how_much(smoke: RunReader) -> None:
    """Whether it is found is what the selftest itself measures."""
    for member, fact in (
        (SLOWER, "planted_ms"),
        (LARGER, "planted_ms"),
        (DEARER, "planted_cpu_ms"),
    ):
        assert all(trial.facts[fact] > 0 for trial in planted_of(smoke, member))
    for member in (BASE, AGAIN):
        assert not any("planted" in name for t in planted_of(smoke, member) for name in t.facts)


def test_the_report_says_what_the_selftest_found(smoke: RunReader) -> None:
    page = (smoke.path / "report.html").read_text()
    assert "The benchmark, benchmarked" in page
    assert "not judged" in page


def test_a_smoke_selftest_is_not_kept_for_later_runs(
    shopbench: CommandLine, smoke: RunReader
) -> None:
    assert not (shopbench.home.root / FILE).exists()


def test_a_recorded_part_judged_again_says_the_same(
    shopbench: CommandLine, smoke: RunReader
) -> None:
    for part in ("planted", "busy"):
        done = shopbench.run("selftest", part, "--from", str(smoke.path))
        assert done.returncode == 0, done.stderr
    assert not (shopbench.home.root / FILE).exists()


@pytest.mark.soak
def test_deployments_are_held_against_rounds_of_two(shopbench: CommandLine, tmp_path: Path) -> None:
    folder = ("--out", str(tmp_path), "--quiet")
    process = shopbench.start("selftest", "disturbance", "--profile", "smoke", *folder)
    out, err = process.communicate(timeout=400)
    assert process.returncode == 0, out + err
    run = RunReader(next(tmp_path.glob("*/")))
    assert run.journal.settings["selftest"]["parts"].keys() == {"disturbance"}
    done = shopbench.run("selftest", "disturbance", "--from", str(run.path))
    assert done.returncode == 0, done.stderr


@pytest.mark.soak
def test_an_interrupted_selftest_goes_on_and_leaves_no_process(
    shopbench: CommandLine, tmp_path: Path
) -> None:
    process = shopbench.start(
        *("selftest", "busy", "--profile", "smoke", "--starts", "2"),
        *("--out", str(tmp_path), "--quiet"),
    )
    try:
        deadline = time.monotonic() + 240
        while not list(tmp_path.glob("*/rows/selftest-busy-s00-*")):
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
    folder = next(tmp_path.glob("*/"))
    assert RunReader(folder).journal.interrupted
    resumed = shopbench.start("run", "--resume", str(folder), "--quiet")
    out, err = resumed.communicate(timeout=400)
    assert resumed.returncode == 0, out + err
    settings = RunReader(folder).journal.settings
    assert len(settings["selftest-busy"]["took_s"]) == 2
    assert "busy" in settings["selftest"]["parts"]


def test_wrong_usage_is_one_line(shopbench: CommandLine, tmp_path: Path) -> None:
    for arguments in (
        ["nonsense"],
        ["gates", "--from", str(tmp_path)],
        ["planted", "--from", "missing"],
        ["planted", "busy", "--from", str(tmp_path)],
    ):
        done = shopbench.run("selftest", *arguments)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
