"""`/live` touches nothing; `/ready` looks at the process's databases and its drain flag only.

A release that is broken on purpose (SHOP_BROKEN_RELEASE) is never ready.
"""

import asyncio
from collections.abc import Collection

from microservices.chassis.context import Context
from microservices.chassis.database import Database
from microservices.chassis.operations import Empty, Operation, Reply

READY_SECONDS = 2.0
JSON, HTML = "application/json", "text/html; charset=utf-8"
OK = Reply(200, b'{"status":"ok"}')
DRAINING = Reply(503, b'{"status":"draining"}', JSON)
UNAVAILABLE = Reply(503, b'{"status":"unavailable"}', JSON)


class Health:
    """What operators ask a process."""

    def __init__(
        self, databases: Collection[Database], draining: asyncio.Event, *, broken: bool
    ) -> None:
        self._databases = databases
        self._draining = draining
        self._broken = broken

    async def live(self, ctx: Context, request: Empty) -> Reply:
        """Is the process alive?"""
        return OK

    async def ready(self, ctx: Context, request: Empty) -> Reply:
        """Will it take requests?"""
        if self._draining.is_set():
            return DRAINING
        if self._broken:
            return UNAVAILABLE
        try:
            async with asyncio.timeout(READY_SECONDS):
                alive = await asyncio.gather(*(each.alive() for each in self._databases))
        except TimeoutError:
            return UNAVAILABLE
        return OK if all(alive) else UNAVAILABLE


class Document:
    """A document that does not change; JSON, unless it is said to be something else."""

    def __init__(self, body: bytes, media_type: str = "") -> None:
        self._reply = Reply(200, body, media_type)

    async def get(self, ctx: Context, request: Empty) -> Reply:
        return self._reply


HEALTH = (
    Operation("live", "GET", "/live", Empty, Health.live, "public"),
    Operation("ready", "GET", "/ready", Empty, Health.ready, "public"),
)
INDEX = Operation("get_index", "GET", "/", Empty, Document.get, "public")
CONTRACT = Operation("get_contract", "GET", "/openapi.json", Empty, Document.get, "public")
