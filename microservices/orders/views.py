"""How an order looks from outside, and the answers that finish a request.

An order that goes on without its request was answered 202, perhaps by a process that could not
write that down: whoever finishes it records the same 202, so that a replay gives what was given.
"""

import msgspec

from microservices.chassis.errors import ApiError
from microservices.chassis.operations import reply_of_error
from microservices.orders.errors import InsufficientFunds, OutOfStock, UnknownProduct
from microservices.orders.messages import PublicOrder
from microservices.orders.model import Line, Order
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
    """202: stored, and settled later. Always the order as it was placed, whatever it is by now."""
    placed = msgspec.structs.replace(
        order,
        status="pending",
        reason=None,
        payment_id=None,
        total_cents=None,
        lines=tuple(Line(line.product_id, None, None, line.quantity) for line in order.lines),
        updated_at=order.created_at,
    )
    return Answer(202, _encode(public(placed)))


def created(order: Order) -> Answer:
    return Answer(201, _encode(public(order))) if order.by_request else accepted(order)


def cancelled(order: Order) -> Answer:
    return Answer(200, _encode(public(order)))


def refused(order: Order) -> Answer:
    """The answer to a rejected order."""
    if not order.by_request:
        return accepted(order)
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
