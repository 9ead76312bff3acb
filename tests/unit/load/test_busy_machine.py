"""The validity gates on a machine that is not ours alone: a core is burned beside a trial."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import pytest

from bench.deployments.base import Usage
from bench.engine.trial import Bench, TrialKey
from bench.load.generator import LoadProcess, Target
from bench.load.schedule import ScheduleSpec, build_schedule
from bench.machine import usable_cpus


@dataclass(frozen=True)
class Echo:
    """A subject of one process."""

    url: str
    pid: int
    name: str = "echo"

    @property
    def target(self) -> Target:
        return Target(self.url, [f"token-{number}" for number in range(10)])

    def usage(self) -> dict[str, Usage]:
        times = psutil.Process(self.pid).cpu_times()
        return {"echo": Usage(times.user + times.system, 1 << 20)}

    def settle(self) -> int | None:
        return 0


@contextmanager
def burned(cpu: int) -> Iterator[Callable[[], float]]:
    """Keep a core busy; yields what says how much of a core was really burned."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        burner = psutil.Process(process.pid)
        burner.cpu_affinity([cpu])
        start, before = time.monotonic(), burner.cpu_times().user
        yield lambda: (burner.cpu_times().user - before) / (time.monotonic() - start)
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.alone
def test_a_burned_core_is_shown_and_throws_nothing_away(
    serve: Callable[..., str],
) -> None:
    """Whatever else the machine does: foreign CPU is at least what was burned here."""
    url = serve()
    server = next(child for child in psutil.Process().children() if "echo_server" in cmdline(child))
    schedule = build_schedule(ScheduleSpec("product_read", 200.0, 4, 0.1, 0.2, 2.0))
    cpus = usable_cpus()
    with LoadProcess(cpus=[cpus[-1]]) as load, burned(cpus[-1]) as share:
        bench, subject = Bench(load), Echo(url, server.pid)
        trial, _ = bench.run_open(TrialKey("latency", 0, 0, 0), subject, schedule)
        burned_share = share()
    foreign = next(gate for gate in trial.gates if gate.name == "foreign_cpu")
    if foreign.value is None:
        pytest.skip("this system does not say who used the CPU")
    assert burned_share > 0.1
    assert foreign.outcome == "flag"
    assert foreign.value > 0.7 * burned_share


def cmdline(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
