"""The arithmetic of an order. Pure: the golden vectors run it without a database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


class Priced(Protocol):
    """What ordering needs to know of a product."""

    @property
    def name(self) -> str: ...
    @property
    def price_cents(self) -> int: ...


@dataclass(frozen=True)
class WantedLine:
    product_id: UUID
    quantity: int


@dataclass(frozen=True)
class OrderLine:
    product_id: UUID
    name: str
    unit_price_cents: int
    quantity: int


def price_lines(
    wanted: Sequence[WantedLine], offers: Mapping[UUID, Priced]
) -> tuple[OrderLine, ...]:
    """Freeze names and prices, in the order of the request."""
    return tuple(
        OrderLine(
            line.product_id,
            offers[line.product_id].name,
            offers[line.product_id].price_cents,
            line.quantity,
        )
        for line in wanted
    )


def total_of(lines: Sequence[OrderLine]) -> int:
    """The sum of quantity x unit price, in cents."""
    return sum(line.quantity * line.unit_price_cents for line in lines)


def quantities_of(lines: Sequence[WantedLine | OrderLine]) -> dict[UUID, int]:
    return {line.product_id: line.quantity for line in lines}
