"""One component that runs: a serving process or a database server, with its log and its group."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from bench.deployments.base import ComponentInfo, Condition, Kind, Usage
from bench.deployments.local.cgroups import ComponentGroup, pss_bytes
from bench.deployments.local.guard import PROJECT_ROOT
from bench.deployments.local.ledger import Ledger
from bench.deployments.local.plan import ProcessPlan
from bench.deployments.local.ports import LOOPBACK
from bench.deployments.local.postgres import PostgresServer, last_lines
from bench.deployments.local.processes import ProcessId, kill_tree, signal_tree, stop_tree, tree
from bench.errors import ShopbenchError

READY_SECONDS = 30.0
DRAIN_SECONDS = 12.0  # the arms give work in flight 10 s, after a short wait
_POLL_SECONDS = 0.02


class Runnable(Protocol):
    """What the two kinds differ in."""

    @property
    def process(self) -> ProcessId | None:
        """The root of the component's processes."""

    @property
    def port(self) -> int:
        """Where it listens."""

    def spawn(self) -> None:
        """Start it without waiting."""

    def wait_ready(self) -> None:
        """Return when it serves. Raises ShopbenchError."""

    def drain(self) -> None:
        """End it in order."""

    def kill(self) -> None:
        """SIGKILL it with all it started, and reap it."""


class Managed:
    """A component under supervision; one operation on it at a time."""

    def __init__(self, name: str, kind: Kind, run: Runnable, log: Path, group: ComponentGroup):
        self.name = name
        self.kind = kind
        self.run = run
        self.log = log
        self._group = group
        self._paused = False
        self._started_at = 0.0
        self._lock = threading.RLock()

    def start(self) -> None:
        """Start it without waiting for readiness."""
        with self._lock:
            self._group.release()
            self.run.spawn()
            self._started_at = time.time()
            self._paused = False
            if self.run.process is not None:
                self._group.add(self.run.process)

    def wait_ready(self) -> None:
        """Return when it serves, held to its quota from then on. Raises ShopbenchError."""
        self.run.wait_ready()
        self._group.hold()

    def limit(self, cores: float | None) -> None:
        """Change its quota, or lift it; what never had one (an edge) has none."""
        if self._group.cores is None:
            return
        if cores is None:
            self._group.release()
        else:
            self._group.cores = cores
            self._group.hold()

    def kill(self) -> None:
        with self._lock:
            self.run.kill()

    def drain(self) -> None:
        """End it in order, at full speed: nobody measures an end."""
        with self._lock:
            self._group.release()
            self.run.drain()

    def pause(self) -> None:
        with self._lock:
            process = self._running()
            self._paused = True
            if stop_tree(process):
                raise ShopbenchError(f"{self.name} runs on after SIGSTOP")

    def resume(self) -> None:
        with self._lock:
            signal_tree(self._running(), signal.SIGCONT)
            self._paused = False

    def restart(self) -> None:
        with self._lock:
            self.kill()
            self.start()
            self.wait_ready()

    def redeploy(self, release: Runnable | None = None) -> None:
        """Drain, then start: no other process can take over the port, so there is a gap."""
        with self._lock:
            if self._paused:
                self.resume()
            self.drain()
            self.run = release or self.run
            self.start()
            self.wait_ready()

    def take_over(self, run: Runnable) -> None:
        """Serve from a second process, which is ready already; drain the first."""
        with self._lock:
            first, self.run = self.run, run
            self._started_at = time.time()
            self._paused = False
            first.drain()

    def replace_run(self, run: Runnable) -> None:
        """Serve from a second process: started and ready before the first is drained."""
        with self._lock:
            self._group.release()
            run.spawn()
            self.account_for(run)
            try:
                run.wait_ready()
            except ShopbenchError:
                run.drain()
                raise
            self.take_over(run)
            self._group.hold()

    def confine(self, cpus: tuple[int, ...]) -> None:
        """Hold it to some CPUs by affinity, from now on; () changes nothing."""
        with self._lock:
            self._group.confine(cpus, self.run.process)

    def account_for(self, run: Runnable) -> None:
        """Count a process beside the component's own within its group."""
        if run.process is not None:
            self._group.add(run.process)

    def condition(self) -> Condition:
        process = self.run.process
        if process is None or not process.alive():
            return "exited"
        return "paused" if self._paused else "running"

    def info(self) -> ComponentInfo:
        pid = self.run.process.pid if self.run.process is not None else 0
        return ComponentInfo(
            self.name,
            self.kind,
            self.condition(),
            pid,
            self._started_at,
            self.run.port,
            self.log,
        )

    def usage(self) -> Usage:
        process = self.run.process
        pids = self._group.pids()
        if not pids and process is not None:
            pids = [member.pid for member in tree(process)]
        throttling = self._group.throttling()
        return Usage(
            self._group.cpu_seconds(process),
            pss_bytes(pids),
            quota_cores=self._group.cores if self._group.quota is not None else None,
            periods=throttling.periods,
            periods_held_back=throttling.held_back,
        )

    def _running(self) -> ProcessId:
        process = self.run.process
        if process is None or not process.alive():
            raise ShopbenchError(f"{self.name} is not running")
        return process


class ServingProcess:
    """A process of an arm, started by the command of its plan."""

    def __init__(self, plan: ProcessPlan, log: Path, ledger: Ledger) -> None:
        self.plan = plan
        self.log = log
        self.process: ProcessId | None = None
        self._ledger = ledger
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return self.plan.port

    def on_port(self, port: int) -> ServingProcess:
        """The same process, listening elsewhere."""
        settings = {**self.plan.environment, "SHOP_BIND": f"{LOOPBACK}:{port}"}
        plan = replace(self.plan, port=port, environment=settings)
        return ServingProcess(plan, self.log, self._ledger)

    def release(self, environment: Mapping[str, str]) -> ServingProcess:
        """A new release of it, which differs by settings."""
        settings = {**self.plan.environment, **environment}
        return ServingProcess(replace(self.plan, environment=settings), self.log, self._ledger)

    def spawn(self) -> None:
        self._child = start_logged(self.plan.serve, self.plan.environment, self.log)
        self.process = ProcessId.of(self._child.pid)
        self._ledger.process(self.process)

    def wait_ready(
        self, seconds: float = READY_SECONDS, cancelled: threading.Event | None = None
    ) -> None:
        deadline = time.monotonic() + seconds
        while not is_ready(self.plan.port):
            if cancelled is not None and cancelled.is_set():
                raise ShopbenchError(f"{self.plan.name} was not ready when its start was cancelled")
            if self._child is not None and self._child.poll() is not None:
                raise ShopbenchError(
                    f"{self.plan.name} ended with {self._child.returncode} at its start:"
                    f" {last_lines(self.log)} (log: {self.log})"
                )
            if time.monotonic() > deadline:
                raise ShopbenchError(
                    f"{self.plan.name} was not ready within {seconds:g} s:"
                    f" {last_lines(self.log)} (log: {self.log})"
                )
            time.sleep(_POLL_SECONDS)

    def drain(self) -> None:
        """SIGTERM, wait for work in flight, then end what is left."""
        if self.process is None:
            return
        self.process.signal(signal.SIGTERM)
        signal_tree(self.process, signal.SIGCONT)  # a paused process hears nothing
        if self._child is not None:
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(DRAIN_SECONDS)
        self.kill()

    def kill(self) -> None:
        if self.process is not None:
            kill_tree(self.process)
        if self._child is not None:
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(1.0)


class DatabaseServer:
    """A PostgreSQL server of the deployment."""

    def __init__(self, server: PostgresServer, ledger: Ledger) -> None:
        self.server = server
        self._ledger = ledger

    @property
    def process(self) -> ProcessId | None:
        return self.server.process

    @property
    def port(self) -> int:
        return self.server.port

    def spawn(self) -> None:
        self._ledger.postgres(self.server.spawn(), self.server.data)

    def wait_ready(self) -> None:
        self.server.wait_ready()

    def drain(self) -> None:
        self.server.stop()

    def kill(self) -> None:
        self.server.kill()


def is_ready(port: int) -> bool:
    """Ask a serving process whether it would serve now."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2.0)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def start_logged(
    command: tuple[str, ...], settings: dict[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Start a command in its own session, both outputs appended to its log."""
    with log.open("ab") as stream:
        return subprocess.Popen(
            command,
            cwd=PROJECT_ROOT,
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )


PASSED_ON = (
    *("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH"),
    *("LOG_LEVEL", "SHOP_DEADLINE_MS", "STATEMENT_TIMEOUT_MS", "DRAIN_SECONDS"),
    *("TOKEN_TTL_SECONDS", "DATABASE_POOL_TIMEOUT_MS"),
)


def inherited_settings() -> dict[str, str]:
    """What every process takes over from our own environment; all else is set by its plan."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}
