"""`/live` touches nothing; `/ready` looks at the process's databases and its drain flag only.

A release that is broken on purpose (SHOP_BROKEN_RELEASE) is never ready.
"""

import asyncio
from collections.abc import Sequence

from aiohttp import web

from microservices.chassis.context import Context
from microservices.chassis.database import Database
from microservices.chassis.endpoint import refuse_query
from microservices.chassis.front import Front, Passed
from microservices.chassis.operations import Reply

READY_SECONDS = 2.0
OK = b'{"status":"ok"}'


class Live:
    """Is the process alive?"""

    bounded = True

    async def serve(self, request: web.BaseRequest, ctx: Context, ids: list[str]) -> Reply:
        refuse_query(request)
        return Reply(200, OK)


class Ready:
    """Will it take requests?"""

    bounded = True

    def __init__(
        self, front: Front, databases: Sequence[Database], *, broken: bool = False
    ) -> None:
        self._front = front
        self._broken = broken
        self._databases = databases

    async def serve(self, request: web.BaseRequest, ctx: Context, ids: list[str]) -> Reply | Passed:
        refuse_query(request)
        if self._front.draining:
            return _not_ready(b'{"status":"draining"}')
        if self._broken:
            return _not_ready(b'{"status":"unavailable"}')
        try:
            async with asyncio.timeout(READY_SECONDS):
                alive = await asyncio.gather(*(each.alive() for each in self._databases))
        except TimeoutError:
            alive = [False]
        return Reply(200, OK) if all(alive) else _not_ready(b'{"status":"unavailable"}')


def _not_ready(body: bytes) -> Passed:
    return Passed(503, body, {"Content-Type": "application/json"})


class Document:
    """A JSON document that does not change."""

    bounded = True

    def __init__(self, body: bytes) -> None:
        self._reply = Reply(200, body)

    async def serve(self, request: web.BaseRequest, ctx: Context, ids: list[str]) -> Reply:
        refuse_query(request)
        return self._reply
