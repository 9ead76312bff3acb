"""Each component's database role tried on every other component's database."""

from __future__ import annotations

import re
from itertools import permutations
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from bench.deployments.base import COMPONENTS, Deployment
from bench.experiments.complexity.records import DatabaseTry, Outcome

_REFUSALS = ("authentication failed", "permission denied", "does not exist")
_CONNECT_S = 5
_SAID = re.compile(r"FATAL: *(.+)")
_READABLE = b"""
SELECT schemaname, tablename FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
AND has_table_privilege(format('%I.%I', schemaname, tablename), 'SELECT')"""


def try_databases(deployment: Deployment, repetition: int) -> list[DatabaseTry]:
    """Try every role on the database of every other component, as its server listens."""
    dsns = {name: deployment.database_dsn(name) for name in COMPONENTS}
    usable = {name: opens(dsn)[0] for name, dsn in dsns.items()}
    found = []
    for own, other in permutations(COMPONENTS, 2):
        opened, detail, tables = opens(with_role_of(dsns[other], dsns[own]))
        if usable[own] != "yes":  # a role that opens nothing proves nothing
            opened, detail = "not tried", f"the role of {own} does not open its own database"
        found.append(
            DatabaseTry(deployment.name, repetition, own, other, opened, detail, len(tables))
        )
    return found


def with_role_of(target: str, own: str) -> str:
    """`target`'s server and database with the role and password of `own`."""
    database, role = urlsplit(target), urlsplit(own)
    credentials, place = role.netloc.rpartition("@")[0], database.netloc.rpartition("@")[2]
    return urlunsplit(database._replace(netloc=f"{credentials}@{place}"))


def opens(dsn: str) -> tuple[Outcome, str, list[str]]:
    """(whether it gets in, what the server said, the tables of which it could read a row)."""
    try:
        with psycopg.connect(dsn, connect_timeout=_CONNECT_S, autocommit=True) as connection:
            return "yes", "it got in", _read(connection)
    except psycopg.OperationalError as error:
        found = _SAID.search(str(error))
        said = found[1].strip() if found else str(error).strip()[:200]
        return ("no" if any(each in said for each in _REFUSALS) else "not tried"), said, []


def _read(connection: psycopg.Connection) -> list[str]:
    tables = []
    for schema, table in connection.execute(_READABLE).fetchall():
        query = sql.SQL("SELECT * FROM {} LIMIT 1").format(sql.Identifier(schema, table))
        connection.execute(query).fetchone()
        tables.append(str(table))
    return tables
