"""Services that somebody else started: named by URL, metered by process id if one is given.

What we cannot know of them (their CPU without a process id, their background work) is None.
Neighbours: `asked` has their options, `measure` begins.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

from bench.deployments.base import Usage
from bench.engine.meters import process_cpu
from bench.errors import ShopbenchError
from bench.experiments.own_pair.asked import DEFAULT_PORTS, PairOptions
from bench.load.generator import Target

CONNECT_LIMIT_S = 3.0
RESTART_LIMIT_S = 120.0  # for the command to come back, and again for the service to answer
_POLL_S = 0.05


def restart(name: str, url: str, command: str) -> None:
    """Run the user's command and wait until the service answers again.

    Raises ShopbenchError if the command fails or nothing answers within two minutes.
    """
    try:
        done = subprocess.run(
            command,
            shell=True,  # noqa: S602 - it is the user's own command line
            capture_output=True,
            text=True,
            timeout=RESTART_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        limit = f"{RESTART_LIMIT_S:.0f} s"
        raise ShopbenchError(f"--restart {name}: did not come back within {limit}", 1) from exc
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["(it said nothing)"]
        raise ShopbenchError(f"--restart {name}: exit code {done.returncode}: {words[0]}", 1)
    deadline = time.monotonic() + RESTART_LIMIT_S
    while why := _refusal(url):
        if time.monotonic() > deadline:
            limit = f"{RESTART_LIMIT_S:.0f} s"
            text = f"nothing answers at {name}={url} within {limit} of its restart: {why}"
            raise ShopbenchError(text, 1)
        time.sleep(_POLL_S)


def check_reachable(pair: PairOptions) -> None:
    """Connect to every URL, look for every process. Raises ShopbenchError (usage)."""
    for name, url in pair.urls:
        if why := _refusal(url):
            raise ShopbenchError(f"nothing answers at {name}={url}: {why}", 2)
    trees = {name: _tree_ids(name, pid) for name, pid in pair.pids}
    for name, pid in pair.pids:
        for other, tree in trees.items():
            if other != name and pid in tree:
                raise ShopbenchError(f"--pid {name}={pid} belongs to {other} as well", 2)


def pinned_to(pair: PairOptions) -> dict[str, list[int]]:
    """The CPUs each given process may run on, by name; without those that cannot be read."""
    found = {}
    for name, pid in pair.pids:
        try:
            found[name] = sorted(os.sched_getaffinity(pid))
        except (AttributeError, OSError):
            continue
    return found


@dataclass(frozen=True)
class ExternalService:
    """One service. `process`: the root of its process tree, None if we were told none."""

    name: str
    target: Target
    process: psutil.Process | None

    def usage(self) -> Mapping[str, Usage]:
        """CPU and memory of the process tree; empty if unknown or gone."""
        if self.process is None:
            return {}
        try:
            if not self.process.is_running():
                return {}
            tree = [self.process, *self.process.children(recursive=True)]
        except psutil.Error:
            return {}
        parts = [_usage_of(process) for process in tree]
        cpu_s = sum(part.cpu_seconds for part in parts)
        return {self.name: Usage(cpu_s, sum(part.pss_bytes for part in parts))}

    def settle(self) -> int | None:
        """What it does behind its answers is not known to us."""
        return None


def open_process(pid: int | None) -> psutil.Process | None:
    """The process of an id. Raises ShopbenchError (usage) if there is none."""
    if pid is None:
        return None
    try:
        return psutil.Process(pid)
    except psutil.Error as exc:
        raise ShopbenchError(f"there is no process {pid}", 2) from exc


def _usage_of(process: psutil.Process) -> Usage:
    """Of one process with the children it has outlived; nothing if it is gone."""
    try:
        times = process.cpu_times()
        # schedstat counts nanoseconds, but only of threads that still live; ticks count all
        own = max(process_cpu(process.pid) or 0.0, times.user + times.system)
        outlived = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
        return Usage(own + outlived, _memory(process))
    except psutil.Error:
        return Usage(0.0, 0)


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.AccessDenied, AttributeError):
        return int(process.memory_info().rss)


def _tree_ids(name: str, pid: int) -> set[int]:
    try:
        process = psutil.Process(pid)
        return {pid, *(child.pid for child in process.children(recursive=True))}
    except psutil.Error as exc:
        raise ShopbenchError(f"--pid {name}={pid}: there is no such process", 2) from exc


def _refusal(url: str) -> str:
    """Why nothing answers there; "" if something does."""
    parts = urlsplit(url)
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=CONNECT_LIMIT_S):
            return ""
    except OSError as exc:
        return exc.strerror or str(exc)
