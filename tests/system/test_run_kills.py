"""A run that is interrupted or killed: nothing is left running, what was measured is kept, and
`--resume` finishes it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from bench.deployments.local.processes import descendants
from bench.results.journal import RunReader
from tests.system.conftest import CommandLine, Owned, owned

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

# a monolith, and the second one that takes part in every round
SHORT = ("--profile", "smoke", "--deployments", "monolith", "--mixes", "product_read,order")
MEMBERS = ("monolith", "monolith#2")
# what the run says when it has come so far
MOMENTS = {
    "start": "starting 2 deployments",
    "first orders": "placing the first orders",
    "rounds": "rounds of order",
    "floor": ": product_read on ",
}


def begin(shopbench: CommandLine, folder: Path, moment: str, *names: str) -> subprocess.Popen[str]:
    """Start a run and return when it has come to the moment."""
    command = shopbench.start("run", *names, *SHORT, "--out", str(folder), PATH=os.environ["PATH"])
    assert command.stderr is not None
    seen = []
    for line in command.stderr:
        seen.append(line)
        if MOMENTS[moment] in line:
            time.sleep(0.3)  # into it
            return command
    raise AssertionError("".join(seen))


def everything_of(shopbench: CommandLine, command: subprocess.Popen[str]) -> Owned:
    """The deployments' processes and ports, and the run's own (load process, bare handlers)."""
    held = owned(shopbench.home)
    own = [each for each in descendants(command.pid) if each.pid != command.pid]
    return replace(held, processes=[*held.processes, *own])


def end(command: subprocess.Popen[str], number: int) -> tuple[int, str]:
    command.send_signal(number)
    _, err = command.communicate(timeout=60)
    return command.returncode, err


def finish(shopbench: CommandLine, folder: Path) -> RunReader:
    """Resume the only run in the folder, and look at its report."""
    (path,) = folder.glob("*/")
    before = RunReader(path)
    command = shopbench.start("run", "--resume", str(path), "--quiet", PATH=os.environ["PATH"])
    try:
        _, err = command.communicate(timeout=400)
    finally:
        command.kill()
    assert command.returncode == 0, err
    after = RunReader(path)
    assert after.trials[: len(before.trials)] == before.trials
    assert len({trial.trial_id for trial in after.trials}) == len(after.trials)
    assert after.journal.finished_at is not None
    assert not after.journal.interrupted
    mine = [trial for trial in after.trials if trial.experiment == "latency"]
    last = {(t.mix, t.deployment) for t in mine if t.block == max(t.block for t in mine)}
    assert last == set(product(("product_read", "order"), MEMBERS))
    assert "resumed at" in (path / "report.html").read_text()
    refused = shopbench.run("run", "--resume", str(path))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "is finished" in refused.stderr
    return after


@pytest.mark.slow
def test_a_run_ended_while_it_starts_leaves_nothing(shopbench: CommandLine, out: Path) -> None:
    command = begin(shopbench, out, "start", "latency")
    everything = everything_of(shopbench, command)
    assert everything.processes
    code, err = end(command, signal.SIGHUP)
    everything.wait_gone(0.5)
    assert code == 130
    (path,) = out.glob("*/")
    last = err.splitlines()[-1]
    assert last.startswith("error: interrupted; ")
    assert last.endswith(f"`shopbench run --resume {path}`")
    assert RunReader(path).journal.interrupted


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "number"),
    [
        pytest.param("first orders", signal.SIGTERM, marks=pytest.mark.soak),
        ("rounds", signal.SIGKILL),
        pytest.param("floor", signal.SIGKILL, marks=pytest.mark.soak),
    ],
)
def test_whatever_ends_a_run_it_is_finished_later(
    shopbench: CommandLine, out: Path, moment: str, number: int
) -> None:
    names = ("latency", "floor") if moment == "floor" else ("latency",)
    command = begin(shopbench, out, moment, *names)
    everything = everything_of(shopbench, command)
    command.send_signal(number)
    everything.wait_gone()
    command.communicate(timeout=60)
    assert command.returncode == (-9 if number == signal.SIGKILL else 130)
    finish(shopbench, out)
    owned(shopbench.home).wait_gone()


@pytest.mark.soak
def test_a_full_disk_is_one_line_and_keeps_what_was_measured(
    shopbench: CommandLine, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = os.geteuid() == 0 and (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=56k", "tmpfs", str(small)], check=False
        ).returncode
        == 0
    )
    if not mounted:
        pytest.skip("a small file system cannot be mounted here")
    try:
        done = shopbench.run("run", "latency", *SHORT, "--out", str(small), "--quiet")
        (path,) = small.glob("*/")
        kept = RunReader(path)
        kept.check_rows()
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert done.returncode == 3
    assert "No space left on device" in done.stderr
    assert done.stderr.count("\n") == 1
    assert kept.trials
    owned(shopbench.home).wait_gone()


def test_a_results_folder_that_cannot_be_written_is_one_line(
    shopbench: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    done = shopbench.run("run", "latency", *SHORT, "--out", str(file))
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "cannot make the run folder" in done.stderr
