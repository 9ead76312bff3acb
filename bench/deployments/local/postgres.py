"""A PostgreSQL server as our own child, settings from a budget, durable as in production.

The supervisor starts one or four for a deployment; test suites use `temporary_server()`.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from bench.deployments.local.binaries import (
    NO_SHARED_FILES,
    SUPERUSER,
    PostgresInstall,
    copy_cluster,
    identity,
    prepare_postgres,
)
from bench.deployments.local.guard import Guard
from bench.deployments.local.home import StateHome, make_folder
from bench.deployments.local.last_lines import last_lines
from bench.deployments.local.ledger import Ledger
from bench.deployments.local.ports import LOOPBACK, claim_ports, release_ports
from bench.deployments.local.processes import ProcessId, kill_tree, tree, wait_gone
from bench.errors import ShopbenchError

START_SECONDS = 30.0
STOP_SECONDS = 10.0
_ORPHAN_SECONDS = 5.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class ServerBudget:
    """What one server may use; a deployment's servers share one total (see `topology`)."""

    shared_buffers_mb: int = 256
    max_connections: int = 80
    max_wal_mb: int = 1024
    io_workers: int = 4

    def divided(self, servers: int) -> ServerBudget:
        """Give each of `servers` its equal share of this total."""
        return ServerBudget(
            self.shared_buffers_mb // servers,
            self.max_connections // servers,
            self.max_wal_mb // servers,
            max(1, self.io_workers // servers),
        )

    def settings(self) -> dict[str, str]:
        """Name every server setting that differs from PostgreSQL's default."""
        return {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "shared_buffers": f"{self.shared_buffers_mb}MB",
            "max_connections": str(self.max_connections),
            "max_wal_size": f"{self.max_wal_mb}MB",
            "min_wal_size": "32MB",
            "io_workers": str(self.io_workers),
            # The statements are short: planning in parallel and compiling only add noise.
            "max_parallel_workers_per_gather": "0",
            "jit": "off",
            **NO_SHARED_FILES,
            "random_page_cost": "1.1",
            "log_checkpoints": "off",
            "log_line_prefix": "%m [%p] %q%u@%d ",
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": "",
        }


@dataclass
class PostgresServer:
    """One server: a data folder, a port, a log, and while it runs a process."""

    install: PostgresInstall
    data: Path
    log: Path
    port: int
    budget: ServerBudget
    process: ProcessId | None = None
    _child: subprocess.Popen[bytes] | None = None

    @property
    def admin_dsn(self) -> str:
        return self.dsn(SUPERUSER, self.install.password, "postgres")

    def dsn(self, role: str, password: str, database: str) -> str:
        return f"postgresql://{role}:{password}@{LOOPBACK}:{self.port}/{database}"

    def spawn(self) -> ProcessId:
        """Start the server without waiting; the first time its data folder is made too."""
        if self._child is not None:
            self._child.poll()  # a zombie's pid in postmaster.pid looks alive to the next server
        if not self.data.exists():
            copy_cluster(self.install, self.data)
        options = [f"--{name}={value}" for name, value in self.budget.settings().items()]
        program = str(self.install.bin / "postgres")
        command = [program, "-D", str(self.data), "-p", str(self.port), *options]
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                command,
                cwd=self.data,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "PGTZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **identity(self.install.account),
            )
        self.process = ProcessId.of(self._child.pid)
        return self.process

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until it answers a query. Raises ShopbenchError with the log's last lines."""
        deadline = time.monotonic() + seconds
        while not self.answers():
            ended = self._child is not None and self._child.poll() is not None
            if ended or time.monotonic() > deadline:
                said = f"{last_lines(self.log)} (log: {self.log})"
                raise ShopbenchError(f"PostgreSQL did not start: {said}")
            time.sleep(_POLL_SECONDS)

    def start(self) -> None:
        self.spawn()
        self.wait_ready()

    def answers(self) -> bool:
        try:
            with psycopg.connect(self.admin_dsn, connect_timeout=2) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def wait_ended(self) -> None:
        """Return when the server that runs now has ended."""
        if self._child is not None:
            self._child.wait()

    def stop(self) -> None:
        """Shut down fast (sessions are cut, data is written); kill what does not obey."""
        if self.process is None:
            return
        everyone = tree(self.process)
        self.process.signal(signal.SIGINT)
        self.process.signal(signal.SIGCONT)
        self._reap(STOP_SECONDS)
        if wait_gone(everyone, 0.5):
            self.kill()
        self.process = None

    def abort(self) -> None:
        """End at once: SIGQUIT flushes nothing but gives shared memory back, SIGKILL does not."""
        if self.process is None:
            return
        everyone = tree(self.process)
        self.process.signal(signal.SIGQUIT)
        self.process.signal(signal.SIGCONT)
        self._reap(2.0)
        if wait_gone(everyone, 0.5):
            self.kill()
        self.process = None

    def kill(self) -> None:
        """SIGKILL the server with its children, as a crash of the machine would."""
        if self.process is not None:
            kill_tree(self.process)
            self._kill_orphans()
            self._reap(1.0)

    def _kill_orphans(self) -> None:
        """End the children of a server that has died alone: no other starts while they live.

        Each has a session of its own and another parent now, but still works in the data folder.
        """
        orphans, data = [], str(self.data.resolve())
        for each in psutil.process_iter(["cwd"]):
            if each.info["cwd"] == data:
                with suppress(ProcessLookupError):
                    orphans.append(ProcessId.of(each.pid))
        for orphan in orphans:
            orphan.signal(signal.SIGKILL)
        wait_gone(orphans, _ORPHAN_SECONDS)

    def _reap(self, seconds: float) -> None:
        if self._child is not None:
            try:
                self._child.wait(seconds)
            except subprocess.TimeoutExpired:
                return

    def execute(self, statement: str | sql.Composed, database: str = "postgres") -> None:
        """Run one statement as superuser, outside a transaction."""
        dsn = self.dsn(SUPERUSER, self.install.password, database)
        with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
            connection.execute(
                statement if isinstance(statement, sql.Composed) else statement.encode()
            )

    def create_database(self, name: str, password: str | None = None) -> str:
        """Make role and database `name`, closed to every other role; return the role's DSN."""
        password = password or secrets.token_urlsafe(18)
        create_role_and_database(self.admin_dsn, name, password)
        return self.dsn(name, password, name)


def create_role_and_database(admin_dsn: str, name: str, password: str) -> None:
    """Make a role that owns one database and cannot open another's."""
    role = sql.Identifier(name)
    with psycopg.connect(admin_dsn, autocommit=True, connect_timeout=5) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password))
        )
        connection.execute(sql.SQL("GRANT pg_checkpoint TO {}").format(role))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
        connection.execute(
            sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(role)
        )


@contextmanager
def temporary_server(budget: ServerBudget | None = None) -> Iterator[PostgresServer]:
    """Run a server for as long as the block lasts; data and process are gone afterwards.

    For test suites: `server.create_database("shop_users")` gives a role's DSN,
    `server.admin_dsn` the superuser's.
    """
    home = StateHome.from_environment()
    install = prepare_postgres(home)
    (port,) = claim_ports(home, 1, ProcessId.of(os.getpid()))
    folder = home.deployments / f"test-{os.getpid()}-{secrets.token_hex(3)}"
    make_folder(folder)
    server = PostgresServer(
        install,
        data=folder / "data",
        log=folder / "postgres.log",
        port=port,
        budget=budget or ServerBudget(shared_buffers_mb=64, max_connections=100),
    )
    guard = Guard(folder, folder / "janitor.log")
    try:
        Ledger(folder).postgres(server.spawn(), server.data)
        server.wait_ready()
        yield server
    finally:
        server.abort()
        release_ports(home, [port])
        guard.release()
