"""What the components of a deployment run: a process of an arm, or a PostgreSQL server."""

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

from bench.child_python import absolute_python_path
from bench.deployments.local.last_lines import last_lines
from bench.deployments.local.ledger import Ledger
from bench.deployments.local.plan import ProcessPlan
from bench.deployments.local.ports import LOOPBACK
from bench.deployments.local.postgres import PostgresServer
from bench.deployments.local.processes import ProcessId, kill_tree, signal_tree
from bench.errors import ShopbenchError

READY_SECONDS = 30.0
DRAIN_SECONDS = 12.0  # the arms give work in flight 10 s, after a short wait
_POLL_SECONDS = 0.02


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

    def wait_ended(self) -> None:
        if self._child is not None:
            self._child.wait()

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

    def wait_ended(self) -> None:
        self.server.wait_ended()

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
    """Start a command in its own session, both outputs appended to its log.

    It begins in the log's folder: gunicorn imports from where it is started, whatever Python does.
    """
    with log.open("ab") as stream:
        return subprocess.Popen(
            command,
            cwd=log.parent,
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )


PASSED_ON = (
    *("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH"),
    *("LOG_LEVEL", "SHOP_DEADLINE_MS", "STATEMENT_TIMEOUT_MS", "DRAIN_SECONDS"),
    *("TOKEN_TTL_SECONDS", "DATABASE_POOL_TIMEOUT_MS"),
)


def inherited_settings() -> dict[str, str]:
    """What every process takes over from our own environment; all else is set by its plan."""
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return passed_on | absolute_python_path()
