"""The real command line in a state home of its own, and a list of all a deployment owns."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.child_python import absolute_python_path, child_python
from bench.deployments.local.home import StateHome
from bench.deployments.local.ledger import Ledger, sweep
from bench.deployments.local.ports import is_free
from bench.deployments.local.processes import ProcessId, descendants, wait_gone

ROOT = Path(__file__).resolve().parents[2]
GONE_SECONDS = 5.0  # a promise, kept on a machine that does nothing else: test_kills.py
GONE_BESIDE_OTHERS_S = 30.0  # where other tests run meanwhile: that nothing is left, not how fast


@dataclass(frozen=True)
class CommandLine:
    """Runs `shopbench` as a user would in a folder, each time a process of its own."""

    home: StateHome
    env: dict[str, str]
    folder: Path = ROOT

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        return self._start([*child_python("-m", "bench.cli"), *arguments], env)

    def start_python(self, code: str) -> subprocess.Popen[str]:
        """Run Python code with the same state home, for example a holder of a deployment."""
        return self._start([sys.executable, "-c", code], {})

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, **env)
        out, err = process.communicate(timeout=100)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def ok(self, *arguments: str, **env: str) -> str:
        done = self.run(*arguments, **env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self) -> dict[str, Any]:
        return json.loads(self.ok("status", "--json"))

    def _start(self, command: list[str], env: dict[str, str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_hear_signals,
        )


def _hear_signals() -> None:
    """What a background shell (SIGINT) or nohup (SIGHUP) ignores, its children would ignore too."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture(scope="module")
def shopbench() -> Iterator[CommandLine]:
    root = Path(tempfile.mkdtemp(prefix="shopbench-test-", dir="/var/tmp"))
    root.chmod(0o755)
    home = StateHome(root)
    home.prepare()
    settings = {**os.environ, **absolute_python_path(), "SHOPBENCH_HOME": str(root)}
    yield CommandLine(home, settings)
    for folder in home.deployments.iterdir():
        holders = Ledger(folder).processes("holder")
        for holder in holders:
            holder.signal(9)
        wait_gone(holders, 5.0)  # while one is dying, its folder is not swept
    sweep(home.deployments)
    shutil.rmtree(root, ignore_errors=True)


@dataclass(frozen=True)
class Owned:
    """Everything the deployments of a state home own at one moment."""

    home: StateHome
    processes: list[ProcessId]
    ports: list[int]
    idents: list[str]
    shared_memory: list[Path]

    def left(self) -> list[str]:
        """Name what of it is still there."""
        found = [f"process {process.pid}" for process in self.processes if process.alive()]
        found += [f"port {port}" for port in self.ports if not is_free(port)]
        found += [str(path) for path in self.home.deployments.iterdir()]
        found += [str(path) for path in self.shared_memory if path.exists()]
        names = {f"shopbench-{ident}" for ident in self.idents}
        # os.walk passes over a group that goes while we look; Path.rglob does not.
        for folder, groups, _ in os.walk("/sys/fs/cgroup"):
            found += [f"{folder}/{group}" for group in groups if group in names]
        return found

    def wait_gone(self, seconds: float = GONE_BESIDE_OTHERS_S) -> None:
        deadline = time.monotonic() + seconds
        while left := self.left():
            assert time.monotonic() < deadline, left
            time.sleep(0.05)


def owned(home: StateHome) -> Owned:
    """Look at all that is there now, listening ports included."""
    folders = list(home.deployments.iterdir())
    holders = {holder for folder in folders for holder in Ledger(folder).processes("holder")[1:]}
    processes = {child for holder in holders for child in descendants(holder.pid)} | holders
    pids = {process.pid for process in processes}
    ports = [
        connection.laddr.port
        for connection in psutil.net_connections(kind="tcp")
        if connection.pid in pids and connection.status == psutil.CONN_LISTEN
    ]
    shared = sorted({path for process in processes for path in _shared_memory(process)})
    by_pid = sorted(processes, key=lambda process: process.pid)
    return Owned(home, by_pid, ports, [folder.name for folder in folders], shared)


def _shared_memory(process: ProcessId) -> list[Path]:
    """Files below /dev/shm that it uses."""
    try:
        lines = Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return []
    return [Path(line[line.index("/dev/shm/") :]) for line in lines if "/dev/shm/" in line]


@pytest.fixture
def free_port() -> int:
    return a_free_port()


def a_free_port() -> int:
    """A port of this worker's own: two workers would choose the same while nothing listens yet."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 7500 + 20 * (worker % 4)
    return next(port for port in range(first, first + 20) if is_free(port))


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A results folder; and whoever commits meanwhile makes it no other source."""
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    git.write_text("#!/bin/sh\nexit 1\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", f"{git.parent}:{os.environ['PATH']}")
    return tmp_path / "runs"
