"""A component's own PostgreSQL: a bounded pool, time accounted per request, errors mapped."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg import AsyncConnection, AsyncCursor, errors
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from microservices.chassis.context import current_or_none
from microservices.chassis.errors import (
    ApiError,
    DeadlineExceeded,
    DependencyUnavailable,
    Overloaded,
)
from microservices.chassis.faults import armed, maybe_fail
from microservices.chassis.settings import Settings

Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]
Cursor: TypeAlias = AsyncCursor[tuple[Any, ...]]
Row: TypeAlias = tuple[Any, ...]
Params: TypeAlias = Sequence[Any] | Mapping[str, Any]
T = TypeVar("T")

PREPARE_THRESHOLD = 5  # psycopg's default, said aloud: both arms use the same
RECONNECT_SECONDS = (
    4.0  # then the next request starts a new attempt, instead of waiting out a long back-off
)
TRANSACTION_TRIES = 3
_CONTENTION = (errors.SerializationFailure, errors.DeadlockDetected)


class Database:
    """The pool of one component in this process."""

    def __init__(self, name: str, url: str, settings: Settings) -> None:
        self.name = name
        self.contention_retries = 0
        self._timeout = settings.pool_timeout_ms / 1e3
        self._sweep: asyncio.Task[None] | None = None
        options = f"-c statement_timeout={settings.statement_timeout_ms} -c timezone=UTC"
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            kwargs={
                "autocommit": True,
                "prepare_threshold": PREPARE_THRESHOLD,
                "options": options,
                "application_name": name,
                "connect_timeout": 3,
            },
            min_size=settings.pool_max,
            max_size=settings.pool_max,
            max_waiting=settings.pool_waiting if settings.resilient else 0,
            timeout=self._timeout,
            reconnect_timeout=RECONNECT_SECONDS,
            open=False,
        )

    async def open(self) -> None:
        """Starts the pool without waiting: a database that is down makes us unready, not dead."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        await self._pool.close(timeout=2.0)

    async def fetch_one(self, sql: str, params: Params = ()) -> Row | None:
        """The first row of one autocommit statement."""
        return await self._statement(sql, params, AsyncCursor.fetchone)

    async def fetch_all(self, sql: str, params: Params = ()) -> list[Row]:
        """All rows of one autocommit statement."""
        return await self._statement(sql, params, AsyncCursor.fetchall)

    async def execute(self, sql: str, params: Params = ()) -> int:
        """Runs one autocommit statement; the number of rows it touched."""
        return await self._statement(sql, params, _row_count)

    async def write(self, sql: str, params: Params = (), fault: str = "") -> list[Row]:
        """All rows of one statement that writes, with a commit of its own; again on a deadlock.

        Where fault points are armed, the statement runs in an explicit transaction instead: then
        `<fault>.before_commit` lies before its COMMIT, `<fault>.after_commit_before_reply` after.

        Raises:
            Overloaded: it met a deadlock in each of 3 tries.
        """
        if fault and armed():
            rows = await self.run(lambda connection: _write(connection, sql, params, fault))
            await maybe_fail(f"{fault}.after_commit_before_reply")
            return rows
        for attempt in range(TRANSACTION_TRIES):
            try:
                return await self._statement(sql, params, AsyncCursor.fetchall, retried=True)
            except _CONTENTION:
                await self._back_off(attempt)
        raise Overloaded("Too much contention on the same rows.")

    async def _statement(
        self,
        sql: str,
        params: Params,
        take: Callable[[Cursor], Awaitable[T]],
        retried: bool = False,
    ) -> T:
        """One autocommit statement on a pooled connection; `retried`: contention comes through."""
        started = time.perf_counter()
        try:
            connection = await self._pool.getconn()
            try:
                return await take(await connection.execute(sql, params))
            finally:
                await self._pool.putconn(connection)
        except (psycopg.OperationalError, PoolClosed) as error:
            if retried and isinstance(error, _CONTENTION):
                raise
            raise self._mapped(error) from error
        finally:
            _account(started)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction: commits at the end of the block, rolls back when it raises."""
        started = time.perf_counter()
        try:
            connection = await self._pool.getconn()
            try:
                async with connection.transaction():
                    yield connection
            finally:
                await self._pool.putconn(connection)
        except _CONTENTION:
            raise
        except (psycopg.OperationalError, PoolClosed) as error:
            raise self._mapped(error) from error
        finally:
            _account(started)

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """`work` in a transaction, from the start again on a deadlock or serialization failure.

        Raises:
            Overloaded: it failed so in each of 3 tries.
        """
        for attempt in range(TRANSACTION_TRIES):
            try:
                async with self.transaction() as connection:
                    return await work(connection)
            except _CONTENTION:
                await self._back_off(attempt)
        raise Overloaded("Too much contention on the same rows.")

    async def _back_off(self, attempt: int) -> None:
        self.contention_retries += 1
        await asyncio.sleep(random.uniform(0.005, 0.02) * (attempt + 1))

    async def alive(self) -> bool:
        """Whether the database answers, for readiness."""
        try:
            return await self.fetch_one("SELECT 1") is not None
        except ApiError:
            return False

    def _mapped(self, error: Exception) -> ApiError:
        match error:
            case TooManyRequests() | PoolTimeout():
                return Overloaded("No database connection became free in time.")
            case errors.QueryCanceled():
                return DeadlineExceeded("The database took too long.")
            case errors.SerializationFailure() | errors.DeadlockDetected():
                return Overloaded("Too much contention on the same rows.")
            case errors.TooManyConnections():
                return Overloaded("The database takes no more connections.")
            case _:
                self._sweep_stale()
                return DependencyUnavailable("The database is out of reach.")

    def _sweep_stale(self) -> None:
        """A lost connection is seldom alone: finds the others before requests do."""
        if self._sweep is None or self._sweep.done():
            self._sweep = asyncio.create_task(self._pool.check())


async def _row_count(cursor: Cursor) -> int:
    return cursor.rowcount


def _account(started: float) -> None:
    context = current_or_none()
    if context is not None:
        context.timings.db += time.perf_counter() - started


async def _write(connection: Connection, sql: str, params: Params, fault: str) -> list[Row]:
    rows = await (await connection.execute(sql, params)).fetchall()
    await maybe_fail(f"{fault}.before_commit")
    return rows
