"""The saga's ports over the other components: what orders asks of inventory and payments.

The messages are declared here, as orders needs them; a failed call is `Unclear` to the saga.
"""

import logging
from collections.abc import Sequence
from typing import Literal, TypeVar

from msgspec import Struct

from microservices.chassis.peers import Message, PeerFailed, PeerRefused, Peers
from microservices.orders.model import Order, Quote
from microservices.orders.saga import Charge, Reservation, Unclear

A = TypeVar("A")
_log = logging.getLogger(__name__)


class ReserveLine(Struct, frozen=True):
    product_id: str
    quantity: int


class Reserve(Struct, frozen=True):
    order_id: str
    lines: list[ReserveLine]


class QuotedLine(Struct, frozen=True):
    product_id: str
    name: str
    unit_price_cents: int


class Reserved(Struct, frozen=True):
    outcome: Literal["reserved", "out_of_stock", "unknown_product", "released"]
    lines: list[QuotedLine]


class Settle(Struct, frozen=True):
    order_ids: list[str]


class Release(Struct, frozen=True):
    order_id: str


class ChargeOrder(Struct, frozen=True):
    order_id: str
    user_id: str
    amount_cents: int


class Charged(Struct, frozen=True):
    outcome: Literal["captured", "insufficient_funds", "void"]
    payment_id: str | None = None


class Refund(Struct, frozen=True):
    order_id: str


class Done(Struct, frozen=True):
    """An answer whose status says it all."""


RESERVE = Message("inventory", "POST", "/internal/v1/reserve", Reserved, fault="inventory.reserve")
SETTLE = Message("inventory", "POST", "/internal/v1/settle", Done, fault="inventory.settle")
RELEASE = Message("inventory", "POST", "/internal/v1/release", Done, fault="inventory.release")
CHARGE = Message("payments", "POST", "/internal/v1/charge", Charged, fault="payments.charge")
REFUND = Message("payments", "POST", "/internal/v1/refund", Done, fault="payments.refund")


class InventoryPeer:
    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    async def reserve(self, order: Order) -> Reservation:
        """Compensation: `release`."""
        lines = [ReserveLine(line.product_id, line.quantity) for line in order.lines]
        answer = await _call(self._peers, RESERVE, Reserve(order.id, lines))
        if answer.outcome == "released":
            # Only who compensates this order writes its tombstone: that driver decides.
            raise Unclear(f"order {order.id} is released already")
        quotes = {line.product_id: Quote(line.name, line.unit_price_cents) for line in answer.lines}
        return Reservation(None if answer.outcome == "reserved" else answer.outcome, quotes)

    async def settle(self, order_ids: Sequence[str]) -> None:
        await _call(self._peers, SETTLE, Settle(list(order_ids)))

    async def release(self, order_id: str) -> None:
        await _call(self._peers, RELEASE, Release(order_id))


class PaymentsPeer:
    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    async def charge(self, order: Order) -> Charge:
        """Compensation: `refund`."""
        if order.total_cents is None:
            raise Unclear(f"order {order.id} has no total")
        request = ChargeOrder(order.id, order.user_id, order.total_cents)
        answer = await _call(self._peers, CHARGE, request)
        if answer.outcome == "void":
            raise Unclear(f"order {order.id} is refunded already")
        return Charge(answer.payment_id)

    async def refund(self, order_id: str) -> None:
        await _call(self._peers, REFUND, Refund(order_id))


async def _call(peers: Peers, message: Message[A], request: Struct) -> A:
    try:
        return await peers.call(message, request)
    except PeerRefused as error:
        # No business refusal (those are answers of their own) but a bug or a bad deployment.
        _log.error("%s %s refused: %s", message.peer, message.path, error.detail)
        raise Unclear(str(error)) from error
    except PeerFailed as error:
        raise Unclear(str(error)) from error
