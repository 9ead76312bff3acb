"""A real PostgreSQL for pytest-django, and the shop as a client sees it.

The server of the session is put in the settings' place before the first connection is made.
"""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connections

from bench.deployments.local.postgres import PostgresServer, temporary_server
from tests.integration.monolith.configured import FOLDER, SIGNING_KEY, configure

configure()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with temporary_server() as server:
        # Emptying the tables after every test is a hundred syncs; what is about crashes has a
        # server of its own.
        server.execute("ALTER SYSTEM SET fsync = off")
        server.execute("SELECT pg_reload_conf()")
        yield server


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: PostgresServer) -> None:
    """pytest-django calls this before it makes the test database."""
    parameters = psycopg.conninfo.conninfo_to_dict(postgres.admin_dsn)
    connections["default"].settings_dict.update(
        NAME="shop",
        USER=parameters["user"],
        PASSWORD=parameters["password"],
        HOST=parameters["host"],
        PORT=parameters["port"],
    )


@pytest.fixture
def faults_dir() -> Iterator[Path]:
    """Where fault points are armed; whatever a test leaves armed is disarmed."""
    yield FOLDER
    for file in [*FOLDER.glob("*.json"), *FOLDER.glob("*.fired")]:
        file.unlink()


@pytest.fixture(scope="session")
def signing_key_file() -> Path:
    return SIGNING_KEY
