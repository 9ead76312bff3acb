"""The one error tree: raised in the core, turned into problem+json by one middleware.

Components add the leaves that name their own business answers; a leaf carries its code, status and
title, and whether it is an answer of the business stage, which an idempotency key records.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

PROBLEM_TYPES = "https://shopbench.example/problems/"
PROBLEM_JSON = "application/problem+json"


class ApiError(Exception):
    """An answer other than success; `errors` holds (field, message) pairs, in each 422."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    recorded: ClassVar[bool] = False

    def __init__(self, detail: str = "", *, errors: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = tuple(errors)


class InternalError(ApiError):
    """Nobody's fault but ours; the body tells nothing of the inside."""


class MalformedJson(ApiError):
    code, status, title = "malformed_json", 400, "Malformed JSON"


class MissingIdempotencyKey(ApiError):
    code, status, title = "missing_idempotency_key", 400, "Idempotency key missing"


class InvalidIdempotencyKey(ApiError):
    code, status, title = "invalid_idempotency_key", 400, "Idempotency key invalid"


class Unauthenticated(ApiError):
    code, status, title = "unauthenticated", 401, "Authentication required"


class Forbidden(ApiError):
    code, status, title = "forbidden", 403, "Forbidden"


class NotFound(ApiError):
    code, status, title, recorded = "not_found", 404, "Not found", True


class MethodNotAllowed(ApiError):
    code, status, title = "method_not_allowed", 405, "Method not allowed"


class RequestInProgress(ApiError):
    code, status, title = "request_in_progress", 409, "Request in progress"


class PayloadTooLarge(ApiError):
    code, status, title = "payload_too_large", 413, "Payload too large"


class UnsupportedMediaType(ApiError):
    code, status, title = "unsupported_media_type", 415, "Unsupported media type"


class ValidationFailed(ApiError):
    code, status, title = "validation_failed", 422, "Validation failed"


class IdempotencyKeyReused(ApiError):
    code, status, title = "idempotency_key_reused", 422, "Idempotency key reused"


class DependencyUnavailable(ApiError):
    code, status, title = "dependency_unavailable", 503, "Dependency unavailable"


class Overloaded(ApiError):
    code, status, title = "overloaded", 503, "Overloaded"


class DeadlineExceeded(ApiError):
    code, status, title = "deadline_exceeded", 504, "Deadline exceeded"


def invalid(field: str, message: str) -> ValidationFailed:
    """One offending field as a 422."""
    return ValidationFailed(f"{field}: {message}", errors=[(field, message)])


def problem(error: ApiError) -> dict[str, Any]:
    """The RFC 9457 members of an error."""
    members: dict[str, Any] = {
        "type": PROBLEM_TYPES + error.code.replace("_", "-"),
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
    }
    if error.errors:
        members["errors"] = [{"field": field, "message": text} for field, text in error.errors]
    return members


def problem_body(error: ApiError) -> bytes:
    """The problem as JSON."""
    return msgspec.json.encode(problem(error))


def problem_headers(error: ApiError) -> dict[str, str]:
    """Headers that belong to the status itself: every 503 says when to come back."""
    if error.status == 503:
        return {"Retry-After": "1"}
    if error.status == 401:
        return {"WWW-Authenticate": "Bearer"}
    return {}
