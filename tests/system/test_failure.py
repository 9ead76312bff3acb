"""`failure` on real deployments: real kills, real databases, through the command line."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from bench.load.visits import LESS, OK, visits_of
from bench.results.journal import RunReader
from tests.system.conftest import CommandLine, owned

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


ONE_FAULT = """
title = "One hang"
rollback = "clear"

[[steady_state]]
probe = "ready"
at_least = 1

[load]
warmup_s = 1.0
after_s = 4.0

[[method]]
kind = "hang"
component = "orders"
at_s = 1.0
seconds = 2.0
"""


@pytest.fixture
def same_source(tmp_path: Path) -> str:
    """A PATH on which whoever commits meanwhile makes it no other source."""
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    git.write_text("#!/bin/sh\nexit 1\n")
    git.chmod(0o755)
    return f"{git.parent}:{os.environ['PATH']}"


def test_three_faults_in_both_arms_end_in_a_report(shopbench: CommandLine, tmp_path: Path) -> None:
    command = shopbench.start("run", "failure", "--profile", "smoke", "--out", str(tmp_path))
    _, err = command.communicate(timeout=550)
    assert command.returncode == 0, err
    (path,) = tmp_path.glob("*/")
    reader = RunReader(path)
    stretches = {(t.experiment, t.deployment): t for t in reader.trials}
    assert len(stretches) == 8  # a control and three faults in two arms
    for (experiment, deployment), trial in stretches.items():
        fault = "control" not in experiment
        assert ("injected_s" in trial.facts) == fault, (experiment, deployment)
        assert trial.facts["steady_after"] == 1.0
        assert trial.facts["settled"] == 1.0
        outcomes = set(visits_of(reader.rows(trial.trial_id), 200.0).outcome.tolist())
        if fault:  # a hang of two seconds makes late answers, no wrong ones
            assert outcomes - {OK}, (experiment, deployment)
        else:
            assert outcomes <= {OK, LESS}, (experiment, deployment)
    page = (path / "report.html").read_text(encoding="utf-8")
    assert 'id="failure"' in page
    assert "figure-blast-radius-on" in page
    assert not owned(shopbench.home).processes


def test_a_bad_spec_is_refused_before_anything_starts(
    shopbench: CommandLine, tmp_path: Path
) -> None:
    spec = tmp_path / "mine.toml"
    spec.write_text('title = "x"\nsteady_state = []\nmethod = []\n', encoding="utf-8")
    done = shopbench.run("run", "failure", "--spec", str(spec), "--out", str(tmp_path / "runs"))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "rollback" in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.soak
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_ends_in_the_middle_of_a_fault_leaves_nothing_and_is_finished_later(
    shopbench: CommandLine, tmp_path: Path, same_source: str, number: int
) -> None:
    spec = tmp_path / "one_fault.toml"
    spec.write_text(ONE_FAULT, encoding="utf-8")
    options = ("--profile", "smoke", "--spec", str(spec), "--out", str(tmp_path / "runs"))
    command = shopbench.start(
        "run", "failure", "--deployments", "microservices", *options, PATH=same_source
    )
    assert command.stderr is not None
    for line in command.stderr:
        if "1 hang orders on microservices" in line:
            break
    ledger = shopbench.home.root / "faults"
    deadline = time.monotonic() + 30
    while not list(ledger.glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(ledger.glob("*.json"))
    held = owned(shopbench.home)
    command.send_signal(number)
    command.communicate(timeout=60)
    held.wait_gone()
    (path,) = (tmp_path / "runs").glob("*/")
    before = RunReader(path).trials
    assert before
    resumed = shopbench.start("run", "--resume", str(path), "--quiet", PATH=same_source)
    _, err = resumed.communicate(timeout=400)
    assert resumed.returncode == 0, err
    assert not list(ledger.glob("*.json"))
    after = RunReader(path).trials
    assert after[: len(before)] == before
    assert "failure:1 hang orders" in {t.experiment for t in after}
