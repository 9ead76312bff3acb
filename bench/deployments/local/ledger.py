"""What a deployment owns outside its own memory, written down as it is made, and its removal.

`owned.jsonl` in the deployment's folder names processes, control groups and claimed ports. The
janitor removes them when the supervisor is gone; `sweep` does when the janitor is gone too.
Imports nothing heavy: the janitor must stand before anything else is started.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.deployments.local.processes import (
    ProcessId,
    descendants,
    signal_tree,
    tree,
    wait_gone,
)

LEDGER_FILE = "owned.jsonl"
_GRACE_SECONDS = 1.5  # PostgreSQL's immediate shutdown takes about 0.1 s
_KILL_SECONDS = 2.0
_IPC_RMID = 0
_REMOVE_SECONDS = 1.0


@dataclass(frozen=True)
class Ledger:
    """Append-only; every line is written before anybody may rely on what it names."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / LEDGER_FILE

    def holder(self, process: ProcessId) -> None:
        """Note who looks after the folder: while one lives, it is not swept."""
        self._append({"kind": "holder", "pid": process.pid, "started": process.started})

    def process(self, process: ProcessId) -> None:
        self._append({"kind": "process", "pid": process.pid, "started": process.started})

    def postgres(self, process: ProcessId, data: Path) -> None:
        entry = {"kind": "postgres", "pid": process.pid, "started": process.started}
        self._append({**entry, "data": str(data)})

    def cgroup(self, root: Path) -> None:
        self._append({"kind": "cgroup", "path": str(root)})

    def entries(self, kind: str) -> list[dict[str, Any]]:
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:  # killed in the middle of the last line
                continue
            if entry["kind"] == kind:
                found.append(entry)
        return found

    def processes(self, kind: str) -> list[ProcessId]:
        return [ProcessId(entry["pid"], entry["started"]) for entry in self.entries(kind)]

    def held(self) -> bool:
        """Tell whether anybody who looks after the folder is alive."""
        return any(process.alive() for process in self.processes("holder"))

    def _append(self, entry: dict[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")


def clean_up(folder: Path, *, below: bool = False) -> list[str]:
    """End and remove all that a deployment's folder names, then the folder.

    `below`: end every descendant of this process as well, named or not (janitor, supervisor).
    Returns what could not be removed, as sentences; empty when nothing is left. Safe to repeat.
    """
    ledger = Ledger(folder)
    problems = _end_processes(ledger, below)
    for entry in ledger.entries("postgres"):
        _remove_shared_memory(Path(entry["data"]))
    roots = [Path(entry["path"]) for entry in ledger.entries("cgroup")]
    problems += [f"control group {path} is still in use" for path in remove_groups(roots)]
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        problems.append(f"cannot remove {folder}")
    return problems


def _end_processes(ledger: Ledger, below: bool) -> list[str]:
    if below:
        _end_supervisor(ledger)
    servers = [process for process in ledger.processes("postgres") if process.alive()]
    everyone = {member for server in servers for member in tree(server)}
    for server in servers:  # asked first: SIGKILL would leak its shared memory
        server.signal(signal.SIGQUIT)
        signal_tree(server, signal.SIGCONT)
    others = set(ledger.processes("process"))
    if below:
        others.update(process for process in descendants(os.getpid()) if process not in everyone)
    for process in others:
        everyone.update(tree(process))
        signal_tree(process, signal.SIGKILL)
    wait_gone(everyone, _GRACE_SECONDS)
    deadline = time.monotonic() + _KILL_SECONDS
    left: set[ProcessId] = everyone
    while left and time.monotonic() < deadline:
        for process in left:
            process.signal(signal.SIGKILL)
        if below:
            _reap()
        left = set(wait_gone(everyone, 0.05))
        left.update(descendants(os.getpid()) if below else ())
    return [f"process {process.pid} does not end" for process in left]


def _end_supervisor(ledger: Ledger) -> None:
    """It goes first: it would start again what it sees die."""
    ours = set(descendants(os.getpid()))
    supervisors = [each for each in ledger.processes("holder") if each in ours]
    for each in supervisors:
        each.signal(signal.SIGKILL)
    wait_gone(supervisors, _KILL_SECONDS)


def _reap() -> None:
    """Collect ended children; as sub-reaper the janitor inherits those of the supervisor."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return


def remove_groups(roots: list[Path]) -> list[Path]:
    """Remove emptied groups, children first; return those that would not go."""
    deadline = time.monotonic() + _REMOVE_SECONDS
    left = list(roots)
    while left and time.monotonic() < deadline:
        left = [root for root in left if not _remove(root)]
        if left:
            time.sleep(0.02)
    return left


def _remove(root: Path) -> bool:
    if not root.exists():
        return True
    try:
        for child in [path for path in root.iterdir() if path.is_dir()]:
            child.rmdir()
        root.rmdir()
    except OSError:  # EBUSY: the kernel has not let go of the last process yet
        return False
    return True


def _remove_shared_memory(data: Path) -> None:
    """Give back the System V segment of a server that was killed; postmaster.pid names it."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="ascii").splitlines()
        key, segment = map(int, lines[6].split())
    except (OSError, IndexError, ValueError):
        return  # it was shut down, and has removed the segment itself
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.shmget(key, 0, 0) == segment:  # else a number from before a reboot
        libc.shmctl(segment, _IPC_RMID, None)


def sweep(deployments: Path) -> list[str]:
    """Clean up after deployments of which neither supervisor nor janitor lives any more."""
    problems: list[str] = []
    for folder in sorted(deployments.iterdir()) if deployments.exists() else []:
        if folder.is_dir() and Ledger(folder).path.exists() and not Ledger(folder).held():
            problems += clean_up(folder)
    return problems
