"""Writes of money, inside a transaction: each moves the wallet and books a transfer."""

from uuid import UUID

from monolith.common import errors
from monolith.common.faults import hit
from monolith.payments.models import Entry, Payment, Transfer, Wallet


def wallet_deposit(*, user_id: UUID, amount_cents: int) -> tuple[Wallet, Transfer]:
    """Put money in the wallet, which is made by its first deposit."""
    wallet, _ = Wallet.objects.select_for_update(no_key=True).get_or_create(user_id=user_id)
    wallet.balance_cents += amount_cents
    wallet.save(update_fields=["balance_cents"])
    transfer = _book(Transfer.Kind.DEPOSIT, user_id, amount_cents)
    hit("payments.deposit.before_commit")
    return wallet, transfer


def charge(*, order_id: UUID, user_id: UUID, amount_cents: int) -> Payment:
    """Capture the total of an order. Raises InsufficientFunds."""
    hit("payments.operation")
    hit("payments.charge.before_send")
    if not Wallet.objects.withdraw(user_id=user_id, amount_cents=amount_cents):
        raise errors.InsufficientFunds
    payment = Payment.objects.create(
        order_id=order_id,
        user_id=user_id,
        amount_cents=amount_cents,
        status=Payment.Status.CAPTURED,
    )
    _book(Transfer.Kind.CAPTURE, user_id, amount_cents, order_id)
    hit("payments.charge.before_commit")
    hit("payments.charge.after_commit_before_reply")
    return payment


def refund(*, order_id: UUID, user_id: UUID, amount_cents: int) -> None:
    """Give the money of an order back."""
    hit("payments.operation")
    hit("payments.refund.before_send")
    captured = Payment.objects.filter(order_id=order_id, status=Payment.Status.CAPTURED)
    if captured.update(status=Payment.Status.REFUNDED) != 1:
        # The order is locked and confirmed, so its capture is there; if not, commit nothing.
        raise LookupError(f"no capture to refund for order {order_id}")
    Wallet.objects.deposit(user_id=user_id, amount_cents=amount_cents)
    _book(Transfer.Kind.REFUND, user_id, amount_cents, order_id)
    hit("payments.refund.before_commit")
    hit("payments.refund.after_commit_before_reply")


def _book(
    kind: Transfer.Kind, user_id: UUID, amount_cents: int, order_id: UUID | None = None
) -> Transfer:
    """Write a transfer; its two entries together, as the database demands."""
    transfer = Transfer.objects.create(kind=kind, order_id=order_id)
    Entry.objects.bulk_create(transfer.legs(user_id, amount_cents))
    return transfer
