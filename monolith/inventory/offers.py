"""What inventory tells an order about its products. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Offer:
    """Name and price of a product at the moment of ordering."""

    name: str
    price_cents: int


Offers = Mapping[UUID, Offer]
