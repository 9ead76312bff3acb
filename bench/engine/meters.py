"""Reads the machine around a trial: CPU of everybody, steal, swap.

What a meter cannot read is None, and the gate that needs it says 'not measured'.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

_TICK_S = 1 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.01
_PROC = Path("/proc")
_ROOT_CPUACCT = Path("/sys/fs/cgroup/cpuacct/cpuacct.usage")
_PF_KTHREAD = 0x00200000


@dataclass(frozen=True)
class Reading:
    """The machine at one moment. CPU in seconds since boot."""

    at: float  # perf_counter
    wall_s: float  # CLOCK_REALTIME
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
        wall_s=time.time(),
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


def clock_step_ms(first: Reading, last: Reading) -> float:
    """By how much the wall clock was set between two readings."""
    return abs((last.wall_s - first.wall_s) - (last.at - first.at)) * 1000


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
