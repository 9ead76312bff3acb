"""What a request may ask of the database: within its deadline, its time measured, no dead pool.

`bounded` is an execute wrapper, Django's hook around every statement.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, perf_counter
from typing import Any

import psycopg
from django.conf import settings
from django.db import IntegrityError, connection
from psycopg_pool import PoolTimeout

from monolith.common.clock import CLOCK
from monolith.common.connections import TrackedConnection
from monolith.common.errors import DeadlineExceeded, ShopError

# A pool that times out within this time of a failed connect has no database; else it is busy.
_RECENT_SECONDS = 5.0
_STATEMENT_SECONDS = settings.SHOP.statement_timeout_ms / 1000 or float("inf")
_IN_ERROR = psycopg.pq.TransactionStatus.INERROR
_looking = threading.Lock()


def bounded(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Run a statement with the time that is left. Raises DeadlineExceeded if there is none."""
    started = perf_counter()
    if started > CLOCK.deadline - _STATEMENT_SECONDS:
        _hurry(context["connection"], started)
    try:
        return execute(sql, params, many, context)
    finally:
        CLOCK.db_seconds += perf_counter() - started


def _hurry(wrapper: Any, now: float) -> None:
    """Less time is left than one statement may take: shorten the statement, or give up."""
    left_ms = int((CLOCK.deadline - now) * 1000)
    if left_ms <= 0:
        raise DeadlineExceeded
    if wrapper.in_atomic_block and wrapper.connection.info.transaction_status != _IN_ERROR:
        # On the driver's connection: a cursor of Django's would come here again.
        with wrapper.wrap_database_errors:
            wrapper.connection.execute(f"SET LOCAL statement_timeout = {left_ms}")


def is_shedding(error: Exception) -> bool:
    """Whether no connection became free in time though the database is there."""
    timed_out = isinstance(error.__cause__, PoolTimeout)
    return timed_out and monotonic() - TrackedConnection.last_failure > _RECENT_SECONDS


@contextmanager
def duplicate_is(error: type[ShopError]) -> Iterator[None]:
    """Raises `error` where a row with the same value is there already."""
    try:
        yield
    except IntegrityError as refusal:
        if isinstance(refusal.__cause__, psycopg.errors.UniqueViolation):
            raise error from None
        raise


def look_for_dead_connections() -> None:
    """One connection was found dead: look at the idle ones before a request meets them."""
    pool = connection.pool
    if pool and _looking.acquire(blocking=False):

        def look() -> None:
            try:
                pool.check()
            finally:
                _looking.release()

        threading.Thread(target=look, name="look-for-dead-connections", daemon=True).start()
