"""Heads that never end: given up after 5 s, while idle connections and slow answers are not."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from aiohttp import web

from microservices.chassis.connections import HEAD_SECONDS
from microservices.chassis.server import listening
from microservices.chassis.settings import Settings

HEAD = b"GET /slow HTTP/1.1\r\nHost: x\r\n"


async def _slow(request: web.Request) -> web.Response:
    await asyncio.sleep(HEAD_SECONDS + 1.5)
    return web.Response(text="done")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_get("/slow", _slow)
    runner = web.AppRunner(app)
    await runner.setup()
    async with listening(runner, Settings(bind="127.0.0.1:0")) as port:
        yield port
    await runner.cleanup()


async def _seconds_until_closed(port: int, *parts: bytes) -> float:
    """How long the server keeps a connection on which the parts come, half a second apart."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    started = time.monotonic()
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0.5)
    with suppress(ConnectionError):  # of a part that came after the end
        while await asyncio.wait_for(reader.read(65_536), 12):
            pass
    writer.close()
    return time.monotonic() - started


async def _first_bytes(port: int, *parts: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0.1)
    answer = await asyncio.wait_for(reader.read(15), 12)
    writer.close()
    return answer


async def test_an_unfinished_head_is_given_up_and_nothing_else_is(port: int) -> None:
    idle = await asyncio.open_connection("127.0.0.1", port)
    unfinished, dripping, *answers = await asyncio.gather(
        _seconds_until_closed(port, HEAD),
        _seconds_until_closed(port, *[HEAD[at : at + 1] for at in range(12)]),
        _first_bytes(port, HEAD + b"\r\n"),
        _first_bytes(port, HEAD, b"\r\n"),
    )
    assert HEAD_SECONDS - 0.5 < unfinished < HEAD_SECONDS + 1.5
    assert dripping < HEAD_SECONDS + 2.0
    assert answers == [b"HTTP/1.1 200 OK"] * 2
    idle[1].write(HEAD + b"\r\n")
    assert await asyncio.wait_for(idle[0].read(15), 12) == b"HTTP/1.1 200 OK"
    idle[1].close()
