"""Reads of orders."""

from uuid import UUID

from django.db.models import Prefetch, QuerySet

from monolith.orders.models import Line, Order

RECENT = 5


def order_list(*, user_id: UUID) -> QuerySet[Order]:
    """A user's own orders, each with its lines as `items`; somebody else's are none."""
    lines = Prefetch("lines", Line.objects.order_by("position"), to_attr="items")
    return Order.objects.filter(user_id=user_id).prefetch_related(lines)


def order_recent(*, user_id: UUID) -> QuerySet[Order]:
    """The first of a user's orders, newest first."""
    return order_list(user_id=user_id).order_by("-created_at", "-id")[:RECENT]


def category_last_bought(*, user_id: UUID) -> str | None:
    """The present category of the first line of the newest confirmed order."""
    first_lines = Line.objects.filter(
        position=0, order__user_id=user_id, order__status=Order.Status.CONFIRMED
    )
    newest = first_lines.order_by("-order__created_at", "-order__id")
    return newest.values_list("product__category", flat=True).first()
