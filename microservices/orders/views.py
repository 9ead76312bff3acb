"""How an order looks from outside, and the answers that finish a request."""

import msgspec

from microservices.chassis.errors import ApiError
from microservices.chassis.operations import reply_of_error
from microservices.orders.errors import InsufficientFunds, OutOfStock, UnknownProduct
from microservices.orders.messages import PublicOrder
from microservices.orders.model import Order
from microservices.orders.saga import Answer

_encode = msgspec.json.Encoder().encode


def public(order: Order) -> PublicOrder:
    """A compensating order is still pending to everybody outside."""
    open_ = order.status in ("pending", "compensating")
    return PublicOrder(
        order.id,
        "pending" if open_ else order.status,
        None if open_ else order.reason,
        order.lines,
        order.total_cents,
        order.payment_id,
        order.created_at,
        order.updated_at,
    )


def accepted(order: Order) -> Answer:
    """202: stored, and settled later."""
    pending = msgspec.structs.replace(order, status="pending", reason=None, payment_id=None)
    return Answer(202, _encode(public(pending)))


def created(order: Order) -> Answer:
    return Answer(201, _encode(public(order)))


def cancelled(order: Order) -> Answer:
    return Answer(200, _encode(public(order)))


def refused(order: Order) -> Answer:
    """The answer to a rejected order; one given up for its age was accepted (202) at first."""
    match order.reason:
        case "out_of_stock":
            return _problem(OutOfStock())
        case "insufficient_funds":
            return _problem(InsufficientFunds())
        case "unknown_product":
            return _problem(UnknownProduct(errors=_unknown(order)))
    return accepted(order)


def _unknown(order: Order) -> list[tuple[str, str]]:
    return [
        (f"items[{index}].product_id", "there is no such product")
        for index, line in enumerate(order.lines)
        if line.name is None
    ]


def _problem(error: ApiError) -> Answer:
    reply = reply_of_error(error)
    return Answer(reply.status, reply.body)
