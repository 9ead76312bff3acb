"""Products and their stock, apart: selling touches a narrow row and copies no description."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length, Now
from django.db.models.lookups import LessThanOrEqual

MAX_PRICE_CENTS = 10_000_000


class Product(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    sku = models.CharField(max_length=64, unique=True)
    # Byte order, whatever the database's own collation is.
    name = models.CharField(max_length=200, db_collation="C")
    description = models.TextField(blank=True)
    category = models.CharField(max_length=64)
    price_cents = models.BigIntegerField()
    version = models.BigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "products"
        indexes = [
            models.Index(fields=["name", "id"], name="products_name"),
            models.Index(fields=["price_cents", "id"], name="products_price"),
            models.Index(fields=["category", "name", "id"], name="products_category_name"),
        ]
        constraints = [
            models.CheckConstraint(
                name="products_price",
                condition=Q(price_cents__gte=1, price_cents__lte=MAX_PRICE_CENTS),
            ),
            models.CheckConstraint(name="products_version", condition=Q(version__gte=1)),
            models.CheckConstraint(name="products_sku", condition=Q(sku__regex=r"[^[:space:]]")),
            models.CheckConstraint(name="products_name", condition=Q(name__regex=r"[^[:space:]]")),
            models.CheckConstraint(
                name="products_category", condition=Q(category__regex=r"[^[:space:]]")
            ),
            models.CheckConstraint(
                name="products_description",
                condition=LessThanOrEqual(Length("description"), 2000),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sku} {self.name}"


class Stock(models.Model):
    """on hand = initial + restocked - sold; reserved is always 0 here: an order sells at once."""

    product = models.OneToOneField(Product, on_delete=models.PROTECT, primary_key=True)
    initial = models.BigIntegerField()
    restocked = models.BigIntegerField(default=0)
    sold = models.BigIntegerField(default=0)

    class Meta:
        db_table = "stock"
        verbose_name_plural = "stock"
        constraints = [
            models.CheckConstraint(
                name="stock_counters", condition=Q(initial__gte=0, restocked__gte=0, sold__gte=0)
            ),
            models.CheckConstraint(
                name="stock_never_oversold", condition=Q(sold__lte=F("initial") + F("restocked"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product_id}: {self.initial + self.restocked - self.sold}"
