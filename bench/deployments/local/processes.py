"""A process known by pid and start time, its descendants, and how to end all of them for certain.

A pid alone is no name: it is used again. Every file and message of the driver carries both.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

_POLL_SECONDS = 0.02
_STARTTIME_FIELD = 19  # of /proc/PID/stat, counted behind the command's closing bracket
_ENDED = "ZX"  # states of /proc/PID/stat, as proc(5) names them
_STOPPED = "Tt"
_LETTERS = {psutil.STATUS_ZOMBIE: "Z", psutil.STATUS_STOPPED: "T"}


@dataclass(frozen=True)
class ProcessId:
    """`started` is the kernel's own tick count on Linux (it never shifts with the clock)."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """Name a process, also one that has ended but is not reaped. Raises ProcessLookupError."""
        facts = _facts(pid)
        if facts is None:
            raise ProcessLookupError(pid)
        return cls(pid, facts[0])

    def alive(self) -> bool:
        """Tell whether it still runs. A zombie has ended: nobody may be there to reap it."""
        return self._state() not in _ENDED

    def stopped(self) -> bool:
        """Tell whether nothing of it runs until SIGCONT. SIGSTOP takes effect some time after."""
        return self._state() in _STOPPED

    def signal(self, number: int) -> bool:
        """Send one signal; False if it has ended."""
        if not self.alive():
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True

    def _state(self) -> str:
        """Its letter of proc(5); X, dead, also if the pid is nobody's or somebody else's now."""
        facts = _facts(self.pid)
        return facts[1] if facts is not None and facts[0] == self.started else "X"


def _facts(pid: int) -> tuple[float, str] | None:
    """Return start time and state (its letter of proc(5)); None if there is no such process."""
    if sys.platform == "linux":
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = text.rpartition(")")[2].split()
        return float(fields[_STARTTIME_FIELD]), fields[0]
    try:
        process = psutil.Process(pid)
        return float(process.create_time()), _LETTERS.get(process.status(), "S")
    except psutil.NoSuchProcess:
        return None


def descendants(pid: int) -> list[ProcessId]:
    """List every living process below `pid`, whatever session or group it moved itself to."""
    try:
        below = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return _named(child.pid for child in below)


def members(leader: int) -> list[ProcessId]:
    """List the processes of the session or group `leader` made, also after its own end."""
    found = []
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == leader or os.getpgid(pid) == leader:
                found.append(pid)
        except (ProcessLookupError, PermissionError):
            continue
    return _named(found)


def tree(root: ProcessId) -> list[ProcessId]:
    """List a process and all it started. PostgreSQL's children each make their own session."""
    facts = _facts(root.pid)
    if facts is not None and facts[0] != root.started:
        return []  # the pid is somebody else's now, and so is its session
    found = {member.pid: member for member in members(root.pid)}
    if root.alive():
        found[root.pid] = root
        found.update({child.pid: child for child in descendants(root.pid)})
    first = found.pop(root.pid, None)
    return ([first] if first else []) + list(found.values())


def signal_tree(root: ProcessId, number: int) -> None:
    """Signal a process, then all it started: the parent first, so that it starts no more."""
    seen: set[ProcessId] = set()
    for _ in range(3):
        fresh = [process for process in tree(root) if process not in seen]
        if not fresh:
            return
        for process in fresh:
            process.signal(number)
        seen.update(fresh)


def stop_tree(root: ProcessId, seconds: float = 5.0) -> list[ProcessId]:
    """SIGSTOP a process with all it started; return what still runs after `seconds`."""
    signal_tree(root, signal.SIGSTOP)
    return wait_stopped(tree(root), seconds)


def wait_gone(processes: Iterable[ProcessId], seconds: float) -> list[ProcessId]:
    """Wait until all have ended and return those that have not within `seconds`."""
    return _wait_while(ProcessId.alive, processes, seconds)


def wait_stopped(processes: Iterable[ProcessId], seconds: float) -> list[ProcessId]:
    """Wait until all have stopped or ended and return those that still run after `seconds`."""
    return _wait_while(lambda it: it.alive() and not it.stopped(), processes, seconds)


def _wait_while(
    holds: Callable[[ProcessId], bool], processes: Iterable[ProcessId], seconds: float
) -> list[ProcessId]:
    deadline = time.monotonic() + seconds
    left = list(processes)
    while True:
        left = [process for process in left if holds(process)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(_POLL_SECONDS)


def kill_tree(root: ProcessId, seconds: float = 5.0) -> list[ProcessId]:
    """SIGKILL a process with all it started; return what is left after `seconds`."""
    everyone = tree(root)
    signal_tree(root, signal.SIGKILL)
    return wait_gone(everyone, seconds)


def _named(pids: Iterable[int]) -> list[ProcessId]:
    found = []
    for pid in pids:
        facts = _facts(pid)
        if facts is not None and facts[1] not in _ENDED:
            found.append(ProcessId(pid, facts[0]))
    return found
