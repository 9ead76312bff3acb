"""Orders and their lines. The migrations add a trigger that keeps status on its legal edges."""

import uuid
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

_PAID = ["confirmed", "cancelled"]


class Order(models.Model):
    class Status(models.TextChoices):
        CONFIRMED = "confirmed"
        CANCELLED = "cancelled"
        REJECTED = "rejected"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        "users.User", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    status = models.CharField(max_length=9, choices=Status)
    reason = models.CharField(max_length=24, null=True)
    total_cents = models.BigIntegerField()
    payment = models.OneToOneField(
        "payments.Payment", on_delete=models.PROTECT, related_name="+", null=True
    )
    idempotency_key = models.CharField(max_length=255)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "orders"
        indexes = [models.Index(fields=["user", "-created_at", "-id"], name="orders_user_newest")]
        constraints = [
            models.CheckConstraint(name="orders_total", condition=Q(total_cents__gte=1)),
            models.CheckConstraint(
                name="orders_status",
                condition=Q(status__in=_PAID, payment__isnull=False, reason__isnull=True)
                | Q(
                    status="rejected",
                    payment__isnull=True,
                    reason__isnull=False,  # NULL IN (...) is no refusal for a CHECK
                    reason__in=["out_of_stock", "insufficient_funds"],
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.id}"


class Line(models.Model):
    pk = models.CompositePrimaryKey("order_id", "position")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines", db_index=False)
    position = models.SmallIntegerField()
    product = models.ForeignKey(
        "inventory.Product", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    name = models.CharField(max_length=200)
    unit_price_cents = models.IntegerField()
    quantity = models.IntegerField()

    class Meta:
        db_table = "order_lines"
        constraints = [
            models.UniqueConstraint(name="order_lines_once", fields=["order", "product"]),
            models.CheckConstraint(
                name="order_lines_quantity", condition=Q(quantity__gte=1, quantity__lte=1000)
            ),
            models.CheckConstraint(
                name="order_lines_price",
                condition=Q(unit_price_cents__gte=1, unit_price_cents__lte=10_000_000),
            ),
            models.CheckConstraint(
                name="order_lines_position", condition=Q(position__gte=0, position__lt=50)
            ),
        ]

    @classmethod
    def priced(cls, quantities: Mapping[UUID, int], products: Mapping[UUID, Any]) -> "list[Line]":
        """Lines that freeze names and prices, in the order of the request; of no order yet."""
        return [
            cls(
                position=position,
                product_id=product_id,
                name=products[product_id].name,
                unit_price_cents=products[product_id].price_cents,
                quantity=quantity,
            )
            for position, (product_id, quantity) in enumerate(quantities.items())
        ]

    @property
    def amount_cents(self) -> int:
        return self.quantity * self.unit_price_cents
