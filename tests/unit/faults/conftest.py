"""The real proxy process before a server of the test's own."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from bench.errors import ShopbenchError
from bench.faults.proxy_control import HopControl

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what comes until the caller has ended."""
    with suppress(ConnectionError, asyncio.CancelledError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


class Proxied:
    """`port` leads to the server through the proxy, `direct` without it."""

    def __init__(self, port: int, direct: int, control: HopControl) -> None:
        self.port = port
        self.direct = direct
        self.control = control


@pytest.fixture
def proxied(tmp_path: Path) -> Callable[..., object]:
    @asynccontextmanager
    async def start(handler: Handler = echo) -> AsyncIterator[Proxied]:
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        direct = int(server.sockets[0].getsockname()[1])
        port, path = free_port(), tmp_path / "hops.sock"
        child = subprocess.Popen(  # noqa: ASYNC220 - the proxy must be ready before anything else
            [
                *(sys.executable, "-m", "bench.faults.proxy", "--control", str(path)),
                *("--hop", f"echo={port}:127.0.0.1:{direct}"),
            ]
        )
        try:
            with connected(path) as control:
                yield Proxied(port, direct, control)
        finally:
            child.terminate()
            assert child.wait(10) == 0
            server.close()

    return start


def connected(path: Path) -> HopControl:
    deadline = time.monotonic() + 15
    while True:
        try:
            return HopControl(path)
        except ShopbenchError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
