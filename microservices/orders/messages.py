"""What goes in and out of orders: the requests of its clients and the public face of an order.

What orders itself asks of other components is in `peers`.
"""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from microservices.chassis.errors import invalid
from microservices.chassis.operations import Id
from microservices.orders.model import Line


class NewLine(Struct, frozen=True, forbid_unknown_fields=True):
    product_id: Id
    quantity: Annotated[int, Meta(ge=1, le=1000)]


class CreateOrder(Struct, frozen=True, forbid_unknown_fields=True):
    items: Annotated[list[NewLine], Meta(min_length=1, max_length=50)]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for index, item in enumerate(self.items):
            if item.product_id in seen:
                raise invalid(f"items[{index}].product_id", "is repeated")
            seen.add(item.product_id)


class GetOrder(Struct, frozen=True, forbid_unknown_fields=True):
    order_id: Id


class CancelOrder(Struct, frozen=True, forbid_unknown_fields=True):
    order_id: Id


class ListOrders(Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: str | UnsetType = UNSET


class PublicOrder(Struct, frozen=True):
    id: str
    status: str
    reason: str | None
    items: tuple[Line, ...]
    total_cents: int | None
    payment_id: str | None
    created_at: datetime
    updated_at: datetime


class OrderPage(Struct, frozen=True):
    items: list[PublicOrder]
    next_cursor: str | None
