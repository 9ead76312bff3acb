"""Reads of orders; each order comes with its lines in one statement."""

from datetime import datetime
from typing import Any
from uuid import UUID

from monolith.common import pages, sql
from monolith.common.rendering import to_time

SORT = "newest"

ORDER_COLUMNS = """o.id, o.status, o.reason, o.total_cents, o.payment_id,
  o.created_at, o.updated_at,
  (SELECT json_agg(json_build_object('product_id', l.product_id, 'name', l.name,
      'unit_price_cents', l.unit_price_cents, 'quantity', l.quantity) ORDER BY l.position)
   FROM order_lines l WHERE l.order_id = o.id) AS items"""

ORDER_OF_USER = f"SELECT {ORDER_COLUMNS} FROM orders o WHERE o.id = %s AND o.user_id = %s"

ORDERS_OF_USER = f"""
SELECT {ORDER_COLUMNS} FROM orders o WHERE o.user_id = %(user)s
ORDER BY o.created_at DESC, o.id DESC LIMIT %(limit)s
"""

ORDERS_OF_USER_AFTER = f"""
SELECT {ORDER_COLUMNS} FROM orders o
WHERE o.user_id = %(user)s AND (o.created_at, o.id) < (%(last)s, %(id)s::uuid)
ORDER BY o.created_at DESC, o.id DESC LIMIT %(limit)s
"""


def order_get(*, order_id: UUID, user_id: UUID) -> dict[str, Any] | None:
    """An order of this user; somebody else's is none."""
    row = sql.fetch_one(ORDER_OF_USER, (order_id, user_id))
    return row and order_view(row)


def order_list(
    *, user_id: UUID, limit: int = pages.DEFAULT_LIMIT, cursor: str | None = None
) -> dict[str, Any]:
    """One page of a user's orders, newest first. Raises ValidationFailed for a broken cursor."""
    parameters: dict[str, Any] = {"user": user_id, "limit": sql.Int8(limit + 1)}
    statement = ORDERS_OF_USER
    if cursor is not None:
        after = pages.decode_cursor(cursor, SORT, datetime)
        parameters |= {"last": after.last, "id": after.id}
        statement = ORDERS_OF_USER_AFTER
    return pages.page(
        [order_view(row) for row in sql.fetch_all(statement, parameters)],
        limit,
        lambda last: pages.encode_cursor(SORT, last["created_at"], last["id"]),
    )


def order_view(row: sql.Row) -> dict[str, Any]:
    """A row of `ORDER_COLUMNS` as the contract shows it."""
    order_id, status, reason, total_cents, payment_id, created_at, updated_at, items = row
    return {
        "id": str(order_id),
        "status": status,
        "reason": reason,
        "items": items,
        "total_cents": total_cents,
        "payment_id": payment_id and str(payment_id),
        "created_at": to_time(created_at),
        "updated_at": to_time(updated_at),
    }
