"""Services that somebody else started: named by URL, metered by process id if one is given.

What we cannot know of them (their CPU without a process id, their background work) is None.
Neighbour: `own_services` measures them.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from bench.deployments.base import Usage
from bench.errors import ShopbenchError
from bench.experiments.meters import process_cpu
from bench.experiments.options import DEFAULT_USERS, LoadKind, PairOptions
from bench.load.generator import Target

CONNECT_LIMIT_S = 3.0
RESTART_LIMIT_S = 120.0  # for the command to come back, and again for the service to answer
_POLL_S = 0.05
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_USERS = 400  # of a locustfile: each may hold a connection; descriptors stay below 900
_NAMED = re.compile(r"^(?P<name>[A-Za-z][A-Za-z0-9_-]{0,23})=(?P<rest>.+)$")
_HOST_NAME = re.compile(r"^[A-Za-z0-9.-]+(:\d{1,5})?$")
_LOADS: tuple[LoadKind, ...] = ("turns", "open")


@dataclass(frozen=True)
class PairFlags:
    """The options of `shopbench run` that are for services of the user's own, as they were given.

    `arguments`: what stood behind `--`.
    """

    urls: Sequence[str] = ()
    locustfile: Path | None = None
    pids: Sequence[str] = ()
    rate: str = ""
    load: str = "turns"
    users: int | None = None
    host_headers: Sequence[str] = ()
    restarts: Sequence[str] = ()
    arguments: Sequence[str] = ()


def parse_pair(flags: PairFlags) -> PairOptions | None:
    """Read the options; None without a URL. Raises ShopbenchError (usage) with what is wrong."""
    if not flags.urls:
        _refuse_without_url(flags)
        return None
    named = dict(_checked_url(*each) for each in _named("--url", flags.urls, "name=http://host"))
    if len(named) < 2:
        raise ShopbenchError("one --url is no comparison: give two, the baseline first", 2)
    file, load = flags.locustfile, _load_kind(flags)
    if file is not None and not file.is_file():
        raise ShopbenchError(f"there is no file {file}", 2)
    if file is None and (flags.arguments or flags.users):
        raise ShopbenchError("--users and what stands behind -- are for a --locustfile", 2)
    headers = _host_headers(named, flags.host_headers)
    if len({(url, headers.get(name)) for name, url in named.items()}) < len(named):
        raise ShopbenchError("two names for one URL; an A/A run needs two servers", 2)
    restarts = _for_services(named, "--restart", flags.restarts, "name=COMMAND")
    if restarts and (set(restarts) != set(named) or load == "open" or flags.pids):
        why = "is for every --url, and neither for --load open nor with --pid"
        raise ShopbenchError(f"--restart {why}", 2)
    return PairOptions(
        urls=tuple(named.items()),
        locustfile=str(file.resolve()) if file is not None else "",
        pids=tuple(_process_ids(named, flags.pids).items()),
        rate=_rate(flags.rate),
        load=load,
        users=_user_count(flags.users),
        host_headers=tuple(headers.items()),
        restarts=tuple(restarts.items()),
        arguments=tuple(flags.arguments),
    )


def _refuse_without_url(flags: PairFlags) -> None:
    given = {
        "--locustfile": flags.locustfile,
        "--pid": flags.pids,
        "--rate": flags.rate,
        "--load open": flags.load != "turns",
        "--users": flags.users,
        "--host-header": flags.host_headers,
        "--restart": flags.restarts,
        "--": flags.arguments,
    }
    for option, value in given.items():
        if value:
            raise ShopbenchError(f"{option} needs two --url name=http://…", 2)


def _load_kind(flags: PairFlags) -> LoadKind:
    found = next((kind for kind in _LOADS if kind == flags.load), None)
    if found is None:
        raise ShopbenchError(f"--load {flags.load!r}: it is turns (paired, the default) or open", 2)
    if found == "open" and not flags.rate:
        raise ShopbenchError("--load open needs --rate, requests a second", 2)
    if found == "turns" and flags.rate:
        raise ShopbenchError("--rate is for --load open: turns go one by one", 2)
    return found


def _host_headers(named: Mapping[str, str], texts: Sequence[str]) -> dict[str, str]:
    """The Host header by service: `name=HOST`, or one `HOST` for all."""
    if len(texts) == 1 and _HOST_NAME.match(texts[0]):
        return dict.fromkeys(named, texts[0])
    found = _for_services(named, "--host-header", texts, "HOST, or name=HOST")
    for text in found.values():
        if not _HOST_NAME.match(text):
            raise ShopbenchError(f"--host-header {text!r}: not a host", 2)
    return found


def _process_ids(named: Mapping[str, str], texts: Sequence[str]) -> dict[str, int]:
    found = _for_services(named, "--pid", texts, "name=PID")
    for name, text in found.items():
        if not text.isdigit():
            raise ShopbenchError(f"--pid {name}={text}: not a process id", 2)
    return {name: int(text) for name, text in found.items()}


def _for_services(
    named: Mapping[str, str], option: str, texts: Sequence[str], form: str
) -> dict[str, str]:
    found = dict(_named(option, texts, form))
    for name in found:
        if name not in named:
            raise ShopbenchError(f"{option} {name}: there is no --url of that name", 2)
    return found


def _user_count(users: int | None) -> int:
    if users is None:
        return DEFAULT_USERS
    if not 0 < users <= _MAX_USERS:
        raise ShopbenchError(f"--users {users}: give 1 to {_MAX_USERS}", 2)
    return users


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
    if parts.scheme not in _DEFAULT_PORTS:
        raise ShopbenchError(f"--url {name}={url}: it begins with http:// or https://", 2)
    try:
        known = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known or parts.query or parts.fragment or parts.username:
        form = "http://host:port/path, with neither query nor password"
        raise ShopbenchError(f"--url {name}={url}: give {form}", 2)
    return name, url.rstrip("/")


def _refusal(url: str) -> str:
    """Why nothing answers there; "" if something does."""
    parts = urlsplit(url)
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=CONNECT_LIMIT_S):
            return ""
    except OSError as exc:
        return exc.strerror or str(exc)


def _rate(text: str) -> float | None:
    if not text:
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise ShopbenchError(f"--rate {text!r}: give requests a second", 2)
    return rate
