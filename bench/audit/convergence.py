"""Waits until a shop has settled: no pending order, held stock, open key or undelivered event.

The audit judges only a shop at rest; how long that took is a result of its own.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

CONNECT_TIMEOUT_S = 2
SETTLE_LIMIT_S = 30.0  # the contract's promise, once all components are back

_OPEN_WORK: Mapping[LiteralString, tuple[str, LiteralString]] = {
    "pending orders": (
        "orders",
        "SELECT count(*) FROM audit_orders"
        " WHERE status NOT IN ('confirmed', 'cancelled', 'rejected')",
    ),
    "undelivered events": ("orders", "SELECT count(*) FROM audit_outbox"),
    "unanswered keys": ("orders", "SELECT count(*) FROM audit_idempotency WHERE status IS NULL"),
    "reserved lines": (
        "inventory",
        "SELECT count(*) FROM audit_reservations WHERE state = 'reserved'",
    ),
}


@dataclass(frozen=True)
class Convergence:
    """`open_work` is what was still open at the end; empty when the shop settled."""

    seconds: float
    open_work: Mapping[str, int]
    error: str = ""

    @property
    def settled(self) -> bool:
        return not self.open_work and not self.error


def count_open_work(database_dsns: Mapping[str, str]) -> dict[str, int]:
    """Count what is not final yet, leaving zeros out.

    Raises:
        psycopg.Error: a database cannot be read.
    """
    found: dict[str, int] = {}
    connections: dict[str, psycopg.Connection[Any]] = {}
    try:
        for what, (component, query) in _OPEN_WORK.items():
            dsn = database_dsns[component]
            if dsn not in connections:
                connections[dsn] = psycopg.connect(
                    dsn, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S
                )
            row = connections[dsn].execute(query).fetchone()
            if row and row[0]:
                found[what] = int(row[0])
    finally:
        for connection in connections.values():
            connection.close()
    return found


def wait_settled(
    database_dsns: Mapping[str, str], *, within_s: float = SETTLE_LIMIT_S, poll_s: float = 0.1
) -> Convergence:
    """Poll until nothing is open or `within_s` is over; an unreadable database is not settled."""
    started = time.monotonic()
    while True:
        error, open_work = "", {}
        try:
            open_work = count_open_work(database_dsns)
        except psycopg.Error as failure:
            error = " ".join(str(failure).split()) or type(failure).__name__
        elapsed = time.monotonic() - started
        if (not open_work and not error) or elapsed >= within_s:
            return Convergence(elapsed, open_work, error)
        time.sleep(poll_s)
