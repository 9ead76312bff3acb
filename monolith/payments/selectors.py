"""Reads of wallets and payments."""

from typing import Any
from uuid import UUID

from monolith.common import sql
from monolith.common.rendering import to_time

WALLET_BALANCE = "SELECT balance_cents FROM wallets WHERE user_id = %s"

PAYMENT_OF_USER = """
SELECT id, order_id, amount_cents, status, created_at FROM payments
WHERE id = %s AND user_id = %s
"""


def wallet_get(*, user_id: UUID) -> dict[str, Any]:
    """A wallet that was never used is empty."""
    row = sql.fetch_one(WALLET_BALANCE, (user_id,))
    return wallet_view(row[0] if row else None)


def payment_get(*, payment_id: UUID, user_id: UUID) -> dict[str, Any] | None:
    """A payment of this user; somebody else's is none."""
    row = sql.fetch_one(PAYMENT_OF_USER, (payment_id, user_id))
    if row is None:
        return None
    found_id, order_id, amount_cents, status, created_at = row
    return {
        "id": str(found_id),
        "order_id": str(order_id),
        "amount_cents": amount_cents,
        "status": status,
        "created_at": to_time(created_at),
    }


def wallet_view(balance_cents: int | None) -> dict[str, Any]:
    return {"balance_cents": balance_cents or 0}
