"""The HTTP server of a process: listens until a signal, then drains."""

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from aiohttp import web

from microservices.chassis.app import IN_FLIGHT_SECONDS, create_app
from microservices.chassis.connections import Connection
from microservices.chassis.middlewares import DRAINING
from microservices.chassis.settings import Settings, stop
from microservices.chassis.specs import ProcessSpec

KEEP_ALIVE_SECONDS = 75.0
BACKLOG = 1024
OPTIONS: dict[str, Any] = {
    "access_log": None,
    "auto_decompress": False,
    "keepalive_timeout": KEEP_ALIVE_SECONDS,
    # After an answer, how long the rest of its request's body is read. aiohttp's 10 s would let a
    # body that was given up trickle on.
    "lingering_time": 2.0,
}


async def serve(spec: ProcessSpec, settings: Settings, environ: Mapping[str, str]) -> None:
    """Listens until SIGTERM or SIGINT, then drains.

    Drain: readiness off, wait, stop listening, finish what is in flight (10 s), close resources.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    app = create_app(spec, settings, environ)
    runner = web.AppRunner(app, shutdown_timeout=IN_FLIGHT_SECONDS, handler_cancellation=False)
    await runner.setup()
    try:
        async with listening(runner, settings):
            # What was imported stays for good: full collections look at requests only, as in the
            # monolith.
            gc.collect()
            gc.freeze()
            await stopping.wait()
            app[DRAINING].set()
            await asyncio.sleep(settings.drain_seconds)
    finally:
        await runner.cleanup()


@asynccontextmanager
async def listening(runner: web.AppRunner, settings: Settings) -> AsyncIterator[int]:
    """Listens on SHOP_BIND during the block; gives the port.

    No `web.TCPSite`, which has no place for a connection class of our own.
    """
    host, port = settings.address
    loop = asyncio.get_running_loop()
    connection = partial(Connection, runner.server, loop=loop, **OPTIONS)
    try:
        listener = await loop.create_server(connection, host, port, backlog=BACKLOG)
    except OSError as error:
        stop(f"cannot listen on {settings.bind}: {os.strerror(error.errno or 0)}")
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
