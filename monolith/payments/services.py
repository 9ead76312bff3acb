"""Writes of money: each moves the wallet and writes the transfer's two entries in one statement.

`charge` and `refund` run inside the transaction of an order.
"""

import uuid
from uuid import UUID

from monolith.common import errors, sql
from monolith.common.faults import hit
from monolith.common.idempotency import Answer, answer_of
from monolith.payments.ledger import Kind, legs_of
from monolith.payments.selectors import wallet_view

_BOOK = """, transfer AS (
  INSERT INTO ledger_transfers (id, kind, order_id, created_at)
  SELECT %(transfer)s, %(kind)s, %(order)s::uuid, now() FROM moved
), entries AS (
  INSERT INTO ledger_entries (transfer_id, account, amount_cents)
  SELECT %(transfer)s, leg.account, leg.sign * %(amount)s
  FROM moved, (VALUES (%(debit)s, -1), (%(credit)s, 1)) AS leg (account, sign)
)"""

DEPOSIT = f"""
WITH moved AS (
  INSERT INTO wallets AS w (user_id, balance_cents) VALUES (%(user)s, %(amount)s)
  ON CONFLICT (user_id) DO UPDATE SET balance_cents = w.balance_cents + excluded.balance_cents
  RETURNING balance_cents
){_BOOK}
SELECT balance_cents FROM moved
"""

CHARGE = f"""
WITH moved AS (
  UPDATE wallets SET balance_cents = balance_cents - %(amount)s
  WHERE user_id = %(user)s AND balance_cents >= %(amount)s
  RETURNING user_id
), payment AS (
  INSERT INTO payments (id, order_id, user_id, amount_cents, status, created_at)
  SELECT %(payment)s, %(order)s::uuid, user_id, %(amount)s, 'captured', now() FROM moved
){_BOOK}
SELECT user_id FROM moved
"""

REFUND = f"""
WITH refunded AS (
  UPDATE payments SET status = 'refunded'
  WHERE order_id = %(order)s::uuid AND status = 'captured'
  RETURNING user_id
), moved AS (
  UPDATE wallets w SET balance_cents = balance_cents + %(amount)s
  FROM refunded r WHERE w.user_id = r.user_id
  RETURNING w.user_id
){_BOOK}
SELECT user_id FROM moved
"""


def wallet_deposit(*, user_id: UUID, amount_cents: int) -> Answer:
    """Put money in the wallet."""
    parameters = _booking("deposit", user_id, amount_cents, None)
    row = sql.fetch_one(DEPOSIT, parameters)
    hit("payments.deposit.before_commit")
    return answer_of(wallet_view(row and row[0]), 201, parameters["transfer"])


def charge(*, order_id: UUID, user_id: UUID, amount_cents: int) -> UUID:
    """Capture the total of an order; the payment's id. Raises InsufficientFunds."""
    hit("payments.operation")
    hit("payments.charge.before_send")
    payment_id = uuid.uuid4()
    parameters = _booking("capture", user_id, amount_cents, order_id)
    if sql.fetch_one(CHARGE, {**parameters, "payment": payment_id}) is None:
        raise errors.InsufficientFunds
    hit("payments.charge.before_commit")
    hit("payments.charge.after_commit_before_reply")
    return payment_id


def refund(*, order_id: UUID, user_id: UUID, amount_cents: int) -> None:
    """Give the money of an order back."""
    hit("payments.operation")
    hit("payments.refund.before_send")
    if sql.fetch_one(REFUND, _booking("refund", user_id, amount_cents, order_id)) is None:
        # The order is locked and confirmed, so its capture is there; if not, commit nothing.
        raise LookupError(f"no capture to refund for order {order_id}")
    hit("payments.refund.before_commit")
    hit("payments.refund.after_commit_before_reply")


def _booking(
    kind: Kind, user_id: UUID, amount_cents: int, order_id: UUID | None
) -> dict[str, object]:
    legs = legs_of(kind, user_id)
    return {
        "transfer": uuid.uuid4(),
        "kind": kind,
        "order": order_id,
        "user": user_id,
        "amount": sql.Int8(amount_cents),
        "debit": legs.debit,
        "credit": legs.credit,
    }
