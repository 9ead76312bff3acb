"""Buying and cancelling: the parts of one transaction, locked order -> stock by id -> wallet.

Both run inside `common.idempotency.run_keyed`, which owns the transaction and the key's record.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from monolith.common import errors, sql
from monolith.common.faults import hit
from monolith.common.idempotency import Answer, answer_of, refusal
from monolith.inventory import services as inventory
from monolith.orders.pricing import OrderLine, WantedLine, price_lines, quantities_of, total_of
from monolith.orders.selectors import ORDER_OF_USER, order_view
from monolith.payments import services as payments

INSERT = """
WITH placed AS (
  INSERT INTO orders (id, user_id, status, reason, total_cents, payment_id, idempotency_key,
    created_at, updated_at)
  VALUES (%(order)s, %(user)s, %(status)s, %(reason)s, %(total)s, %(payment)s::uuid, %(key)s,
    %(now)s, %(now)s)
)
INSERT INTO order_lines (order_id, position, product_id, name, unit_price_cents, quantity)
SELECT %(order)s, line.ordinality - 1, line.product_id, line.name, line.price, line.quantity
FROM unnest(%(products)s::uuid[], %(names)s::text[], %(prices)s::bigint[], %(quantities)s::bigint[])
  WITH ORDINALITY AS line (product_id, name, price, quantity, ordinality)
"""

LOCK = f"{ORDER_OF_USER} FOR NO KEY UPDATE OF o"

CANCEL = "UPDATE orders SET status = 'cancelled', updated_at = %s WHERE id = %s"


class _Refused(Exception):
    """Leaves the savepoint of stock and payment, with what the rejected order is stored as."""

    def __init__(self, error: errors.BusinessError, lines: tuple[OrderLine, ...]) -> None:
        super().__init__()
        self.error = error
        self.lines = lines


def order_place(*, user_id: UUID, wanted: Sequence[WantedLine], key: str) -> Answer:
    """Sell and charge, or store the order as rejected. Raises UnknownProduct: nothing is stored."""
    order_id = uuid.uuid4()
    try:
        with transaction.atomic():
            lines, payment_id = _sell_and_charge(order_id, user_id, wanted)
        return _confirm(order_id, user_id, lines, payment_id, key)
    except _Refused as refused:
        hit("inventory.release.before_commit")
        hit("inventory.release.after_commit_before_reply")
        return _reject(order_id, user_id, refused, key)


def _sell_and_charge(
    order_id: UUID, user_id: UUID, wanted: Sequence[WantedLine]
) -> tuple[tuple[OrderLine, ...], UUID]:
    try:
        offers = inventory.stock_take(quantities=quantities_of(wanted))
    except inventory.StockTooLow as short:
        hit("inventory.release.before_send")
        raise _Refused(errors.OutOfStock(), price_lines(wanted, short.offers)) from None
    lines = price_lines(wanted, offers)
    try:
        payment_id = payments.charge(
            order_id=order_id, user_id=user_id, amount_cents=total_of(lines)
        )
    except errors.InsufficientFunds as error:
        hit("inventory.release.before_send")
        raise _Refused(error, lines) from None
    return lines, payment_id


def _confirm(
    order_id: UUID, user_id: UUID, lines: tuple[OrderLine, ...], payment_id: UUID, key: str
) -> Answer:
    order = _insert(order_id, user_id, lines, key, payment_id=payment_id)
    hit("orders.place.before_commit")
    hit("orders.confirm.before_commit")
    return answer_of(order, 201, order_id)


def _reject(order_id: UUID, user_id: UUID, refused: _Refused, key: str) -> Answer:
    _insert(order_id, user_id, refused.lines, key, reason=refused.error.code)
    hit("orders.place.before_commit")
    hit("orders.reject.before_commit")
    return refusal(refused.error, order_id)


def order_replied(*, status: int) -> None:
    """The fault points that lie between the one commit and the answer."""
    hit("orders.place.after_commit_before_reply")
    hit(f"orders.{'confirm' if status < 400 else 'reject'}.after_commit_before_reply")


def order_cancel(*, order_id: UUID, user_id: UUID) -> Answer:
    """Take the stock back, refund, cancel. Raises NotFound, NotCancellable."""
    row = sql.fetch_one(LOCK, (order_id, user_id))
    if row is None:
        raise errors.NotFound
    order = order_view(row)
    if order["status"] != "confirmed":
        raise errors.NotCancellable
    hit("orders.request_cancellation.before_commit")
    inventory.stock_return(quantities=_quantities(order))
    payments.refund(order_id=order_id, user_id=user_id, amount_cents=order["total_cents"])
    cancelled_at = datetime.now(UTC)
    sql.execute(CANCEL, (cancelled_at, order_id))
    hit("orders.cancel.before_commit")
    return answer_of(
        order_view((order_id, "cancelled", *row[2:6], cancelled_at, row[7])), 200, order_id
    )


def cancellation_replied() -> None:
    """The fault points that lie between the one commit and the answer."""
    hit("orders.request_cancellation.after_commit_before_reply")
    hit("orders.cancel.after_commit_before_reply")


def _quantities(order: dict[str, Any]) -> dict[UUID, int]:
    return {UUID(item["product_id"]): item["quantity"] for item in order["items"]}


def _insert(
    order_id: UUID,
    user_id: UUID,
    lines: tuple[OrderLine, ...],
    key: str,
    *,
    payment_id: UUID | None = None,
    reason: str | None = None,
) -> dict[str, Any]:
    """Write order and lines in one statement; the order as the contract shows it."""
    now = datetime.now(UTC)
    status = "rejected" if reason else "confirmed"
    total_cents = total_of(lines)
    sql.execute(
        INSERT,
        {
            "order": order_id,
            "user": user_id,
            "status": status,
            "reason": reason,
            "total": sql.Int8(total_cents),
            "payment": payment_id,
            "key": key,
            "now": now,
            "products": [line.product_id for line in lines],
            "names": [line.name for line in lines],
            "prices": sql.bigints(line.unit_price_cents for line in lines),
            "quantities": sql.bigints(line.quantity for line in lines),
        },
    )
    items = [
        {
            "product_id": str(line.product_id),
            "name": line.name,
            "unit_price_cents": line.unit_price_cents,
            "quantity": line.quantity,
        }
        for line in lines
    ]
    return order_view((order_id, status, reason, total_cents, payment_id, now, now, items))
