"""Products and their stock, apart: selling touches a narrow row and copies no description."""

import uuid
from collections.abc import Collection
from uuid import UUID

from django.db import models
from django.db.models import F, Q, TextField, Value
from django.db.models.functions import Cast, Collate, Length, Lower, Now, StrIndex
from django.db.models.lookups import LessThanOrEqual


class ProductQuerySet(models.QuerySet["Product"]):
    def with_available(self) -> "ProductQuerySet":
        """Each with the units that can be sold, in the same statement."""
        return self.annotate(
            available=F("stock__initial") + F("stock__restocked") - F("stock__sold")
        )

    def named_like(self, text: str) -> "ProductQuerySet":
        """The text anywhere in the name, ASCII case ignored.

        Not `icontains`, whose UPPER() knows other letters too: under "C" only ASCII has a case.
        """
        wanted = Collate(Cast(Value(text), TextField()), "C")
        return self.alias(found_at=StrIndex(Lower("name"), Lower(wanted))).filter(found_at__gt=0)


class Product(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Byte order, whatever the database's own collation is.
    sku = models.CharField(max_length=64, db_collation="C")
    name = models.CharField(max_length=200, db_collation="C")
    description = models.TextField(blank=True)
    category = models.CharField(max_length=64, db_collation="C")
    price_cents = models.IntegerField()
    version = models.IntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ProductQuerySet.as_manager()

    class Meta:
        db_table = "products"
        # One for each sort, with and without a category: a page is a range scan of one of them.
        indexes = [
            models.Index(fields=["name", "id"], name="products_by_name"),
            models.Index(fields=["price_cents", "id"], name="products_by_price"),
            models.Index(fields=["-price_cents", "id"], name="products_by_price_desc"),
            models.Index(fields=["category", "name", "id"], name="products_by_category_name"),
            models.Index(
                fields=["category", "price_cents", "id"], name="products_by_category_price"
            ),
            models.Index(
                fields=["category", "-price_cents", "id"], name="products_by_category_price_d"
            ),
        ]
        constraints = [
            # Not `unique=True`: that makes a second index, for LIKE, which nobody asks.
            models.UniqueConstraint(name="products_sku_unique", fields=["sku"]),
            models.CheckConstraint(
                name="products_price", condition=Q(price_cents__gte=1, price_cents__lte=10_000_000)
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


class StockQuerySet(models.QuerySet["Stock"]):
    def locked(self, product_ids: Collection[UUID]) -> "StockQuerySet":
        """These rows with their products, locked in the order of their ids.

        So two orders of the same products never wait for each other crosswise.
        """
        return (
            self.filter(product_id__in=product_ids)
            .select_related("product")
            .select_for_update(of=("self",), no_key=True)
            .order_by("product_id")
        )


class Stock(models.Model):
    """on hand = initial + restocked - sold; reserved is always 0 here: an order sells at once."""

    product = models.OneToOneField(Product, on_delete=models.PROTECT, primary_key=True)
    initial = models.BigIntegerField()
    restocked = models.BigIntegerField(default=0)
    sold = models.BigIntegerField(default=0)

    objects = StockQuerySet.as_manager()

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
        return f"{self.product_id}: {self.available}"

    @property
    def available(self) -> int:
        return self.initial + self.restocked - self.sold
