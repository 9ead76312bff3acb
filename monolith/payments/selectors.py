"""Reads of wallets and payments."""

from uuid import UUID

from django.db.models import QuerySet

from monolith.payments.models import Payment, Wallet


def wallet_get(*, user_id: UUID) -> Wallet:
    """A wallet that was never used is empty."""
    return Wallet.objects.filter(user_id=user_id).first() or Wallet(user_id=user_id)


def payment_list(*, user_id: UUID) -> QuerySet[Payment]:
    """A user's own payments; somebody else's are none."""
    return Payment.objects.filter(user_id=user_id)
