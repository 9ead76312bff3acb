"""What both arms must have alike, read from the running systems: catalogs, servers, processes.

Each reader returns plain values to compare. What one arm may have alone stands here, with its
reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import psutil
import psycopg

from bench.deployments.base import COMPONENTS
from bench.engine.database_servers import own_servers
from tests.system.both_arms.pair import Arm

Columns = tuple[str, ...]

#: Tables that both arms have under one name, with the component they belong to.
TABLES: Mapping[str, str] = {
    "users": "users",
    "products": "inventory",
    "stock": "inventory",
    "orders": "orders",
    "order_lines": "orders",
    "payments": "payments",
    "wallets": "payments",
    "ledger_transfers": "payments",
    "ledger_entries": "payments",
    "idempotency_keys": "orders",
}

#: Indexes that only one arm has, and why: whatever else differs is a fault.
OWN_INDEXES: Mapping[tuple[str, Columns], str] = {
    ("orders", ("lease_until",)): "the saga's recovery looks for orders nobody drives",
    ("orders", ("payment_id",)): "Django's one-to-one field is unique",
    ("order_lines", ("order_id", "position")): "the primary key where a position is one",
    ("order_lines", ("order_id", "product_id")): "the primary key where a product is one",
}

#: Settings of a server that are its share of one budget, or its own identity.
DIVIDED = ("shared_buffers", "max_connections", "max_wal_size", "io_workers")
_OF_THE_SERVER = (
    *("port", "data_directory", "config_file", "hba_file", "ident_file", "log_directory"),
    *("external_pid_file", "autovacuum_worker_slots", "cluster_name", "application_name"),
    *("wal_buffers", "shared_memory_size", "shared_memory_size_in_huge_pages", "num_os_semaphores"),
    *("subtransaction_buffers", "transaction_buffers", "commit_timestamp_buffers"),
    *("io_max_concurrency", "effective_io_concurrency", "maintenance_io_concurrency"),
    *("semaphores", "client_encoding", "search_path", "session_authorization", "role"),
)

#: What a process of either arm reads from its environment and must mean the same.
SETTINGS = (
    *("DATABASE_POOL_TIMEOUT_MS", "DATABASE_POOL_WAITING", "STATEMENT_TIMEOUT_MS", "LOG_LEVEL"),
    *("SHOP_DEADLINE_MS", "RESILIENCE", "DRAIN_SECONDS", "TOKEN_TTL_SECONDS", "PASSWORD_THREADS"),
)

INDEXES = """
SELECT c.relname, array_agg(
         CASE WHEN k.key = 0 THEN 'expression' ELSE a.attname END
         || CASE WHEN k.option & 1 = 1 THEN ' desc' ELSE '' END ORDER BY k.place)
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
CROSS JOIN LATERAL unnest(i.indkey::int[], i.indoption::int[]) WITH ORDINALITY
     AS k (key, option, place)
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.key
GROUP BY c.relname, i.indexrelid
"""
STORAGE = """
SELECT c.relname, coalesce(c.reloptions, '{}')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
WHERE c.relkind = 'r'
"""

#: The pages that a client can ask for, as SQL that fits both arms.
PAGES = {
    f"{category or 'all'} by {order}": (
        "SELECT id FROM products"
        + (f" WHERE category = '{category}'" if category else "")
        + f" ORDER BY {order}, id LIMIT 21"
    )
    for category in ("", "tea")
    for order in ("name", "price_cents", "price_cents DESC")
}
NEWEST = (
    "SELECT id FROM orders WHERE user_id = '0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90'"
    " ORDER BY created_at DESC, id DESC LIMIT 21"
)


def rows(dsn: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def indexes(arm: Arm) -> dict[str, set[Columns]]:
    """The column lists of all indexes of the shared tables, without what one arm may have alone."""
    found: dict[str, set[Columns]] = {}
    for component in COMPONENTS:
        for table, columns in rows(arm.dsns[component], INDEXES):
            if TABLES.get(table) == component and (table, tuple(columns)) not in OWN_INDEXES:
                found.setdefault(table, set()).add(tuple(columns))
    return found


def storage(arm: Arm) -> dict[str, set[str]]:
    """The storage options (fillfactor, autovacuum) of the shared tables."""
    return {
        table: set(options)
        for component in COMPONENTS
        for table, options in rows(arm.dsns[component], STORAGE)
        if TABLES.get(table) == component
    }


def is_range_scan(dsn: str, statement: str) -> bool:
    """Whether a page is read off one index: nothing has to be sorted, no row is passed over."""
    with psycopg.connect(dsn) as connection:
        connection.execute("SET LOCAL enable_sort = off")
        connection.execute("SET LOCAL enable_incremental_sort = off")
        connection.execute("SET LOCAL enable_seqscan = off")
        row = connection.execute(b"EXPLAIN (FORMAT JSON) " + statement.encode()).fetchone()
        assert row is not None
    plan = json.dumps(row[0])
    return "Sort" not in plan and "Filter" not in plan


def server_settings(arm: Arm) -> list[dict[str, str]]:
    """Every setting of each server, but its own identity and its share of the budget."""
    found = []
    for server in own_servers(arm.deployment):
        read = dict(rows(server.dsn, "SELECT name, setting FROM pg_settings"))
        for name in (*DIVIDED, *_OF_THE_SERVER):
            read.pop(name, None)
        found.append(read)
    return found


def divided_budget(arm: Arm) -> dict[str, int]:
    """The totals over all servers of what they share."""
    totals = dict.fromkeys(DIVIDED, 0)
    for server in own_servers(arm.deployment):
        read = dict(rows(server.dsn, "SELECT name, setting FROM pg_settings"))
        for name in DIVIDED:
            totals[name] += int(read[name])
    return totals


def session_defaults(arm: Arm) -> set[str]:
    """What is set for roles and databases."""
    statement = "SELECT unnest(setconfig) FROM pg_db_role_setting"
    return {row[0] for server in own_servers(arm.deployment) for row in rows(server.dsn, statement)}


def connections(arm: Arm, where: str = "true") -> int:
    """The shop's connections to all its servers."""
    statement = (
        "SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'shop\\_%'"
        f" AND pid <> pg_backend_pid() AND {where}"
    )
    return sum(rows(server.dsn, statement)[0][0] for server in own_servers(arm.deployment))


def settings_of_processes(arm: Arm) -> dict[str, set[str | None]]:
    """What each of the settings is in the processes of an arm; None: left to its default."""
    found: dict[str, set[str | None]] = {name: set() for name in SETTINGS}
    for part in arm.deployment.components():
        if part.kind == "process":
            environment = psutil.Process(part.pid).environ()
            for name in SETTINGS:
                found[name].add(environment.get(name))
    return found


def password_hash_form(arm: Arm) -> str:
    """The parameters of the newest password hash, without salt, hash and Django's own prefix."""
    ((text,),) = rows(
        arm.dsns["users"], "SELECT password_hash FROM users ORDER BY created_at DESC LIMIT 1"
    )
    match = re.search(r"\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+", text)
    assert match is not None, text[:40]
    return match.group()


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterable[str]:
    """What is not the same in two readings, one line each."""
    for name in sorted(first.keys() | second.keys()):
        if first.get(name) != second.get(name):
            yield f"{name}: {first.get(name)} and {second.get(name)}"
