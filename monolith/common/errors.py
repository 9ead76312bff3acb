"""The shop's error tree; its leaves are the codes of the contract (answers: see `problems`)."""

from collections.abc import Mapping
from typing import ClassVar

PROBLEM_BASE = "https://shopbench.example/problems/"
_BEARER = {"WWW-Authenticate": "Bearer"}
_COME_BACK = {"Retry-After": "1"}


class ShopError(Exception):
    """A problem a client is told about."""

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    headers: ClassVar[Mapping[str, str]]

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


def _leaf(
    code: str,
    status: int,
    title: str,
    kind: type[ShopError] = ShopError,
    headers: Mapping[str, str] | None = None,
) -> type[ShopError]:
    members = {"code": code, "status": status, "title": title, "headers": headers or {}}
    return type(code.title().replace("_", ""), (kind,), members)


MalformedJson = _leaf("malformed_json", 400, "Malformed JSON")
MissingIdempotencyKey = _leaf("missing_idempotency_key", 400, "Idempotency key missing")
InvalidIdempotencyKey = _leaf("invalid_idempotency_key", 400, "Idempotency key invalid")
Unauthenticated = _leaf("unauthenticated", 401, "Authentication required", headers=_BEARER)
InvalidCredentials = _leaf("invalid_credentials", 401, "Invalid credentials", headers=_BEARER)
InsufficientFunds = _leaf("insufficient_funds", 402, "Insufficient funds", BusinessError)
Forbidden = _leaf("forbidden", 403, "Forbidden")
NotFound = _leaf("not_found", 404, "Not found", BusinessError)
MethodNotAllowed = _leaf("method_not_allowed", 405, "Method not allowed")
EmailTaken = _leaf("email_taken", 409, "Email already taken", BusinessError)
SkuTaken = _leaf("sku_taken", 409, "SKU already taken", BusinessError)
OutOfStock = _leaf("out_of_stock", 409, "Out of stock", BusinessError)
NotCancellable = _leaf("not_cancellable", 409, "Order not cancellable", BusinessError)
RequestInProgress = _leaf("request_in_progress", 409, "Request in progress")
PayloadTooLarge = _leaf("payload_too_large", 413, "Payload too large")
UnsupportedMediaType = _leaf("unsupported_media_type", 415, "Unsupported media type")
ValidationFailed = _leaf("validation_failed", 422, "Validation failed")
UnknownProduct = _leaf("unknown_product", 422, "Unknown product", BusinessError)
IdempotencyKeyReused = _leaf("idempotency_key_reused", 422, "Idempotency key reused")
InternalError = _leaf("internal_error", 500, "Internal error")
DependencyUnavailable = _leaf(
    "dependency_unavailable", 503, "Dependency unavailable", headers=_COME_BACK
)
Overloaded = _leaf("overloaded", 503, "Overloaded", headers=_COME_BACK)
DeadlineExceeded = _leaf("deadline_exceeded", 504, "Deadline exceeded")
