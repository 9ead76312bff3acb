"""Reads the audit views of a deployment's databases into one `Snapshot`.

A view that cannot be read is recorded as such and never taken for an empty one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from bench.audit.rows import (
    IdempotencyRow,
    LedgerRow,
    OrderLineRow,
    OrderRow,
    OutboxRow,
    PaymentRow,
    ReservationRow,
    Snapshot,
    StockRow,
)

CONNECT_TIMEOUT_S = 3
STATEMENT_TIMEOUT_MS = 60_000


@dataclass(frozen=True)
class View:
    """One audit view: its name in SQL, its row type, and the components whose database has it."""

    name: LiteralString
    row_type: type[Any]
    components: tuple[str, ...]


VIEWS: Mapping[str, View] = {
    "orders": View("audit_orders", OrderRow, ("orders",)),
    "order_lines": View("audit_order_lines", OrderLineRow, ("orders",)),
    "outbox": View("audit_outbox", OutboxRow, ("orders",)),
    "payments": View("audit_payments", PaymentRow, ("payments",)),
    "ledger": View("audit_ledger", LedgerRow, ("payments",)),
    "stock": View("audit_stock", StockRow, ("inventory",)),
    "reservations": View("audit_reservations", ReservationRow, ("inventory",)),
    "idempotency": View("audit_idempotency", IdempotencyRow, ("orders", "payments", "inventory")),
}
INTEGER_COLUMNS = frozenset(
    "total_cents unit_price_cents amount_cents quantity initial restocked sold on_hand reserved"
    " attempts".split()
)


def read_snapshot(database_dsns: Mapping[str, str]) -> Snapshot:
    """Read all audit views; `database_dsns` maps component to DSN (the monolith's are all one).

    Each database is read in one REPEATABLE READ transaction, so its rows belong together.
    """
    rows: dict[str, list[Any]] = {name: [] for name in VIEWS}
    unreadable: dict[str, str] = {}
    for dsn, components in _components_by_database(database_dsns).items():
        _read_database(dsn, components, rows, unreadable)
    for field_name, view in VIEWS.items():
        missing = [name for name in view.components if name not in database_dsns]
        if missing:
            unreadable[field_name] = f"no database given for {', '.join(missing)}"
    return Snapshot(**{name: tuple(read) for name, read in rows.items()}, unreadable=unreadable)


def _components_by_database(database_dsns: Mapping[str, str]) -> dict[str, set[str]]:
    databases: dict[str, set[str]] = {}
    for component, dsn in database_dsns.items():
        databases.setdefault(dsn, set()).add(component)
    return databases


def _read_database(
    dsn: str, components: set[str], rows: dict[str, list[Any]], unreadable: dict[str, str]
) -> None:
    wanted = {name: view for name, view in VIEWS.items() if components & set(view.components)}
    if not wanted:
        return
    try:
        with psycopg.connect(dsn, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            connection.execute(
                sql.SQL("SET LOCAL statement_timeout = {}").format(
                    sql.Literal(STATEMENT_TIMEOUT_MS)
                )
            )
            read = {name: list(_read_view(connection, view)) for name, view in wanted.items()}
    except psycopg.Error as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        unreadable.update(dict.fromkeys(wanted, f"{'+'.join(sorted(components))}: {reason}"))
        return
    for name, found in read.items():
        rows[name].extend(found)


def _read_view(connection: psycopg.Connection[Any], view: View) -> Iterable[Any]:
    columns = [column.name for column in fields(view.row_type)]
    query = sql.SQL("SELECT {} FROM {}").format(
        sql.SQL(", ").join(_as_read(column, view) for column in columns), sql.Identifier(view.name)
    )
    return [view.row_type(*row) for row in connection.execute(query).fetchall()]


def _as_read(column: str, view: View) -> sql.Composable:
    """Cast in SQL, so that a deployment's choice of uuid or text, int or bigint shows nowhere."""
    integer = column in INTEGER_COLUMNS or (view.row_type is IdempotencyRow and column == "status")
    return sql.SQL("{}::{}").format(
        sql.Identifier(column), sql.SQL("bigint" if integer else "text")
    )
