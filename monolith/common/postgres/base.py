"""`DatabaseWrapper`: Django's own, with every call measured, bounded and shed by the contract.

Errors of the pool become a 503; `watchdog` ends what no timeout of the server can.
"""

import threading
from time import monotonic, perf_counter
from typing import Any

import psycopg
from django.conf import settings
from django.db.backends.postgresql import base
from django.db.backends.utils import CursorWrapper
from psycopg_pool import PoolClosed, PoolTimeout

from monolith.common.clock import CLOCK
from monolith.common.errors import DeadlineExceeded, DependencyUnavailable, Overloaded
from monolith.common.postgres.watchdog import WATCHDOG

# A pool that times out within this time of a failed connect has no database; else it is busy.
_RECENT_SECONDS = 5.0

_STATEMENT_SECONDS = settings.SHOP.statement_timeout_ms / 1000 or float("inf")
# Who has a connection or waits for one. Not the pool's own `max_waiting`: it counts those who have
# long given up, refuses before it tries to reconnect, and so never finds a database that is back.
_ADMITTED = threading.Semaphore(settings.SHOP_MAX_ADMITTED)

_IN_ERROR = psycopg.pq.TransactionStatus.INERROR
WATCHDOG.limit_seconds = _STATEMENT_SECONDS


class TrackedConnection(psycopg.Connection[Any]):
    """Remembers when a connect last failed: the pool itself retries in silence."""

    last_failure = float("-inf")

    @classmethod
    def connect(cls, *args: Any, **kwargs: Any) -> "TrackedConnection":
        try:
            return super().connect(*args, **kwargs)
        except psycopg.OperationalError:
            TrackedConnection.last_failure = monotonic()
            raise


class MeasuredCursor(CursorWrapper):
    """Every statement: within the deadline, under the watchdog, its time on the clock."""

    def _execute(self, sql: Any, params: Any, *context: Any) -> Any:
        started = self.db.begin_call()
        try:
            return super()._execute(sql, params, *context)
        finally:
            end_call(started)

    def _executemany(self, sql: Any, param_list: Any, *context: Any) -> Any:
        started = self.db.begin_call()
        try:
            return super()._executemany(sql, param_list, *context)
        finally:
            end_call(started)


def end_call(started: float) -> None:
    WATCHDOG.leave()
    CLOCK.db_seconds += perf_counter() - started


class DatabaseWrapper(base.DatabaseWrapper):
    _purge = threading.Lock()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        pool_options = self.settings_dict["OPTIONS"].get("pool")
        if isinstance(pool_options, dict):
            pool_options["connection_class"] = TrackedConnection

    def make_cursor(self, cursor: Any) -> MeasuredCursor:
        return MeasuredCursor(cursor, self)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection of the pool. Raises Overloaded, DependencyUnavailable."""
        if not _ADMITTED.acquire(blocking=False):
            raise Overloaded
        try:
            return super().get_new_connection(conn_params)
        except (PoolTimeout, PoolClosed):
            _ADMITTED.release()
            if monotonic() - TrackedConnection.last_failure < _RECENT_SECONDS:
                raise DependencyUnavailable from None
            raise Overloaded from None
        except BaseException:
            _ADMITTED.release()
            raise

    def savepoint(self) -> str | None:
        """Django's own, without the thread in the name.

        Each name is a statement of its own to prepare: with 64 threads, more than psycopg keeps.
        """
        if not self._savepoint_allowed():
            return None
        self.savepoint_state += 1
        name = f"s_x{self.savepoint_state}"
        self.validate_thread_sharing()
        self._savepoint(name)
        return name

    def begin_call(self) -> float:
        """A statement begins; the time, for `end_call`. Raises DeadlineExceeded."""
        started = perf_counter()
        if started > CLOCK.deadline - _STATEMENT_SECONDS:
            self._hurry(started)
        WATCHDOG.enter(self.connection, started)
        return started

    def _hurry(self, now: float) -> None:
        """Less time is left than one statement may take: shorten the statement, or give up."""
        left_ms = int((CLOCK.deadline - now) * 1000)
        if left_ms <= 0:
            raise DeadlineExceeded
        if self.in_atomic_block and self.connection.info.transaction_status != _IN_ERROR:
            self.connection.execute(f"SET LOCAL statement_timeout = {left_ms}")

    def _commit(self) -> None:
        started = perf_counter()
        if self.connection is not None:
            WATCHDOG.enter(self.connection, started)
        try:
            super()._commit()
        finally:
            end_call(started)

    def _rollback(self) -> None:
        started = perf_counter()
        if self.connection is not None:
            WATCHDOG.enter(self.connection, started)
        try:
            super()._rollback()
        finally:
            end_call(started)

    def _close(self) -> None:
        if self.connection is None:
            return
        broken = self.connection.broken
        try:
            super()._close()
        finally:
            _ADMITTED.release()
        if broken and self.pool:
            threading.Thread(target=self._purge_pool, name="purge-pool", daemon=True).start()

    def _purge_pool(self) -> None:
        """One connection was found dead: look at the idle ones before a request meets them."""
        if self._purge.acquire(blocking=False):
            try:
                self.pool.check()
            finally:
                self._purge.release()
