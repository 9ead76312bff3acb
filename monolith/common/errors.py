"""The shop's error tree: raised in services and checks, turned into problem+json in `problems`.

Leaves are the codes of the public contract; `title` and the type are fixed for each code.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

PROBLEM_BASE = "https://shopbench.example/problems/"
_BEARER = MappingProxyType({"WWW-Authenticate": "Bearer"})
_COME_BACK = MappingProxyType({"Retry-After": "1"})


class ShopError(Exception):
    """A problem a client is told about."""

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    headers: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def __init__(self, detail: str = "", *, field: str = "", message: str = "") -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.field = field
        self.message = message or self.detail

    def body(self) -> dict[str, object]:
        """The members of the problem, `errors` with 422 and only there."""
        problem: dict[str, object] = {
            "type": PROBLEM_BASE + self.code.replace("_", "-"),
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.status == 422:
            problem["errors"] = [{"field": self.field, "message": self.message}]
        return problem


class BusinessError(ShopError):
    """An answer of the business stage: recorded with its idempotency key and replayed."""


class MalformedJson(ShopError):
    code, status, title = "malformed_json", 400, "Malformed JSON"


class MissingIdempotencyKey(ShopError):
    code, status, title = "missing_idempotency_key", 400, "Idempotency key missing"


class InvalidIdempotencyKey(ShopError):
    code, status, title = "invalid_idempotency_key", 400, "Idempotency key invalid"


class Unauthenticated(ShopError):
    code, status, title = "unauthenticated", 401, "Authentication required"
    headers = _BEARER


class InvalidCredentials(ShopError):
    code, status, title = "invalid_credentials", 401, "Invalid credentials"
    headers = _BEARER


class InsufficientFunds(BusinessError):
    code, status, title = "insufficient_funds", 402, "Insufficient funds"


class Forbidden(ShopError):
    code, status, title = "forbidden", 403, "Forbidden"


class NotFound(BusinessError):
    code, status, title = "not_found", 404, "Not found"


class MethodNotAllowed(ShopError):
    code, status, title = "method_not_allowed", 405, "Method not allowed"


class EmailTaken(BusinessError):
    code, status, title = "email_taken", 409, "Email already taken"


class SkuTaken(BusinessError):
    code, status, title = "sku_taken", 409, "SKU already taken"


class OutOfStock(BusinessError):
    code, status, title = "out_of_stock", 409, "Out of stock"


class NotCancellable(BusinessError):
    code, status, title = "not_cancellable", 409, "Order not cancellable"


class RequestInProgress(ShopError):
    code, status, title = "request_in_progress", 409, "Request in progress"


class PayloadTooLarge(ShopError):
    code, status, title = "payload_too_large", 413, "Payload too large"


class UnsupportedMediaType(ShopError):
    code, status, title = "unsupported_media_type", 415, "Unsupported media type"


class ValidationFailed(ShopError):
    code, status, title = "validation_failed", 422, "Validation failed"


class UnknownProduct(BusinessError):
    code, status, title = "unknown_product", 422, "Unknown product"


class IdempotencyKeyReused(ShopError):
    code, status, title = "idempotency_key_reused", 422, "Idempotency key reused"


class InternalError(ShopError):
    code, status, title = "internal_error", 500, "Internal error"


class DependencyUnavailable(ShopError):
    code, status, title = "dependency_unavailable", 503, "Dependency unavailable"
    headers = _COME_BACK


class Overloaded(ShopError):
    code, status, title = "overloaded", 503, "Overloaded"
    headers = _COME_BACK


class DeadlineExceeded(ShopError):
    code, status, title = "deadline_exceeded", 504, "Deadline exceeded"
