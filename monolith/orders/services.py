"""Buying and cancelling: the parts of one transaction, locked order -> stock by id -> wallet.

Both run inside `common.idempotency.run_keyed`, which owns the transaction and the key's record.
"""

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from monolith.common import errors
from monolith.common.faults import hit
from monolith.inventory import services as inventory
from monolith.orders.models import Line, Order
from monolith.payments import services as payments


class _Refused(Exception):
    """Leaves the savepoint of stock and payment, with what the rejected order is stored as."""

    def __init__(self, error: errors.BusinessError, lines: list[Line]) -> None:
        super().__init__()
        self.error = error
        self.lines = lines


class OrderRejected(Exception):
    """The order is stored as rejected; `error` says why."""

    def __init__(self, order: Order, error: errors.BusinessError) -> None:
        super().__init__()
        self.order = order
        self.error = error


def order_place(*, user_id: UUID, quantities: Mapping[UUID, int], key: str) -> Order:
    """Sell and charge, or store the order as rejected.

    Raises:
        UnknownProduct: nothing is stored.
        OrderRejected: no stock and no money has moved.
    """
    order = Order(user_id=user_id, status=Order.Status.CONFIRMED, idempotency_key=key)
    try:
        with transaction.atomic():
            lines = _sell_and_charge(order, quantities)
    except _Refused as refused:
        hit("inventory.release.before_commit")
        hit("inventory.release.after_commit_before_reply")
        order.status, order.reason = Order.Status.REJECTED, refused.error.code
        _store(order, refused.lines)
        hit("orders.reject.before_commit")
        raise OrderRejected(order, refused.error) from None
    _store(order, lines)
    hit("orders.confirm.before_commit")
    return order


def _sell_and_charge(order: Order, quantities: Mapping[UUID, int]) -> list[Line]:
    try:
        products = inventory.stock_take(quantities=quantities)
    except inventory.StockTooLow as short:
        hit("inventory.release.before_send")
        lines = Line.objects.priced(quantities, short.products)
        raise _Refused(errors.OutOfStock(), lines) from None
    lines = Line.objects.priced(quantities, products)
    try:
        order.payment = payments.charge(
            order_id=order.id, user_id=order.user_id, amount_cents=_total_of(lines)
        )
    except errors.InsufficientFunds as error:
        hit("inventory.release.before_send")
        raise _Refused(error, lines) from None
    return lines


def _total_of(lines: list[Line]) -> int:
    return sum(line.amount_cents for line in lines)


def _store(order: Order, lines: list[Line]) -> None:
    """Write the order, and its lines in one statement."""
    order.total_cents = _total_of(lines)
    order.created_at = order.updated_at = timezone.now()
    order.save(force_insert=True)
    for line in lines:
        line.order = order
    order.items = Line.objects.bulk_create(lines)
    hit("orders.place.before_commit")


def order_replied(*, status: int) -> None:
    """The fault points that lie between the one commit and the answer."""
    hit("orders.place.after_commit_before_reply")
    hit(f"orders.{'confirm' if status < 400 else 'reject'}.after_commit_before_reply")


def order_cancel(*, order_id: UUID, user_id: UUID) -> Order:
    """Take the stock back, refund, cancel. Raises NotFound, NotCancellable."""
    orders = Order.objects.of_user(user_id).select_for_update(no_key=True)
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


def cancellation_replied() -> None:
    """The fault points that lie between the one commit and the answer."""
    hit("orders.request_cancellation.after_commit_before_reply")
    hit("orders.cancel.after_commit_before_reply")
