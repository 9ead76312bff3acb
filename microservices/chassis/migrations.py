"""Numbered SQL migrations: the chassis tables a component wants, then its own files, in order.

Each runs in its own transaction, all under one advisory lock; an applied file that changed since is
refused by its checksum.
"""

import hashlib
from dataclasses import dataclass
from importlib import resources

import psycopg

from microservices.chassis.database import Connection
from microservices.chassis.operations import ComponentSpec
from microservices.chassis.settings import stop

LOCK = 7_203_117  # any constant: it only has to be the same in each run
_CREATE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name       text PRIMARY KEY,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)"""


@dataclass(frozen=True)
class Migration:
    """One file; chassis files are named `chassis/<table>`."""

    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations_of(spec: ComponentSpec) -> list[Migration]:
    """The chassis tables of a component, then its own numbered files."""
    chassis = resources.files("microservices.chassis.sql")
    shared = [
        Migration(f"chassis/{table}", chassis.joinpath(f"{table}.sql").read_text("utf-8"))
        for table in spec.tables
    ]
    files = sorted(
        (file for file in resources.files(spec.migrations).iterdir() if file.name.endswith(".sql")),
        key=lambda file: file.name,
    )
    return shared + [Migration(file.name, file.read_text("utf-8")) for file in files]


async def migrate(spec: ComponentSpec, url: str) -> list[str]:
    """Applies what is missing; the names of what was applied.

    Raises:
        SystemExit: an applied migration was changed, or the database cannot be reached.
    """
    try:
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        stop(f"{spec.name}: the database cannot be reached: {str(error).splitlines()[0]}")
    async with connection:
        await connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        await connection.execute(_CREATE)
        return await _apply_missing(connection, spec)


async def _apply_missing(connection: Connection, spec: ComponentSpec) -> list[str]:
    cursor = await connection.execute("SELECT name, sha256 FROM schema_migrations")
    known: dict[str, str] = dict(await cursor.fetchall())
    applied = []
    for migration in migrations_of(spec):
        if migration.name in known:
            if known[migration.name] != migration.sha256:
                stop(f"{spec.name}: migration {migration.name} was changed after it was applied")
            continue
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO schema_migrations (name, sha256) VALUES (%s, %s)",
                (migration.name, migration.sha256),
            )
        applied.append(migration.name)
    return applied
