"""A component's own PostgreSQL: a bounded pool, time accounted per request, errors mapped."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg import AsyncConnection, AsyncCursor, errors
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

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
RECONNECT_SECONDS = 4.0  # then the next request starts an attempt: no long back-off is waited out
TRIES = 3
_CONTENTION = (errors.SerializationFailure, errors.DeadlockDetected)


class Database:
    """The pool of one component in this process."""

    def __init__(self, name: str, url: str, settings: Settings) -> None:
        self.name = name
        self.contention_retries = 0
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
            timeout=settings.pool_timeout_ms / 1e3,
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
        """All rows of one statement that writes, with a commit of its own.

        Where fault points are armed, the statement runs in an explicit transaction instead: then
        `<fault>.before_commit` lies before its COMMIT, `<fault>.after_commit_before_reply` after.
        """
        if not fault or not armed():
            return await self.fetch_all(sql, params)

        async def work(connection: Connection) -> list[Row]:
            rows = await (await connection.execute(sql, params)).fetchall()
            await maybe_fail(f"{fault}.before_commit")
            return rows

        rows = await self.run(work)
        await maybe_fail(f"{fault}.after_commit_before_reply")
        return rows

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """`work` in a transaction: commits at its end, rolls back when it raises.

        Raises:
            Overloaded: see `_tried`.
        """

        async def once() -> T:
            async with self.transaction() as connection:
                return await work(connection)

        return await self._tried(once)

    async def _statement(
        self, sql: str, params: Params, take: Callable[[Cursor], Awaitable[T]]
    ) -> T:
        async def once() -> T:
            async with self._connection() as connection:
                return await take(await connection.execute(sql, params))

        return await self._tried(once)

    async def _tried(self, work: Callable[[], Awaitable[T]]) -> T:
        """`work`, from the start again on a deadlock or serialization failure.

        Raises:
            Overloaded: it failed so in each of 3 tries.
        """
        for attempt in range(TRIES):
            try:
                return await work()
            except _CONTENTION:
                self.contention_retries += 1
                await asyncio.sleep(random.uniform(0.005, 0.02) * (attempt + 1))
        raise Overloaded("Too much contention on the same rows.")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One try of a transaction."""
        async with self._connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        """A connection of the pool: what fails on it is mapped, its time accounted for."""
        started = time.perf_counter()
        try:
            connection = await self._pool.getconn()
            try:
                yield connection
            finally:
                await self._pool.putconn(connection)
        except _CONTENTION:
            raise
        except psycopg.OperationalError as error:
            raise self._mapped(error) from error
        finally:
            context = current_or_none()
            if context is not None:
                context.timings.db += time.perf_counter() - started

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
