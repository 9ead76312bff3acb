"""The user's own PostgreSQL in place of the embedded one.

`SHOPBENCH_DATABASE_URL`: an admin DSN that may create roles and databases, used for all.
`SHOPBENCH_DATABASE_URL_USERS`, `_INVENTORY`, `_ORDERS`, `_PAYMENTS`: one for each component's
database, the general one where it is missing. Made there: role and database `shop_<owner>`, marked
by a comment; a database without the mark is never touched unless `--overwrite` says so. Nothing
of this is removed by `down`.
"""

from __future__ import annotations

import os
import secrets
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql

from bench.deployments.base import COMPONENTS
from bench.deployments.local.topology import Topology
from bench.errors import ShopbenchError

URL_VARIABLE = "SHOPBENCH_DATABASE_URL"
MARK = "made by shopbench: it may be dropped at any time"


def external_urls(topology: Topology) -> dict[str, str]:
    """Admin DSN for each database owner, from the environment; {} to use the embedded servers."""
    general = os.environ.get(URL_VARIABLE, "")
    urls = {}
    for owner in (owner for owners in topology.servers.values() for owner in owners):
        special = (
            os.environ.get(f"{URL_VARIABLE}_{owner.upper()}", "") if owner in COMPONENTS else ""
        )
        urls[owner] = special or general
    if not any(urls.values()):
        return {}
    missing = sorted(owner for owner, url in urls.items() if not url)
    if missing:
        names = ", ".join(f"{URL_VARIABLE}_{owner.upper()}" for owner in missing)
        raise ShopbenchError(f"some databases are your own, but not set: {names} or {URL_VARIABLE}")
    for url in urls.values():
        if urlsplit(url).scheme not in {"postgres", "postgresql"}:
            raise ShopbenchError(
                f"{URL_VARIABLE} must be like postgresql://user:password@host:5432/postgres"
            )
    return urls


def names_own_servers() -> bool:
    """Whether the environment points any database at a server that is not ours to budget."""
    names = (URL_VARIABLE, *(f"{URL_VARIABLE}_{owner.upper()}" for owner in COMPONENTS))
    return any(os.environ.get(name) for name in names)


def prepare_external(admin_url: str, owner: str, *, overwrite: bool) -> str:
    """Make role and database `shop_<owner>` anew; return the role's DSN. Raises ShopbenchError."""
    name = f"shop_{owner}"
    password = secrets.token_urlsafe(18)
    place = _place(admin_url)
    try:
        with psycopg.connect(admin_url, autocommit=True, connect_timeout=5) as connection:
            _refuse_foreign(connection, name, place, overwrite)
            _create(connection, name, password)
    except psycopg.Error as error:
        raise ShopbenchError(f"cannot make {name} on {place}: {_first_line(error)}") from error
    parts = urlsplit(admin_url)
    host = parts.netloc.rpartition("@")[2]
    credentials = f"{quote(name)}:{quote(password)}"
    return parts._replace(netloc=f"{credentials}@{host}", path=f"/{name}").geturl()


def _place(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


def _refuse_foreign(
    connection: psycopg.Connection[tuple[object, ...]], name: str, place: str, overwrite: bool
) -> None:
    database = connection.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", (name,)
    ).fetchone()
    role = connection.execute(
        "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = %s", (name,)
    ).fetchone()
    for kind, found in (("database", database), ("role", role)):
        if found is not None and found[0] != MARK and not overwrite:
            raise ShopbenchError(
                f"{kind} {name} on {place} was not made by shopbench;"
                " pass --overwrite to drop and remake it"
            )
    busy = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = %s", (name,)
    ).fetchone()
    if busy is not None and busy[0]:
        raise ShopbenchError(
            f"database {name} on {place} is in use; is another deployment up? (`shopbench down`)"
        )


def _create(connection: psycopg.Connection[tuple[object, ...]], name: str, password: str) -> None:
    names = {"name": sql.Identifier(name), "password": sql.Literal(password)}
    mark = {**names, "mark": sql.Literal(MARK)}
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {name}").format(**names))
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone()
    verb = sql.SQL("ALTER" if known else "CREATE")
    connection.execute(
        sql.SQL("{verb} ROLE {name} LOGIN PASSWORD {password}").format(verb=verb, **names)
    )
    connection.execute(sql.SQL("COMMENT ON ROLE {name} IS {mark}").format(**mark))
    _try(connection, sql.SQL("GRANT {name} TO CURRENT_USER").format(**names))
    _try(connection, sql.SQL("GRANT pg_checkpoint TO {name}").format(**names))
    connection.execute(
        sql.SQL(
            "CREATE DATABASE {name} OWNER {name} TEMPLATE template0 ENCODING 'UTF8'"
            " LC_COLLATE 'C' LC_CTYPE 'C'"
        ).format(**names)
    )
    connection.execute(sql.SQL("COMMENT ON DATABASE {name} IS {mark}").format(**mark))
    connection.execute(
        sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC").format(**names)
    )


def _try(connection: psycopg.Connection[tuple[object, ...]], statement: sql.Composed) -> None:
    """Grant what this admin may grant: neither is needed to serve."""
    try:
        connection.execute(statement)
    except psycopg.Error:
        return
