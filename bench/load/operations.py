"""The operations the load sends and the check of every answer: status and shape.

A shape is a typed decode (1-3 us), so that every answer is checked in the load process itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

API_PREFIX = "/api/v1"
DEGRADED = "degraded"  # the reason for an overview without some of its parts


class Product(msgspec.Struct):
    id: str
    sku: str
    name: str
    description: str
    category: str
    price_cents: int
    available: int
    version: int


class ProductPage(msgspec.Struct):
    items: list[Product]
    next_cursor: str | None


class OrderLine(msgspec.Struct):
    product_id: str
    name: str | None
    unit_price_cents: int | None
    quantity: int


class Order(msgspec.Struct):
    id: str
    status: str
    reason: str | None
    items: list[OrderLine]
    total_cents: int | None
    payment_id: str | None
    created_at: str
    updated_at: str


class OrderPage(msgspec.Struct):
    items: list[Order]
    next_cursor: str | None


class Wallet(msgspec.Struct):
    balance_cents: int


class Profile(msgspec.Struct):
    id: str
    email: str
    full_name: str
    created_at: str


class Token(msgspec.Struct):
    access_token: str
    token_type: str
    expires_in: int


class Overview(msgspec.Struct):
    """A part is null if its component is named in `degraded`."""

    user: Profile | None
    wallet: Wallet | None
    recent_orders: list[Order] | None
    recommended: list[Product] | None
    degraded: list[str]

    @property
    def whole(self) -> bool:
        """Whether no part is missing."""
        parts = (self.user, self.wallet, self.recent_orders, self.recommended)
        return all(part is not None for part in parts)


class _Problem(msgspec.Struct):
    code: str = ""


@dataclass(frozen=True)
class Operation:
    """One operation of the contract: how it is sent and which answers it may get.

    `authorized`: sends the user's token. `keyed`: needs an Idempotency-Key. `route`: the path as
    the contract writes it, to find its schema.
    """

    name: str
    method: str
    route: str
    statuses: frozenset[int]
    answer: type[msgspec.Struct]
    authorized: bool = True
    keyed: bool = False


OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation(
            "product_read",
            "GET",
            "/api/v1/products/{product_id}",
            frozenset({200}),
            Product,
            authorized=False,
        ),
        Operation(
            "product_list",
            "GET",
            "/api/v1/products",
            frozenset({200}),
            ProductPage,
            authorized=False,
        ),
        Operation("wallet_read", "GET", "/api/v1/wallet", frozenset({200}), Wallet),
        Operation("profile_read", "GET", "/api/v1/users/me", frozenset({200}), Profile),
        Operation("order", "POST", "/api/v1/orders", frozenset({201, 202}), Order, keyed=True),
        Operation("order_read", "GET", "/api/v1/orders/{order_id}", frozenset({200}), Order),
        Operation("order_list", "GET", "/api/v1/orders", frozenset({200}), OrderPage),
        Operation(
            "order_cancel",
            "POST",
            "/api/v1/orders/{order_id}/cancellation",
            frozenset({200}),
            Order,
            keyed=True,
        ),
        Operation(
            "deposit", "POST", "/api/v1/wallet/deposits", frozenset({201}), Wallet, keyed=True
        ),
        Operation("overview", "GET", "/api/v1/account/overview", frozenset({200}), Overview),
        Operation(
            "login", "POST", "/api/v1/auth/tokens", frozenset({200}), Token, authorized=False
        ),
    )
}

_DECODERS = {name: msgspec.json.Decoder(operation.answer) for name, operation in OPERATIONS.items()}
_PROBLEM = msgspec.json.Decoder(_Problem)


def check_answer(
    operation: Operation, status: int, body: bytes
) -> tuple[str, msgspec.Struct | None]:
    """Judge an answer: ("", decoded) if it is right, else (short reason, None).

    Reasons are few on purpose: they are counted and stored as a dictionary column.
    """
    if status not in operation.statuses:
        return f"status {status} {_problem_code(body)}".rstrip(), None
    try:
        answer = _DECODERS[operation.name].decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return "shape", None
    if isinstance(answer, Overview) and answer.degraded:
        return DEGRADED, None
    if isinstance(answer, Overview) and not answer.whole:
        return "shape", None  # a part is missing and the shop does not say so
    return "", answer


def _problem_code(body: bytes) -> str:
    try:
        return _PROBLEM.decode(body).code
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
