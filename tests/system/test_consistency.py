"""`shopbench run consistency` as a user runs it: a whole smoke run, and one that is cut off."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from bench.results.episodes import EpisodeFolder, FaultInjected, read_events
from bench.results.journal import RunReader
from tests.system.conftest import CommandLine, owned

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

SMALL = ("run", "consistency", "--profile", "smoke", "--kills", "2", "--deployments", "monolith")


@pytest.mark.slow
def test_a_smoke_run_of_both_arms_is_valid_and_leaves_nothing(
    shopbench: CommandLine, tmp_path: Path
) -> None:
    command = shopbench.start("run", "consistency", "--profile", "smoke", "--out", str(tmp_path))
    out, err = command.communicate(timeout=400)
    assert command.returncode == 0, err
    (path,) = tmp_path.glob("*/")
    reader = RunReader(path)
    assert {(e.deployment, e.phase, e.status) for e in reader.journal.episodes} == {
        (name, phase, "ended")
        for name in ("monolith", "microservices")
        for phase in ("kills", "points")
    }
    assert "Data consistency" in out
    page = (path / "report.html").read_text()
    assert "Is the data still right?" in page
    assert ">valid<" in page
    assert ">violated<" not in page
    assert ">unknown<" not in page
    owned(shopbench.home).wait_gone()
    (path / "report.html").unlink()
    (path / "verdicts.json").unlink()
    shopbench.ok("report", str(path))
    assert ">valid<" in (path / "report.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    "number", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.soak)]
)
def test_a_run_cut_off_among_its_kills_keeps_what_was_seen_and_is_finished_later(
    shopbench: CommandLine, out: Path, number: int
) -> None:
    command = shopbench.start(*SMALL, "--out", str(out), PATH=os.environ["PATH"])
    assert command.stderr is not None
    for line in command.stderr:
        if "kills 2 of 2" in line:
            break
    time.sleep(0.2)
    everything = owned(shopbench.home)
    assert everything.processes
    command.send_signal(number)
    everything.wait_gone()
    command.communicate(timeout=60)
    (path,) = out.glob("*/")
    (cut_off,) = RunReader(path).journal.episodes
    assert cut_off.status == "begun"
    folder = EpisodeFolder.of(path, cut_off)
    assert any(isinstance(event, FaultInjected) for event in read_events(folder.events))
    assert folder.history.read_text()
    shopbench.ok("report", str(path))
    assert "cut off before its databases were read" in (path / "report.html").read_text()
    if number == signal.SIGKILL:
        finish(shopbench, path)


def finish(shopbench: CommandLine, path: Path) -> None:
    """Resume: the phase that was cut off is run again whole, in a folder of its own."""
    command = shopbench.start("run", "--resume", str(path), PATH=os.environ["PATH"])
    _, err = command.communicate(timeout=300)
    assert command.returncode == 0, err
    held = [(e.phase, e.attempt, e.status) for e in RunReader(path).journal.episodes]
    assert held == [("kills", 0, "begun"), ("kills", 1, "ended"), ("points", 0, "ended")]
    assert ">valid<" in (path / "report.html").read_text()
