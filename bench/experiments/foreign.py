"""Services that somebody else started: named by URL, metered by process id if one is given.

What we cannot know of them (their CPU without a process id, their background work) is None, so
the gates that need it say 'not measured'. Neighbour: `pair` measures them.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from bench.deployments.base import Usage
from bench.errors import ShopbenchError
from bench.experiments.meters import process_cpu
from bench.experiments.options import PairOptions
from bench.load.generator import Target

CONNECT_LIMIT_S = 3.0
_NAMED = re.compile(r"^(?P<name>[A-Za-z][A-Za-z0-9_-]{0,23})=(?P<rest>.+)$")
_PROBED = "probed"


def parse_pair(
    urls: Sequence[str], locustfile: Path | None, rate: str, pids: Sequence[str]
) -> PairOptions | None:
    """Read `--url`, `--locustfile`, `--rate`, `--pid`; None without a URL.

    Raises ShopbenchError (usage) with what is wrong.
    """
    if not urls:
        given = {"--locustfile": locustfile, "--pid": pids, "--rate": rate}
        for option, value in given.items():
            if value:
                raise ShopbenchError(f"{option} needs two --url name=http://…", 2)
        return None
    named = dict(_checked_url(*each) for each in _named("--url", urls, "name=http://host:port"))
    if len(named) < 2:
        raise ShopbenchError("one --url is no comparison: give two, the baseline first", 2)
    if len(set(named.values())) < len(named):
        raise ShopbenchError("two names for one URL; an A/A run needs two servers", 2)
    found: dict[str, int] = {}
    for name, text in _named("--pid", pids, "name=PID"):
        if name not in named:
            raise ShopbenchError(f"--pid {name}: there is no --url of that name", 2)
        if not text.isdigit():
            raise ShopbenchError(f"--pid {name}={text}: not a process id", 2)
        found[name] = int(text)
    if locustfile is not None and not locustfile.is_file():
        raise ShopbenchError(f"there is no file {locustfile}", 2)
    file = str(locustfile.resolve()) if locustfile is not None else ""
    return PairOptions(tuple(named.items()), file, tuple(found.items()), _rate(rate))


def check_reachable(pair: PairOptions) -> None:
    """Connect to every URL, look for every process. Raises ShopbenchError (usage)."""
    for name, url in pair.urls:
        parts = urlsplit(url)
        try:
            with socket.create_connection(
                (parts.hostname or "", parts.port or 80), timeout=CONNECT_LIMIT_S
            ):
                pass
        except OSError as exc:
            why = exc.strerror or str(exc)
            raise ShopbenchError(f"nothing answers at {name}={url}: {why}", 2) from exc
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
class ForeignSubject:
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


def _named(option: str, texts: Sequence[str], form: str) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for text in texts:
        match = _NAMED.match(text.strip())
        if match is None:
            raise ShopbenchError(f"cannot read {option} {text!r}; it is {form}", 2)
        if match["name"] in found:
            raise ShopbenchError(f"{option}: the name {match['name']!r} is given twice", 2)
        found[match["name"]] = match["rest"]
    return list(found.items())


def _checked_url(name: str, url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    if parts.scheme != "http":
        raise ShopbenchError(f"--url {name}={url}: only http:// can be measured", 2)
    try:
        known = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known or parts.path not in {"", "/"} or parts.query or parts.username:
        raise ShopbenchError(f"--url {name}={url}: give http://host:port, nothing after it", 2)
    return name, url.rstrip("/")


def _rate(text: str) -> float | None:
    if text in {"", _PROBED}:
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise ShopbenchError(f"--rate {text!r}: give requests a second, or 'probed'", 2)
    return rate
