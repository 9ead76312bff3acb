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
        return cls(pid, facts.started)

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
        return facts.state if facts is not None and facts.started == self.started else "X"


@dataclass(frozen=True)
class _Facts:
    """`state`: its letter of proc(5). `group`, `session`: the pids of their leaders."""

    started: float
    state: str
    parent: int
    group: int
    session: int


def _facts(pid: int) -> _Facts | None:
    """Ask the kernel about a process; None if there is no such process."""
    if sys.platform == "linux":
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = text.rpartition(")")[2].split()
        return _Facts(float(fields[_STARTTIME_FIELD]), fields[0], *map(int, fields[1:4]))
    try:
        process = psutil.Process(pid)
        state = _LETTERS.get(process.status(), "S")
        parent, started = process.ppid(), float(process.create_time())
        return _Facts(started, state, parent, os.getpgid(pid), os.getsid(pid))
    except (psutil.NoSuchProcess, ProcessLookupError):
        return None
    except (psutil.AccessDenied, PermissionError):  # somebody else's: none of ours
        return _Facts(0.0, "S", 0, 0, 0)


def _living() -> dict[int, _Facts]:
    """Every process of the machine that has not ended."""
    facts = {pid: _facts(pid) for pid in psutil.pids()}
    return {
        pid: each for pid, each in facts.items() if each is not None and each.state not in _ENDED
    }


def descendants(pid: int) -> list[ProcessId]:
    """List every living process below `pid`, whatever session or group it moved itself to."""
    return _below(pid, _living())


def _below(pid: int, living: dict[int, _Facts]) -> list[ProcessId]:
    children: dict[int, list[int]] = {}
    for child, facts in living.items():
        children.setdefault(facts.parent, []).append(child)
    found: list[int] = []
    left = children.pop(pid, [])
    while left:
        found += left
        left = [child for parent in left for child in children.pop(parent, [])]
    return [ProcessId(each, living[each].started) for each in found]


def tree(root: ProcessId) -> list[ProcessId]:
    """List a process and all it started, itself first, also after its own end.

    By parent, session and group: PostgreSQL's children each make a session of their own, and
    children of a process that has ended have another parent.
    """
    facts = _facts(root.pid)
    if facts is not None and facts.started != root.started:
        return []  # the pid is somebody else's now, and so is its session
    living = _living()
    found = [root] if root.pid in living else []
    found += [
        ProcessId(pid, each.started)
        for pid, each in living.items()
        if root.pid in {each.session, each.group}
    ]
    return list(dict.fromkeys([*found, *_below(root.pid, living)]))


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


def stop_tree(root: ProcessId, seconds: float = 15.0) -> list[ProcessId]:
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
