"""Endless tasks of a process: started with the app, started again when they fail, ended with it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

from aiohttp import web

from microservices.chassis import idempotency
from microservices.chassis.context import start_background
from microservices.chassis.database import Database

RESTART_SECONDS = 1.0
CANCEL_TRIES = 50
PURGE_SECONDS = 3600.0
Work: TypeAlias = Callable[[], Awaitable[None]]
BACKGROUND = web.AppKey("background", list[tuple[str, Work]])  # whose it is, and what to run
_log = logging.getLogger(__name__)


async def background_tasks(app: web.Application) -> AsyncIterator[None]:
    """Runs what stands under BACKGROUND while the app runs."""
    tasks = {asyncio.create_task(_supervise(name, work)) for name, work in app[BACKGROUND]}
    yield
    await _cancel(tasks)


async def _supervise(name: str, work: Work) -> None:
    """One that fails is logged and started again; one that ends has done what it was for."""
    while True:
        try:
            return await work()
        except Exception:
            _log.exception("a background task of %s failed", name)
        await asyncio.sleep(RESTART_SECONDS)


async def _cancel(tasks: set[asyncio.Task[None]]) -> None:
    """Cancels and waits. Asked again, because a wait that ends in the same moment loses the request
    (`asyncio.wait_for` in Python 3.11, which the connection pool uses).
    """
    for _ in range(CANCEL_TRIES):
        pending = {task for task in tasks if not task.done()}
        if not pending:
            return
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=0.1)
    _log.error("%d background tasks did not end", len(pending))


async def purge_for_ever(database: Database) -> None:
    """Forgets idempotency keys of yesterday, every hour."""
    while True:
        start_background("purge", 30.0)
        await idempotency.purge(database)
        await asyncio.sleep(PURGE_SECONDS)
