"""What goes in and out of inventory: the public requests and answers, and those of its peers."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from microservices.chassis.errors import invalid
from microservices.chassis.operations import Id

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Label = Annotated[str, Meta(min_length=1, max_length=64)]
Description = Annotated[str, Meta(max_length=2000)]
Price = Annotated[int, Meta(ge=1, le=10_000_000)]
Sort = Literal["name", "price", "-price"]


class ListProducts(Struct, frozen=True, forbid_unknown_fields=True):
    q: Annotated[str, Meta(min_length=1, max_length=100)] | UnsetType = UNSET
    category: Label | UnsetType = UNSET
    sort: Sort = "name"
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: str | UnsetType = UNSET


class GetProduct(Struct, frozen=True, forbid_unknown_fields=True):
    product_id: Id


class CreateProduct(Struct, frozen=True, forbid_unknown_fields=True):
    sku: Label
    name: Name
    description: Description
    category: Label
    price_cents: Price
    quantity: Annotated[int, Meta(ge=0, le=1_000_000)]


class ChangeProduct(Struct, frozen=True, forbid_unknown_fields=True):
    product_id: Id
    name: Name | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    category: Label | UnsetType = UNSET
    price_cents: Price | UnsetType = UNSET

    def __post_init__(self) -> None:
        changes = (self.name, self.description, self.category, self.price_cents)
        if all(change is UNSET for change in changes):
            raise invalid("body", "needs one of name, description, category, price_cents")


class Restock(Struct, frozen=True, forbid_unknown_fields=True):
    product_id: Id
    quantity: Annotated[int, Meta(ge=1, le=1_000_000)]


class Product(Struct, frozen=True):
    id: str
    sku: str
    name: str
    description: str
    category: str
    price_cents: int
    available: int
    version: int


class ProductPage(Struct, frozen=True):
    items: list[Product]
    next_cursor: str | None


class RestockedProduct(Struct, frozen=True):
    product_id: str
    available: int


class Recommend(Struct, frozen=True, forbid_unknown_fields=True):
    product_id: Id


class Recommended(Struct, frozen=True):
    items: list[Product]


class ReserveLine(Struct, frozen=True, forbid_unknown_fields=True):
    product_id: Id
    quantity: Annotated[int, Meta(ge=1, le=1000)]


class Reserve(Struct, frozen=True, forbid_unknown_fields=True):
    order_id: Id
    lines: Annotated[list[ReserveLine], Meta(min_length=1, max_length=50)]


class QuotedLine(Struct, frozen=True):
    product_id: str
    name: str
    unit_price_cents: int


class ReserveOutcome(Struct, frozen=True):
    """`reserved` (now or before), a definite refusal, or `released`: the order's tombstone.

    Lines are those of the reservation, or the known ones of a refused order.
    """

    outcome: Literal["reserved", "out_of_stock", "unknown_product", "released"]
    lines: list[QuotedLine]


class Settle(Struct, frozen=True, forbid_unknown_fields=True):
    order_ids: Annotated[list[Id], Meta(min_length=1, max_length=1000)]


class Release(Struct, frozen=True, forbid_unknown_fields=True):
    order_id: Id


class Settled(Struct, frozen=True):
    """How many of the orders were reserved until now."""

    settled: int


class Released(Struct, frozen=True):
    order_id: str
