"""The canary: a real process that does the work, and how its times are held against each other."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from bench.experiments.canary import Canary
from bench.machine import usable_cpus


def watched(canary: Canary, seconds: float) -> float | None:
    start = time.monotonic()
    time.sleep(seconds)
    return canary.between(start, time.monotonic()).mean_s


def test_a_trial_is_held_against_those_before_it() -> None:
    canary = Canary(None)
    assert canary.off_run(1.0) is None
    assert canary.off_run(1.1) == pytest.approx(0.1)
    assert canary.off_run(2.1) == pytest.approx(1.0)


def test_a_trial_without_samples_says_nothing_and_leaves_no_trace() -> None:
    canary = Canary(None)
    assert canary.between(0.0, time.monotonic()).mean_s is None
    assert canary.off_run(None) is None
    assert canary.history_s == []


def test_it_times_its_work_on_the_core_it_was_given() -> None:
    cpu = usable_cpus()[-1]
    with Canary(cpu) as canary:
        tries = (watched(canary, 1.0) for _ in range(20))  # it shares the core with other tests
        took = next((each for each in tries if each is not None), None)
        child = next(each for each in psutil.Process().children() if "thread_time" in text(each))
        if hasattr(child, "cpu_affinity"):
            assert child.cpu_affinity() == [cpu]
        assert canary.cpu_seconds() > 0
    assert took is not None
    assert 1e-5 < took < 0.05
    assert not psutil.pid_exists(child.pid)


def test_fewer_than_ten_samples_say_nothing() -> None:
    with Canary(None) as canary:
        watched(canary, 0.5)
        assert canary.between(time.monotonic(), time.monotonic() + 0.01).mean_s is None


@pytest.mark.alone
def test_more_work_shows() -> None:
    """Alternated, so that what the machine does meanwhile meets both."""
    usual, slowed = [], []
    with Canary(usable_cpus()[0]) as canary:
        for _ in range(6):
            usual.append(watched(canary, 0.5) or 0.0)
            with canary.slower():
                slowed.append(watched(canary, 0.5) or 0.0)
    assert sum(slowed[1:]) > 1.1 * sum(usual[1:])  # the first begins before the process does


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel to end a child with us")
def test_kill_9_of_the_bench_leaves_no_canary() -> None:
    program = (
        "import sys, time; from bench.experiments.canary import Canary\n"
        "with Canary(None) as canary:\n"
        "    print(canary._process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as bench:
        assert bench.stdout is not None
        child = int(bench.stdout.readline())
        assert psutil.pid_exists(child)
        os.kill(bench.pid, 9)
        bench.wait()
    deadline = time.monotonic() + 5
    while psutil.pid_exists(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not psutil.pid_exists(child)


def text(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
