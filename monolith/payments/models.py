"""Wallets, payments, and the ledger: transfers of two entries that add up to zero.

The migrations add triggers: a transfer balances, and nothing of it is rewritten.
"""

import uuid
from uuid import UUID

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Now


def _cents(amount: int) -> Value:
    """An amount beside `F()`: a bare int would be bound as 32 bits, the rest cut off in silence."""
    return Value(amount, output_field=models.BigIntegerField())


class WalletQuerySet(models.QuerySet["Wallet"]):
    def withdraw(self, *, user_id: UUID, amount_cents: int) -> bool:
        """Take money, unless there is too little of it."""
        covered = self.filter(user_id=user_id, balance_cents__gte=amount_cents)
        return covered.update(balance_cents=F("balance_cents") - _cents(amount_cents)) == 1

    def deposit(self, *, user_id: UUID, amount_cents: int) -> None:
        """Put money into a wallet that exists."""
        wallet = self.filter(user_id=user_id)
        wallet.update(balance_cents=F("balance_cents") + _cents(amount_cents))


class Wallet(models.Model):
    """The only stored balance; merchant and external are sums over the ledger."""

    user = models.OneToOneField("users.User", on_delete=models.PROTECT, primary_key=True)
    balance_cents = models.BigIntegerField(default=0)

    objects = WalletQuerySet.as_manager()

    class Meta:
        db_table = "wallets"
        constraints = [
            models.CheckConstraint(name="wallets_balance", condition=Q(balance_cents__gte=0))
        ]

    def __str__(self) -> str:
        return f"wallet:{self.user_id}"


class Payment(models.Model):
    class Status(models.TextChoices):
        CAPTURED = "captured"
        REFUNDED = "refunded"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Unique: at most one capture an order. The reference to orders is made by their migration:
    # payments do not depend on orders.
    order_id = models.UUIDField(unique=True)
    user = models.ForeignKey(
        "users.User", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    amount_cents = models.BigIntegerField()
    status = models.CharField(max_length=8, choices=Status)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "payments"
        constraints = [
            models.CheckConstraint(name="payments_amount", condition=Q(amount_cents__gte=1)),
            models.CheckConstraint(
                name="payments_status", condition=Q(status__in=["captured", "refunded"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.amount_cents}"


class Transfer(models.Model):
    class Kind(models.TextChoices):
        DEPOSIT = "deposit"
        CAPTURE = "capture"
        REFUND = "refund"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=7, choices=Kind)
    order_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "ledger_transfers"
        constraints = [
            models.CheckConstraint(
                name="ledger_transfers_kind",
                condition=Q(kind="deposit", order_id__isnull=True)
                | Q(kind__in=["capture", "refund"], order_id__isnull=False),
            ),
            models.UniqueConstraint(
                name="ledger_transfers_once",
                fields=["order_id", "kind"],
                condition=Q(order_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    def legs(self, user_id: UUID | str, amount_cents: int) -> "tuple[Entry, Entry]":
        """Its two entries: the account that gives, and the one that takes."""
        wallet = f"wallet:{user_id}"
        gives, takes = {
            "deposit": ("external", wallet),
            "capture": (wallet, "merchant"),
            "refund": ("merchant", wallet),
        }[self.kind]
        return (
            Entry(transfer=self, account=gives, amount_cents=-amount_cents),
            Entry(transfer=self, account=takes, amount_cents=amount_cents),
        )


class Entry(models.Model):
    transfer = models.ForeignKey(
        Transfer, on_delete=models.PROTECT, related_name="entries", db_index=False
    )
    account = models.CharField(max_length=64)
    amount_cents = models.BigIntegerField()

    class Meta:
        db_table = "ledger_entries"
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(
                name="ledger_entries_account_once", fields=["transfer", "account"]
            ),
            models.CheckConstraint(name="ledger_entries_amount", condition=~Q(amount_cents=0)),
            models.CheckConstraint(
                name="ledger_entries_account",
                condition=Q(account__in=["external", "merchant"])
                | Q(account__regex=r"^wallet:[0-9a-f-]{36}$"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.amount_cents:+d}"
