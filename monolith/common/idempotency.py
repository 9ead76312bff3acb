"""Idempotent operations: one transaction holds the key, the work and the recorded answer."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from monolith.common import errors
from monolith.common.models import IdempotencyKey
from monolith.common.problems import PROBLEM
from monolith.common.transactions import run_transaction

_is_key = re.compile(r"[!-~]([ -~]{0,253}[!-~])?").fullmatch


@dataclass(frozen=True)
class KeyedRequest:
    user_id: UUID
    method: str
    path: str
    key: str
    fingerprint: str

    @property
    def scope(self) -> dict[str, Any]:
        """What a key belongs to."""
        return {"user_id": self.user_id, "method": self.method, "path": self.path, "key": self.key}

    @property
    def lock(self) -> int:
        scope = "\0".join(map(str, self.scope.values()))
        digest = hashlib.blake2b(scope.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big", signed=True)


@dataclass(frozen=True)
class Answer:
    """An answer of the business stage: recorded, and rendered alike each time it is sent."""

    status: int
    data: Any
    resource_id: UUID | None = None

    def response(self) -> Response:
        kind = PROBLEM if self.status >= 400 else None
        return Response(self.data, self.status, content_type=kind)


def refusal(error: errors.ShopError, resource_id: UUID | None = None) -> Answer:
    """An error as an answer that is committed with what the transaction has written."""
    return Answer(error.status, error.body(), resource_id)


def fingerprint_of(validated_body: Any) -> str:
    canonical = json.dumps(
        validated_body, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=str
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def read_key(headers: Mapping[str, Any]) -> str:
    """The request's key. Raises MissingIdempotencyKey, InvalidIdempotencyKey."""
    key = headers.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        raise errors.MissingIdempotencyKey
    if not _is_key(key):
        raise errors.InvalidIdempotencyKey("One value of 1 to 255 printable ASCII characters")
    return str(key)


def run_keyed(request: KeyedRequest, work: Callable[[], Answer]) -> Response:
    """Answer from the record, or do the work and record its answer, in one transaction.

    A BusinessError that `work` raises is recorded too, with whatever it has written by then.
    Raises RequestInProgress, and IdempotencyKeyReused where the key stands for another body.
    """
    return run_transaction(lambda: _recorded(request) or _work(request, work)).response()


def _recorded(request: KeyedRequest) -> Answer | None:
    # The lock comes first: who gets it sees every record that was committed under it, and who does
    # not get it is told so instead of waiting on the unique index.
    granted = try_lock(request.lock)
    record = IdempotencyKey.objects.kept().filter(**request.scope).first()
    if record is not None:
        if record.fingerprint != request.fingerprint:
            raise errors.IdempotencyKeyReused(
                field="Idempotency-Key", message="was used with another body"
            )
        return Answer(record.status, json.loads(record.body))
    if not granted:
        raise errors.RequestInProgress
    return None


def try_lock(number: int) -> bool:
    """Hold an advisory lock until the transaction ends, unless somebody has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        return bool(cursor.fetchone()[0])


def _work(request: KeyedRequest, work: Callable[[], Answer]) -> Answer:
    try:
        answer = work()
    except errors.BusinessError as error:
        answer = refusal(error)
    IdempotencyKey.objects.record(
        IdempotencyKey(
            **request.scope,
            fingerprint=request.fingerprint,
            status=answer.status,
            body=JSONRenderer().render(answer.data).decode(),
            resource_id=answer.resource_id,
        )
    )
    return answer
