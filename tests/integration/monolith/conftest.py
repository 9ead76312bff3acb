"""A real PostgreSQL for pytest-django, and the shop as a client sees it.

Django is configured here, before pytest-django looks: the settings need an environment, and the
server of the session is put in their place before the first connection is made.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
import psycopg
import pytest
from django.db import connections

from bench.deployments.local.postgres import PostgresServer, temporary_server
from tests.integration.monolith.keys import write_signing_key

_FOLDER = Path(tempfile.mkdtemp(prefix="monolith-tests-"))
_ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "monolith.config.settings",
    "DATABASE_URL": "postgresql://nobody:none@127.0.0.1:1/shop",
    "SIGNING_KEY_FILE": str(write_signing_key(_FOLDER / "signing-key.pem")),
    "SHOP_FAULTS": "1",
    "SHOP_FAULTS_DIR": str(_FOLDER),
    "DATABASE_POOL_MAX": "16",
}


def _configure() -> None:
    before = dict(os.environ)
    os.environ.update(_ENVIRONMENT)
    try:
        django.setup()
    finally:
        os.environ.clear()
        os.environ.update(before)


_configure()


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
    yield _FOLDER
    for file in [*_FOLDER.glob("*.json"), *_FOLDER.glob("*.fired")]:
        file.unlink()


@pytest.fixture(scope="session")
def signing_key_file() -> Path:
    return _FOLDER / "signing-key.pem"
