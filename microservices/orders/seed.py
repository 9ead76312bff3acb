"""Holds a new seed back until nothing is under way: a saga would write into the new data."""

import asyncio
import time

from microservices.chassis.database import Connection
from microservices.chassis.operations import SeedRefused
from microservices.orders.queries import UNFINISHED

IDLE_WITHIN_S = 30.0
POLL_S = 0.1


async def wait_until_idle(connection: Connection) -> None:
    """Wait for no unfinished order and an empty outbox.

    Raises:
        SeedRefused: There are still some after 30 seconds.
    """
    deadline = time.monotonic() + IDLE_WITHIN_S
    while True:
        row = await (await connection.execute(UNFINISHED)).fetchone()
        orders, events = row or (0, 0)
        if not orders and not events:
            return
        if time.monotonic() >= deadline:
            raise SeedRefused(
                f"orders is not idle: {orders} unfinished orders and {events} undelivered events"
            )
        await asyncio.sleep(POLL_S)
