"""Reads of the catalogue. Sorts and pages are the view's; see `serializers.SORTS`."""

from django.db.models import QuerySet

from monolith.inventory.models import Product

RECOMMENDED = 5


def product_list(*, q: str | None = None, category: str | None = None) -> QuerySet[Product]:
    """Products with what is available of them."""
    products = Product.objects.with_available()
    if category is not None:
        products = products.filter(category=category)
    if q is not None:
        products = products.named_like(q)
    return products


def product_recommendations(*, category: str) -> QuerySet[Product]:
    """The first products of a category that can be bought."""
    available = product_list(category=category).filter(available__gt=0)
    return available.order_by("name", "id")[:RECOMMENDED]
