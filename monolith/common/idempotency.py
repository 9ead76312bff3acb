"""Idempotent operations: one transaction holds the key, the work and the recorded answer.

`run_keyed` is called by every operation that takes an Idempotency-Key.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpResponse

from monolith.common import errors, sql
from monolith.common.rendering import to_canonical_json, to_json
from monolith.common.responses import raw_response
from monolith.common.transactions import Again, run_transaction

_KEY = re.compile(r"[!-~]([ -~]{0,253}[!-~])?")

# The lock comes first, so that nobody waits on the unique index: who does not get it is told so.
# A record that was committed between this statement's snapshot and its lock is found on storing.
CLAIM = """
WITH claim AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(%s) AS granted)
SELECT claim.granted, k.fingerprint, k.status, k.body
FROM claim
LEFT JOIN idempotency_keys k
  ON k.user_id = %s AND k.method = %s AND k.path = %s AND k.key = %s
  AND k.created_at > now() - interval '24 hours'
"""

STORE = """
INSERT INTO idempotency_keys AS k
  (user_id, method, path, key, fingerprint, status, body, resource_id, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, now())
ON CONFLICT (user_id, method, path, key) DO UPDATE
  SET fingerprint = excluded.fingerprint, status = excluded.status, body = excluded.body,
      resource_id = excluded.resource_id, created_at = excluded.created_at
  WHERE k.created_at <= now() - interval '24 hours'
"""


@dataclass(frozen=True)
class KeyedRequest:
    user_id: UUID
    method: str
    path: str
    key: str
    fingerprint: str

    @property
    def scope(self) -> tuple[UUID, str, str, str]:
        return self.user_id, self.method, self.path, self.key

    @property
    def lock(self) -> int:
        digest = hashlib.blake2b("\0".join(map(str, self.scope)).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big", signed=True)


@dataclass(frozen=True)
class Answer:
    """An answer of the business stage, rendered once: stored and sent are the same bytes."""

    status: int
    body: str
    resource_id: UUID | None = None


def answer_of(value: object, status: int, resource_id: UUID | None = None) -> Answer:
    return Answer(status, to_json(value), resource_id)


def refusal(error: errors.BusinessError, resource_id: UUID | None = None) -> Answer:
    """An error as an answer that is committed with what the transaction has written."""
    return Answer(error.status, to_json(error.body()), resource_id)


def fingerprint_of(validated_body: Any) -> str:
    return hashlib.sha256(to_canonical_json(validated_body).encode()).hexdigest()


def read_key(headers: Mapping[str, Any]) -> str:
    """The request's key. Raises MissingIdempotencyKey, InvalidIdempotencyKey."""
    key = headers.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        raise errors.MissingIdempotencyKey
    if not _KEY.fullmatch(key):
        raise errors.InvalidIdempotencyKey("One value of 1 to 255 printable ASCII characters")
    return str(key)


def run_keyed(request: KeyedRequest, work: Callable[[], Answer]) -> HttpResponse:
    """Answer from the record, or do the work and record its answer, in one transaction.

    A BusinessError that `work` raises is recorded too, with whatever it has written by then.

    Raises:
        RequestInProgress: the same request is still running.
        IdempotencyKeyReused: the key stands for another body.
    """
    answer = run_transaction(lambda: _recorded(request) or _work(request, work))
    return raw_response(answer.body.encode(), answer.status)


def _recorded(request: KeyedRequest) -> Answer | None:
    row = sql.fetch_one(CLAIM, (sql.Int8(request.lock), *request.scope))
    granted, fingerprint, status, body = row or (False, None, None, None)
    if fingerprint is not None:
        if fingerprint != request.fingerprint:
            raise errors.IdempotencyKeyReused(
                field="Idempotency-Key", message="was used with another body"
            )
        return Answer(status, body)
    if not granted:
        raise errors.RequestInProgress
    return None


def _work(request: KeyedRequest, work: Callable[[], Answer]) -> Answer:
    try:
        answer = work()
    except errors.BusinessError as error:
        answer = refusal(error)
    stored = sql.execute(
        STORE,
        (
            *request.scope,
            request.fingerprint,
            sql.Int8(answer.status),
            answer.body,
            answer.resource_id,
        ),
    )
    if not stored:
        raise Again
    return answer


def expire_keys() -> int:
    """Delete the records nobody may replay any more; how many there were."""
    return sql.execute(
        "DELETE FROM idempotency_keys WHERE created_at <= now() - interval '24 hours'"
    )
