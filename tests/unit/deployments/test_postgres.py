"""The embedded server: durable, closed to other roles, and gone with whoever started it."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bench.deployments.local.home import StateHome
from bench.deployments.local.postgres import PostgresServer, temporary_server
from bench.deployments.local.processes import ProcessId, tree


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with temporary_server() as running:
        yield running


def ask(dsn: str, statement: str) -> object:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("server_encoding", "UTF8"),
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
    ],
)
def test_the_server_is_set_up_as_the_design_says(
    server: PostgresServer, setting: str, value: str
) -> None:
    assert ask(server.admin_dsn, f"SELECT current_setting('{setting}')") == value


def test_names_sort_by_their_bytes(server: PostgresServer) -> None:
    assert ask(server.admin_dsn, "SELECT datcollate FROM pg_database LIMIT 1") == "C"


def test_a_role_cannot_open_the_database_of_another(server: PostgresServer) -> None:
    users = server.create_database("door_users")
    server.create_database("door_orders")
    assert ask(users, "SELECT current_user") == "door_users"
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(users.removesuffix("users") + "orders")


def test_nobody_enters_without_the_password(server: PostgresServer) -> None:
    dsn = f"postgresql://postgres:wrong@127.0.0.1:{server.port}/postgres"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(dsn)


def test_a_role_may_checkpoint_for_the_seed(server: PostgresServer) -> None:
    with psycopg.connect(server.create_database("check_users"), autocommit=True) as connection:
        connection.execute("CHECKPOINT")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL to another user")
def test_as_root_the_server_runs_as_somebody_else(server: PostgresServer) -> None:
    assert server.process is not None
    assert Path(f"/proc/{server.process.pid}").stat().st_uid != 0


def test_a_killed_server_starts_again_with_what_was_committed() -> None:
    with temporary_server() as server:
        dsn = server.create_database("kept")
        ask(dsn, "CREATE TABLE t AS SELECT 7 AS seven")
        server.kill()
        assert not server.answers()
        server.start()
        assert ask(dsn, "SELECT seven FROM t") == 7


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="nothing tells what is shared")
def test_a_killed_server_leaves_nothing_in_shared_memory() -> None:
    """Files below /dev/shm would stay; what its folder holds goes with the folder."""
    with temporary_server() as server:
        assert server.process is not None
        shared = {file for each in tree(server.process) for file in shared_files(each)}
        assert any(file.is_relative_to(server.data) for file in shared)
        server.kill()
    assert [file for file in shared if file.exists()] == []
    assert not any(file.is_relative_to("/dev/shm") for file in shared)


def shared_files(process: ProcessId) -> set[Path]:
    """Files that it shares in memory with others."""
    lines = Path(f"/proc/{process.pid}/maps").read_text().splitlines()
    found = [line.split(maxsplit=5) for line in lines]
    shared = [Path(each[5]) for each in found if each[1].endswith("s") and len(each) > 5]
    return {
        path for path in shared if path.is_relative_to("/dev/shm") or "dynshmem" in path.parts[-2]
    }


HOLDER = """
    import sys, time
    from bench.deployments.local.postgres import temporary_server
    with temporary_server() as server:
        print(server.process.pid, server.data, flush=True)
        time.sleep(60)
"""


def test_a_server_is_gone_5_s_after_its_holder_was_killed() -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLDER)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    pid, data = holder.stdout.readline().split()
    everyone = tree(ProcessId.of(int(pid)))
    assert len(everyone) > 3
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    deadline = time.monotonic() + 5
    while any(process.alive() for process in everyone) or Path(data).parent.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_binaries_reach_an_unprivileged_user_from_a_closed_clone(
    home: StateHome, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The wheel below a 0700 folder: as root a copy serves, else it is used in place."""
    import shutil

    from bench.deployments.local import binaries

    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    wheel = binaries._wheel_folder()
    shutil.copytree(wheel / "pginstall18", closed / wheel.name / "pginstall18", symlinks=True)
    libraries = wheel.parent / f"{wheel.name}.libs"
    if libraries.exists():
        shutil.copytree(libraries, closed / libraries.name, symlinks=True)
    monkeypatch.setattr(binaries, "_wheel_folder", lambda: closed / wheel.name)
    monkeypatch.setenv("SHOPBENCH_HOME", str(home.root))
    with temporary_server() as server:
        assert server.answers()
    assert closed.stat().st_mode & 0o777 == 0o700
