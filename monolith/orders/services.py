"""Buying and cancelling, inside a transaction that locks order -> stock by id -> wallet."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from monolith.common import errors
from monolith.common.faults import hit
from monolith.inventory import services as inventory
from monolith.orders.models import Line, Order
from monolith.orders.selectors import order_list
from monolith.payments import services as payments


def order_place(
    *, user_id: UUID, quantities: Mapping[UUID, int], key: str
) -> tuple[Order, errors.ShopError | None]:
    """Sell and charge, or store the order as rejected; with the reason, if there is one.

    Raises UnknownProduct, and then nothing is stored.
    """
    order = Order(user_id=user_id, status=Order.Status.CONFIRMED, idempotency_key=key)
    stocks = inventory.stock_lock(quantities=quantities)
    lines = Line.priced(quantities, {stock.product_id: stock.product for stock in stocks})
    order.total_cents = sum(line.amount_cents for line in lines)
    refusal = _sell_and_charge(order, stocks, quantities)
    if refusal is not None:
        hit("inventory.release.before_commit")
        hit("inventory.release.after_commit_before_reply")
        order.status, order.reason = Order.Status.REJECTED, refusal.code
    order.created_at = order.updated_at = timezone.now()
    order.save(force_insert=True)
    for line in lines:
        line.order = order
    order.items = Line.objects.bulk_create(lines)
    hit("orders.place.before_commit")
    hit(f"orders.{'reject' if refusal else 'confirm'}.before_commit")
    return order, refusal


def _sell_and_charge(
    order: Order, stocks: list[Any], quantities: Mapping[UUID, int]
) -> errors.ShopError | None:
    """Both, or neither and why not: in a savepoint, so that nothing of them stays."""
    try:
        with transaction.atomic():
            inventory.stock_sell(stocks=stocks, quantities=quantities)
            order.payment = payments.charge(
                order_id=order.id, user_id=order.user_id, amount_cents=order.total_cents
            )
    except (errors.OutOfStock, errors.InsufficientFunds) as refusal:
        hit("inventory.release.before_send")
        return refusal
    return None


def order_cancel(*, order_id: UUID, user_id: UUID) -> Order:
    """Take the stock back, refund, cancel. Raises NotFound, NotCancellable."""
    orders = order_list(user_id=user_id).select_for_update(no_key=True)
    order = orders.filter(id=order_id).first()
    if order is None:
        raise errors.NotFound
    if order.status != Order.Status.CONFIRMED:
        raise errors.NotCancellable
    hit("orders.request_cancellation.before_commit")
    inventory.stock_return(quantities={line.product_id: line.quantity for line in order.items})
    payments.refund(order_id=order.id, user_id=user_id, amount_cents=order.total_cents)
    order.status = Order.Status.CANCELLED
    order.updated_at = timezone.now()
    order.save(update_fields=["status", "updated_at"])
    hit("orders.cancel.before_commit")
    return order
