"""What a deployment owns, written down and removed."""

import os
import subprocess
import sys
from pathlib import Path

from bench.deployments.local.ledger import Ledger, clean_up, sweep
from bench.deployments.local.processes import ProcessId


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True
    )


def ended() -> ProcessId:
    child = subprocess.Popen([sys.executable, "-c", ""])
    process = ProcessId.of(child.pid)
    child.wait()
    return process


def owned_folder(parent: Path, holder: ProcessId, child: subprocess.Popen[bytes]) -> Path:
    folder = parent / f"deployment-{child.pid}"
    folder.mkdir()
    Ledger(folder).holder(holder)
    Ledger(folder).process(ProcessId.of(child.pid))
    return folder


def test_cleaning_up_ends_what_is_named_and_nothing_else(tmp_path: Path) -> None:
    mine, other = sleeper(), sleeper()
    folder = owned_folder(tmp_path, ended(), mine)
    assert clean_up(folder) == []
    assert not folder.exists()
    assert mine.wait(5) < 0
    assert other.poll() is None
    other.kill()
    other.wait()


def test_cleaning_up_twice_is_the_same(tmp_path: Path) -> None:
    child = sleeper()
    folder = owned_folder(tmp_path, ended(), child)
    assert clean_up(folder) == clean_up(folder) == []
    child.wait()


def test_a_sweep_spares_what_somebody_holds(tmp_path: Path) -> None:
    held, left = sleeper(), sleeper()
    holding = owned_folder(tmp_path, ProcessId.of(os.getpid()), held)
    abandoned = owned_folder(tmp_path, ended(), left)
    assert sweep(tmp_path) == []
    assert holding.exists()
    assert not abandoned.exists()
    assert held.poll() is None
    assert left.wait(5) < 0
    clean_up(holding)
    held.wait()


def test_a_line_cut_short_by_a_kill_is_passed_over(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.process(ProcessId(1, 2.0))
    with ledger.path.open("a") as stream:
        stream.write('{"kind": "pro')
    assert ledger.processes("process") == [ProcessId(1, 2.0)]


def test_a_pid_used_again_is_not_killed(tmp_path: Path) -> None:
    child = sleeper()
    folder = tmp_path / "deployment"
    folder.mkdir()
    Ledger(folder).process(ProcessId(child.pid, ProcessId.of(child.pid).started - 1))
    assert clean_up(folder) == []
    assert child.poll() is None
    child.kill()
    child.wait()
