"""Processes: known by pid and start time, ended with all they started."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from bench.deployments.local.processes import (
    ProcessId,
    kill_tree,
    signal_tree,
    stop_tree,
    tree,
    wait_stopped,
)

PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("ready", flush=True)
time.sleep(60)
"""


def family() -> subprocess.Popen[str]:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert parent.stdout is not None
    parent.stdout.readline()
    return parent


def test_another_start_time_is_another_process() -> None:
    me = ProcessId.of(os.getpid())
    assert me.alive()
    assert not ProcessId(me.pid, me.started - 1).alive()
    assert not ProcessId(me.pid, me.started - 1).signal(signal.SIGKILL)


def test_a_zombie_has_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    process = ProcessId.of(child.pid)
    deadline = time.monotonic() + 5
    while process.alive():
        assert time.monotonic() < deadline
    child.wait()


def test_a_tree_holds_children_in_sessions_of_their_own() -> None:
    parent = family()
    everyone = tree(ProcessId.of(parent.pid))
    assert len(everyone) == 3
    assert kill_tree(ProcessId.of(parent.pid)) == []
    assert not any(process.alive() for process in everyone)
    parent.wait()


def test_a_stopped_tree_does_not_run_until_it_is_resumed() -> None:
    parent = family()
    root = ProcessId.of(parent.pid)
    assert stop_tree(root) == []
    assert states(root) == {"T"}  # at once: nobody has to look again
    signal_tree(root, signal.SIGCONT)
    wait_until(lambda: "T" not in states(root))
    kill_tree(root)
    parent.wait()


def test_a_stop_is_waited_for_and_what_runs_on_is_named() -> None:
    parent = family()
    root = ProcessId.of(parent.pid)
    assert wait_stopped([root], 0.05) == [root]
    late = threading.Timer(0.3, root.signal, [signal.SIGSTOP])
    late.start()
    assert wait_stopped([root], 5.0) == []
    assert root.stopped()
    kill_tree(root)
    assert not root.stopped()
    assert wait_stopped([root], 0.0) == []  # what has ended runs no more either
    parent.wait()


def states(root: ProcessId) -> set[str]:
    return {state_of(process.pid) for process in tree(root)}


def state_of(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


def wait_until(holds: Callable[[], bool]) -> None:
    """SIGCONT takes effect when its process next runs: that is seen a little later."""
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
