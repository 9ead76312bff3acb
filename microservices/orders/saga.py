"""The order saga: reserve, charge, confirm; back by release (and refund); cancellation.

Pure logic over three ports. The store commits each step by compare-and-set on (status, attempt),
so of two drivers of one order only one gets on; `service` and `worker` are the drivers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

from microservices.orders.model import (
    Order,
    Quote,
    Reason,
    Topic,
    cancelled,
    confirmed,
    priced,
    refused,
    rejected,
)

INLINE_COMPENSATION_S = 0.5


class Unclear(Exception):
    """A peer gave no definite answer: the call may or may not have had its effect."""


class LostOrder(Exception):
    """Another driver has moved the order on; this one must stop."""


class Reservation(Struct, frozen=True):
    """Definite answer to a reserve; `refusal` None means reserved. Quotes of all known products."""

    refusal: Literal["out_of_stock", "unknown_product"] | None
    quotes: Mapping[str, Quote]


class Charge(Struct, frozen=True):
    """Definite answer to a charge: None means refused for want of funds."""

    payment_id: str | None


class Answer(Struct, frozen=True):
    """What the client gets, recorded with its idempotency key."""

    status: int
    body: bytes


class Inventory(Protocol):
    """Every call is idempotent by order id and raises `Unclear`."""

    async def reserve(self, order: Order) -> Reservation: ...
    async def release(self, order_id: str) -> None: ...


class Payments(Protocol):
    """Every call is idempotent by order id and raises `Unclear`."""

    async def charge(self, order: Order) -> Charge: ...
    async def refund(self, order_id: str) -> None: ...


class Store(Protocol):
    """One commit a call; `LostOrder` unless the stored order has the status and attempt of `held`.

    The three that finish an order return the recorded answer: theirs, or an earlier one.
    """

    async def compensating(self, held: Order, order: Order) -> None: ...
    async def confirm(self, held: Order, order: Order) -> Answer: ...
    async def reject(self, held: Order, order: Order, owed: Sequence[Topic]) -> Answer: ...
    async def cancel(self, held: Order, order: Order) -> Answer: ...


class OrderSaga:
    """Drives one order as far as it gets. The caller holds the order's lease."""

    def __init__(
        self, store: Store, inventory: Inventory, payments: Payments, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._inventory = inventory
        self._payments = payments
        self._now = now

    async def advance(self, order: Order, *, too_old: bool = False) -> Answer:
        """Go on from the stored state to a final one, and return the recorded answer.

        An order that is too old goes back at the first unclear answer; a younger one only after a
        definite refusal. Raises Unclear (the order stays as it is, somebody must come back to it)
        or LostOrder.
        """
        match order.status:
            case "pending":
                return await self._forward(order, too_old)
            case "compensating":
                return await self._back(order)
            case "confirmed":
                return await self._cancel(order)
        raise LostOrder(f"order {order.id} is {order.status} already")

    async def _forward(self, order: Order, too_old: bool) -> Answer:
        """Reserve and charge, then confirm. Compensation: `_back`."""
        held = order
        try:
            reservation = await self._inventory.reserve(order)
            order = priced(order, reservation.quotes)
            if reservation.refusal is not None:
                return await self._refuse(held, order, reservation.refusal)
            charge = await self._payments.charge(order)
        except Unclear:
            if not too_old:
                raise
            return await self._refuse(held, order, "dependency_unavailable")
        if charge.payment_id is None:
            return await self._refuse(held, order, "insufficient_funds")
        # From here only forward: the money is taken.
        return await self._store.confirm(held, confirmed(order, charge.payment_id, self._now()))

    async def _refuse(self, held: Order, order: Order, reason: Reason) -> Answer:
        """Commit the direction before the first step back."""
        order = refused(order, reason, self._now())
        await self._store.compensating(held, order)
        return await self._back(order)

    async def _back(self, order: Order) -> Answer:
        """Undo what may have been done; what cannot be confirmed now is owed to the outbox."""
        owed: list[Topic] = []
        # A refusal for want of funds is final in payments: only an unclear charge needs a refund.
        if order.reason == "dependency_unavailable" and not await _confirmed_in_time(
            self._payments.refund(order.id)
        ):
            owed.append("payments.refund")
        if not await _confirmed_in_time(self._inventory.release(order.id)):
            owed.append("inventory.release")
        return await self._store.reject(order, rejected(order, self._now()), owed)

    async def _cancel(self, order: Order) -> Answer:
        """Refund and release, forward only."""
        await self._payments.refund(order.id)
        await self._inventory.release(order.id)
        return await self._store.cancel(order, cancelled(order, self._now()))


async def _confirmed_in_time(call: Awaitable[None]) -> bool:
    try:
        async with asyncio.timeout(INLINE_COMPENSATION_S):
            await call
    except (Unclear, TimeoutError):
        return False
    return True
