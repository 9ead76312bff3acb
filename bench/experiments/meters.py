"""Reads the machine around a trial: CPU of everybody, steal, swap, a fixed piece of CPU work.

What a meter cannot read is None, and the gate that needs it says 'not measured'.
"""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_TICK_S = 1 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.01
_PROC = Path("/proc")
_ROOT_CPUACCT = Path("/sys/fs/cgroup/cpuacct/cpuacct.usage")
_PF_KTHREAD = 0x00200000
_CANARY_ROUNDS = 10
_CALM, _CALM_LIMIT_S = 0.04, 1.0  # share of the median; seconds
_CANARY_LIMIT_S = 0.25
_CANARY_NEAR = 1.03  # of the median: good enough to stop
_CANARY_SIZE = 60_000  # additions: 1.5 to 2.5 ms


@dataclass(frozen=True)
class Reading:
    """The machine at one moment. CPU in seconds since boot."""

    at: float  # perf_counter
    all_cpu_s: float | None  # of all tasks, kernel threads included
    kernel_threads_cpu_s: float | None
    steal_s: float | None
    all_states_s: float | None  # over all states of all CPUs: what steal is a share of
    swapped_pages: int | None


def read_machine() -> Reading:
    """Read the machine now."""
    states = _cpu_states()
    return Reading(
        at=time.perf_counter(),
        all_cpu_s=_all_cpu(states),
        kernel_threads_cpu_s=_kernel_threads(),
        steal_s=states[7] if states else None,
        all_states_s=sum(states[:8]) if states else None,
        swapped_pages=_swapped_pages(),
    )


def process_cpu(pid: int) -> float | None:
    """CPU seconds of one process, all its threads; from psutil where there is no schedstat."""
    try:
        tasks = list((_PROC / str(pid) / "task").iterdir())
        # schedstat counts nanoseconds where stat counts ticks of 10 ms
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    except (OSError, ValueError, IndexError):
        return _ticks(pid)


def _ticks(pid: int) -> float | None:
    try:
        times = psutil.Process(pid).cpu_times()
    except (psutil.Error, ValueError):
        return None
    return float(times.user + times.system)


def foreign_cpu(first: Reading, last: Reading, known_s: float) -> float | None:
    """Cores kept busy between two readings by neither `known_s` CPU seconds nor the kernel.

    A hundredth of a core is 0.01.
    """
    spent = _difference(first.all_cpu_s, last.all_cpu_s)
    kernel = _difference(first.kernel_threads_cpu_s, last.kernel_threads_cpu_s)
    if spent is None or kernel is None:
        return None
    return max(0.0, spent - kernel - known_s) / (last.at - first.at)


def steal_share(first: Reading, last: Reading) -> float | None:
    """Share of all CPU time the hypervisor gave to others."""
    stolen = _difference(first.steal_s, last.steal_s)
    total = _difference(first.all_states_s, last.all_states_s)
    return stolen / total if stolen is not None and total else None


def swapped(first: Reading, last: Reading) -> int | None:
    """Pages swapped in or out between two readings."""
    pages = _difference(first.swapped_pages, last.swapped_pages)
    return None if pages is None else int(pages)


@dataclass
class Canary:
    """The same piece of CPU work again and again: it slows when the core is not ours alone.

    The best of at least 10 rounds counts, and of as many as fit into 0.25 s until one comes near
    the median. On shared hosts the other thread of a physical core slows ours by up to 1.8 for
    stretches of 3 ms at the median and 86 ms at the most (measured): such flicker hits all trials
    alike and is for the intervals to carry; this finds a core that has become slow for good.
    """

    cpu: int | None
    history_s: list[float] = field(default_factory=list)

    def sing(self) -> float:
        """Time the work on the deployment's core; return seconds."""
        before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
        try:
            if before is not None and self.cpu is not None:
                os.sched_setaffinity(0, {self.cpu})
            took = self._best()
        finally:
            if before is not None:
                os.sched_setaffinity(0, before)
        self.history_s.append(took)
        return took

    def sing_when_calm(self) -> float:
        """Time the work before a trial, again for up to 1 s until it is near the median.

        No trial should begin on a core that is known to be slow; the last time counts, and
        `deviation` judges it.
        """
        deadline = time.perf_counter() + _CALM_LIMIT_S
        took = self.sing()
        while self.deviation(took) > _CALM and time.perf_counter() < deadline:
            self.history_s.pop()  # or one slow second would weigh as much as many trials
            took = self.sing()
        return took

    def _best(self) -> float:
        near = _CANARY_NEAR * statistics.median(self.history_s) if self.history_s else 0.0
        deadline = time.perf_counter() + _CANARY_LIMIT_S
        best = min(_fixed_work() for _ in range(_CANARY_ROUNDS))
        while best > near and time.perf_counter() < deadline:
            best = min(best, _fixed_work())
        return best

    def deviation(self, *took_s: float) -> float:
        """Largest relative distance of the given times from the median of all so far."""
        median = statistics.median(self.history_s)
        return max(abs(took - median) / median for took in took_s)


def _fixed_work() -> float:
    start = time.perf_counter()
    total = 0
    for number in range(_CANARY_SIZE):
        total += number
    return time.perf_counter() - start


def _difference(first: float | None, last: float | None) -> float | None:
    return None if first is None or last is None else last - first


def _cpu_states() -> list[float]:
    """Seconds in user, nice, system, idle, iowait, irq, softirq, steal over all CPUs."""
    try:
        with Path("/proc/stat").open() as file:
            return [int(ticks) * _TICK_S for ticks in file.readline().split()[1:]]
    except (OSError, ValueError):
        return []


def _all_cpu(states: list[float]) -> float | None:
    """Nanosecond accounting where the root group has it; else ticks, without interrupts."""
    try:
        return int(_ROOT_CPUACCT.read_text()) / 1e9
    except (OSError, ValueError):
        return sum(states[:3]) if states else None


def _kernel_threads() -> float | None:
    total = 0
    try:
        pids = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return None
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            if int(fields[6]) & _PF_KTHREAD:
                total += int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            continue
    return total / 1e9


def _swapped_pages() -> int | None:
    try:
        lines = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
        return int(lines["pswpin"]) + int(lines["pswpout"])
    except (OSError, ValueError, KeyError):
        return None
