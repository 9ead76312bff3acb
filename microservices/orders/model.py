"""An order as the saga knows it: frozen values and pure transitions.

`saga` moves orders along these transitions, `repository` stores them, `views` shows them.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

Status = Literal["pending", "compensating", "confirmed", "rejected", "cancelled"]
Reason = Literal["out_of_stock", "insufficient_funds", "unknown_product", "dependency_unavailable"]
Topic = Literal["inventory.settle", "inventory.release", "payments.refund"]


class Line(Struct, frozen=True):
    """One line; name and price are those of the reservation, None before it."""

    product_id: str
    name: str | None
    unit_price_cents: int | None
    quantity: int


class Quote(Struct, frozen=True):
    """What inventory says a product is called and costs."""

    name: str
    unit_price_cents: int


class Order(Struct, frozen=True, kw_only=True):
    """`attempt` is the fencing number of the driver that holds this copy."""

    id: str
    user_id: str
    status: Status
    reason: Reason | None = None
    lines: tuple[Line, ...]
    total_cents: int | None = None
    payment_id: str | None = None
    idempotency_key: str
    cancellation_key: str | None = None
    attempt: int = 1
    created_at: datetime
    updated_at: datetime

    @property
    def by_request(self) -> bool:
        """Whether the request that placed it drives it still, and will answer its client."""
        return self.attempt == 1


def priced(order: Order, quotes: Mapping[str, Quote]) -> Order:
    """The order with names and prices; with a total if every line has a quote."""
    lines = tuple(_priced_line(line, quotes.get(line.product_id)) for line in order.lines)
    return replace(order, lines=lines, total_cents=total_cents(lines))


def total_cents(lines: tuple[Line, ...]) -> int | None:
    """Sum of quantity times price; None while a price is unknown."""
    total = 0
    for line in lines:
        if line.unit_price_cents is None:
            return None
        total += line.quantity * line.unit_price_cents
    return total


def confirmed(order: Order, payment_id: str, now: datetime) -> Order:
    return replace(order, status="confirmed", payment_id=payment_id, updated_at=_after(order, now))


def refused(order: Order, reason: Reason, now: datetime) -> Order:
    return replace(order, status="compensating", reason=reason, updated_at=_after(order, now))


def rejected(order: Order, now: datetime) -> Order:
    return replace(order, status="rejected", updated_at=_after(order, now))


def cancelled(order: Order, now: datetime) -> Order:
    return replace(order, status="cancelled", updated_at=_after(order, now))


def _priced_line(line: Line, quote: Quote | None) -> Line:
    if quote is None:
        return line
    return Line(line.product_id, quote.name, quote.unit_price_cents, line.quantity)


def _after(order: Order, now: datetime) -> datetime:
    # A clock set back must not break the order of times.
    return max(now, order.updated_at)
