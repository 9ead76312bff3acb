"""Idempotency keys in the component's own database, recorded in one commit with the effect.

Whoever holds the advisory lock of a key works on it; nobody waits for the unique index. Answers of
the business stage are recorded and replayed, status and body; everything else never is.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from microservices.chassis.context import Context
from microservices.chassis.database import Connection, Database
from microservices.chassis.errors import ApiError, IdempotencyKeyReused, RequestInProgress
from microservices.chassis.faults import maybe_fail
from microservices.chassis.operations import Reply, reply_of_error

RACES = 3
PURGE_ROWS = 10_000
_LOOK_UP = """
SELECT pg_try_advisory_xact_lock(%s), k.fingerprint, k.status, k.response, k.resource_id::text
FROM (SELECT) AS one LEFT JOIN idempotency_keys k
  ON k.user_id = %s AND k.method = %s AND k.path = %s AND k.key = %s
 AND k.created_at > now() - interval '24 hours'"""
_INSERT = """
INSERT INTO idempotency_keys AS k
  (user_id, method, path, key, fingerprint, status, response, resource_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (user_id, method, path, key) DO UPDATE
SET fingerprint = excluded.fingerprint, status = excluded.status, response = excluded.response,
    resource_id = excluded.resource_id, created_at = now()
WHERE k.created_at <= now() - interval '24 hours'"""
_PURGE = """
DELETE FROM idempotency_keys WHERE ctid IN (
  SELECT ctid FROM idempotency_keys WHERE created_at <= now() - interval '24 hours' LIMIT %s)"""

Business: TypeAlias = Callable[[Connection], Awaitable[tuple[Struct, str | None]]]


class KeyRaced(Exception):
    """Another request recorded the same key between our look and our insert: start again."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is known of a key: nothing, a running request (`pending`), or a recorded answer."""

    known: bool
    resource_id: str | None
    reply: Reply | None

    @property
    def pending(self) -> bool:
        return self.known and self.reply is None


def fingerprint(body: Any) -> str:
    """SHA-256 of the validated body as JSON with sorted keys, in hexadecimal digits."""
    return hashlib.sha256(msgspec.json.encode(body, order="sorted")).hexdigest()


def _lock_number(ctx: Context) -> int:
    scope = f"{ctx.user_id}\n{ctx.method}\n{ctx.path}\n{ctx.idempotency_key}"
    digest = hashlib.blake2b(scope.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


async def claim(connection: Connection, ctx: Context) -> Claim:
    """Takes the key's lock until the end of the transaction and looks the key up.

    The look and the lock are one statement, so its snapshot may be older than the lock: `insert`
    notices a record that was committed in between.

    Raises:
        RequestInProgress: another transaction holds the lock, and no answer stands yet.
        IdempotencyKeyReused: the key was used with another body.
    """
    scope = (ctx.user_id, ctx.method, ctx.path, ctx.idempotency_key)
    cursor = await connection.execute(_LOOK_UP, (_lock_number(ctx), *scope))
    row = await cursor.fetchone()
    assert row is not None  # a left join from one row
    locked, known, status, response, resource_id = row
    if known is not None and known != fingerprint(ctx.body):
        message = "was used with another body"
        raise IdempotencyKeyReused(errors=[("Idempotency-Key", message)])
    # An answer that stands is replayed even while another replay holds the lock.
    if not locked and response is None:
        raise RequestInProgress("A request with this Idempotency-Key is still running.")
    if known is None:
        return Claim(known=False, resource_id=None, reply=None)
    reply = None if response is None else Reply(status, bytes(response))
    return Claim(known=True, resource_id=resource_id, reply=reply)


async def insert(
    connection: Connection, ctx: Context, resource_id: str | None, reply: Reply | None
) -> None:
    """Records the key: with its answer, or (`reply` None) as still running.

    Raises:
        KeyRaced: somebody else recorded it first; the transaction must be rolled back.
    """
    status, body = (None, None) if reply is None else (reply.status, reply.body)
    scope = (ctx.user_id, ctx.method, ctx.path, ctx.idempotency_key)
    values = (*scope, fingerprint(ctx.body), status, body, resource_id)
    cursor = await connection.execute(_INSERT, values)
    if cursor.rowcount == 0:
        raise KeyRaced


async def run_once(
    database: Database, ctx: Context, business: Business, status: int = 201, fault: str = ""
) -> Reply:
    """An operation of one transaction under its key: lock, look up, business, record, commit.

    A recorded error of `business` is rolled back and then recorded in a transaction of its own,
    which keeps a savepoint out of the usual path.

    Raises:
        RequestInProgress, IdempotencyKeyReused: see `claim`.
        ApiError: whatever `business` raises that is not recorded.
    """
    attempt = partial(_attempt, ctx=ctx, business=business, status=status, fault=fault)
    for _ in range(RACES):
        try:
            reply = await _recorded(database, ctx, attempt)
        except KeyRaced:
            continue
        if fault:
            await maybe_fail(f"{fault}.after_commit_before_reply")
        return reply
    raise RequestInProgress("A request with this Idempotency-Key is still running.")


async def _recorded(
    database: Database, ctx: Context, attempt: Callable[[Connection], Awaitable[Reply]]
) -> Reply:
    try:
        return await database.run(attempt)
    except ApiError as error:
        if not error.recorded:
            raise
        return await database.run(partial(_record, ctx=ctx, refusal=reply_of_error(error)))


async def _attempt(
    connection: Connection, ctx: Context, business: Business, status: int, fault: str
) -> Reply:
    found = await claim(connection, ctx)
    if found.reply is not None:
        return found.reply
    if found.pending:
        raise RequestInProgress("A request with this Idempotency-Key is still running.")
    answer, resource_id = await business(connection)
    reply = Reply.of(status, answer)
    await insert(connection, ctx, resource_id, reply)
    if fault:
        await maybe_fail(f"{fault}.before_commit")
    return reply


async def _record(connection: Connection, ctx: Context, refusal: Reply) -> Reply:
    """Records a refusal, unless there is an earlier answer."""
    found = await claim(connection, ctx)
    if found.reply is not None:
        return found.reply
    await insert(connection, ctx, None, refusal)
    return refusal


async def purge(database: Database) -> None:
    """Deletes records older than 24 hours, in bounded batches."""
    while await database.execute(_PURGE, (PURGE_ROWS,)) == PURGE_ROWS:
        pass
