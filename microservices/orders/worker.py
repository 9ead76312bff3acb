"""What goes on without a request: recovery of orders left half way, and delivery of owed calls.

Both run for ever in the process that hosts orders, next to any number of others: a lease keeps two
drivers from one order, a claimed event from two deliveries.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import NoReturn

from microservices.chassis.context import start_background
from microservices.chassis.errors import ApiError
from microservices.chassis.faults import DropReply
from microservices.chassis.outbox import Event
from microservices.orders.model import Order
from microservices.orders.repository import LEASE_S
from microservices.orders.saga import LostOrder, Unclear
from microservices.orders.service import Orders, utc_now

POLL_S = 0.5
BATCH = 8
# Ends well before the lease, so that a slow driver has stopped when the next one may start.
DRIVE_S = LEASE_S - 2.0
GIVE_UP_AFTER = timedelta(minutes=15)
PAUSE_CAP_S = 5.0
_log = logging.getLogger(__name__)


async def recover(orders: Orders) -> NoReturn:
    """Come back to each order whose driver has gone, until it is final."""
    while True:
        if await recover_batch(orders) < BATCH:
            await asyncio.sleep(POLL_S)


async def relay(orders: Orders) -> NoReturn:
    """Deliver what confirmed and refused orders owe to other components."""
    await orders.store.outbox.relay(
        {
            "inventory.settle": partial(settle_all, orders),
            "inventory.release": partial(each, orders.inventory.release),
            "payments.refund": partial(each, orders.payments.refund),
        }
    )


async def settle_all(orders: Orders, events: Sequence[Event]) -> Sequence[Event]:
    """One call for the whole batch: inventory leaves alone what is not reserved."""
    try:
        await orders.inventory.settle([event.subject_id for event in events])
    except Unclear as error:
        _log.info("settling %d orders: %s", len(events), error)
        return ()
    return events


async def each(call: Callable[[str], Awaitable[None]], events: Sequence[Event]) -> Sequence[Event]:
    """One call an order; those that went through."""
    results = await asyncio.gather(
        *(call(event.subject_id) for event in events), return_exceptions=True
    )
    unexpected = [r for r in results if isinstance(r, BaseException) and not isinstance(r, Unclear)]
    for error in unexpected:
        _log.error("delivery failed", exc_info=error)
    return [event for event, result in zip(events, results, strict=True) if result is None]


async def recover_batch(orders: Orders) -> int:
    """Claim and drive one batch; the number of orders in it."""
    start_background("recovery", LEASE_S)
    try:
        due = await orders.store.claim_due(BATCH)
    except ApiError as error:
        _log.warning("recovery: %s", error.detail)
        return 0
    await asyncio.gather(*(drive(orders, order) for order in due))
    return len(due)


async def drive(orders: Orders, order: Order) -> None:
    """One attempt at one order; it never raises what the next attempt may mend."""
    start_background("recovery", DRIVE_S)
    too_old = utc_now() - order.created_at >= GIVE_UP_AFTER
    try:
        async with asyncio.timeout(DRIVE_S):
            await orders.saga.advance(order, too_old=too_old)
    except LostOrder:
        return
    except (Unclear, TimeoutError, ApiError, DropReply) as error:
        _log.info("recovery of %s, attempt %d: %r", order.id, order.attempt, error)
        await _postpone(orders, order)


async def _postpone(orders: Orders, order: Order) -> None:
    try:
        await orders.store.postpone(order, pause_s(order.attempt))
    except ApiError as error:  # then it is the end of the lease that brings somebody back
        _log.warning("recovery of %s: %s", order.id, error.detail)


def pause_s(attempt: int) -> float:
    """Seconds until the next attempt: doubling from 0.25, capped at 5, the upper half at random."""
    full = min(PAUSE_CAP_S, 0.25 * 2.0 ** min(attempt, 10))
    return full * random.uniform(0.5, 1.0)
