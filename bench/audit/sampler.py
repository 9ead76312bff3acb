"""Reads the audit views of a working shop, quickly and now and then: input of `transients`.

Only orders that were touched lately, or are not final, are looked at, whatever the shop holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, LiteralString, TypeVar

import psycopg

from bench.audit.transients import OrderState, Reading

CONNECT_TIMEOUT_S = 2
STATEMENT_TIMEOUT_MS = 3_000
WINDOW_S = 30  # an order touched longer ago is looked at only if something of it is open

_HELD: LiteralString = "SELECT DISTINCT order_id FROM audit_reservations WHERE state = 'reserved'"
_UNDELIVERED: LiteralString = (
    "SELECT order_id, max(extract(epoch FROM clock_timestamp() - created_at))::float"
    " FROM audit_outbox WHERE order_id IS NOT NULL GROUP BY order_id"
)
_ORDERS: LiteralString = (
    "SELECT order_id, status, extract(epoch FROM clock_timestamp() - created_at)::float,"
    " extract(epoch FROM clock_timestamp() - updated_at)::float FROM audit_orders"
    " WHERE status NOT IN ('confirmed', 'cancelled', 'rejected')"
    " OR updated_at > now() - %s * interval '1 s' OR order_id = ANY(%s)"
)
_CAPTURED: LiteralString = (
    "SELECT order_id FROM audit_payments WHERE status = 'captured' AND order_id = ANY(%s)"
)
_UNITS: LiteralString = (
    "SELECT order_id, array_agg(DISTINCT state) FROM audit_reservations"
    " WHERE order_id = ANY(%s) GROUP BY order_id"
)
_BROKEN_STOCK: LiteralString = (
    "SELECT s.product_id FROM audit_stock s LEFT JOIN (SELECT product_id,"
    " coalesce(sum(quantity) FILTER (WHERE state = 'reserved'), 0) AS reserved,"
    " coalesce(sum(quantity) FILTER (WHERE state = 'sold'), 0) AS sold"
    " FROM audit_reservations GROUP BY product_id) r USING (product_id)"
    " WHERE s.initial + s.restocked <> s.on_hand + s.sold OR s.on_hand < s.reserved"
    " OR s.reserved <> coalesce(r.reserved, 0) OR s.sold <> coalesce(r.sold, 0)"
)
_BROKEN_MONEY: LiteralString = (
    "SELECT account FROM audit_ledger WHERE account LIKE 'wallet:%%' GROUP BY account"
    " HAVING sum(amount_cents) < 0 UNION ALL"
    " SELECT 'the whole ledger' FROM audit_ledger HAVING sum(amount_cents) <> 0"
)

_T = TypeVar("_T")


class Sampler:
    """Keeps one connection a database; a context for one thread. `close` it."""

    def __init__(self, database_dsns: Mapping[str, str]) -> None:
        self._dsns = database_dsns
        self._connections: dict[str, psycopg.Connection[Any]] = {}
        self._unreadable: dict[str, str] = {}

    def look(self) -> Reading:
        """Read once. A database that does not answer is named in `unreadable`."""
        self._unreadable = {}
        held = self._ask("inventory", _HELD, (), lambda rows: [str(row[0]) for row in rows])
        undelivered = self._ask("orders", _UNDELIVERED, (), _ages)
        open_ids = [*(held or ()), *(undelivered or ())]
        before = self._ask("orders", _ORDERS, (WINDOW_S, open_ids), _orders)
        ids = list(before or ())
        captured = self._ask(
            "payments", _CAPTURED, (ids,), lambda rows: frozenset(str(row[0]) for row in rows)
        )
        units = self._ask(
            "inventory", _UNITS, (ids,), lambda rows: {row[0]: frozenset(row[1]) for row in rows}
        )
        broken_stock = self._ask("inventory", _BROKEN_STOCK, (), _first_column)
        broken_money = self._ask("payments", _BROKEN_MONEY, (), _first_column)
        after = self._ask("orders", _ORDERS, (WINDOW_S, ids), _orders)
        return Reading(
            before, after, captured, units, undelivered, broken_stock, broken_money,
            dict(self._unreadable),
        )  # fmt: skip

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def _ask(
        self,
        component: str,
        query: LiteralString,
        parameters: tuple[Any, ...],
        shape: Callable[[list[tuple[Any, ...]]], _T],
    ) -> _T | None:
        """None if the database did not answer; then it is not asked again in this look."""
        if component in self._unreadable:
            return None
        dsn = self._dsns[component]
        try:
            if dsn not in self._connections:
                self._connections[dsn] = _connect(dsn)
            rows = self._connections[dsn].execute(query, parameters).fetchall()
        except psycopg.Error as error:
            self._unreadable[component] = " ".join(str(error).split()) or type(error).__name__
            broken = self._connections.pop(dsn, None)
            if broken is not None:
                broken.close()
            return None
        return shape(rows)


def _connect(dsn: str) -> psycopg.Connection[Any]:
    connection = psycopg.connect(dsn, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S)
    connection.execute("SELECT set_config('statement_timeout', %s, false)",
                       (str(STATEMENT_TIMEOUT_MS),))  # fmt: skip
    return connection


def _orders(rows: list[tuple[Any, ...]]) -> dict[str, OrderState]:
    return {row[0]: OrderState(row[1], float(row[2]), float(row[3])) for row in rows}


def _ages(rows: list[tuple[Any, ...]]) -> dict[str, float]:
    return {row[0]: float(row[1]) for row in rows}


def _first_column(rows: list[tuple[Any, ...]]) -> tuple[str, ...]:
    return tuple(str(row[0]) for row in rows)
