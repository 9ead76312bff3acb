"""A server whose truth is known: it spins for a fixed amount of work and answers as it is told.

`python -m bench.experiments.selftest.reference_server`, bound by SHOP_BIND. Plain asyncio, one
thread. It reads no more of HTTP/1.1 than the load sends for reads: requests without a body.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from dataclasses import dataclass, fields
from functools import partial

ROUNDS_PER_UNIT = 100
PRODUCT = {
    "id": "5b0e8a52-6c1d-5e0f-8f67-1c2d3e4f5a6b",
    "sku": "TEA-0001",
    "name": "Green tea",
    "description": "Loose leaves",
    "category": "tea",
    "price_cents": 450,
    "available": 10,
    "version": 1,
}
WALLET = {"balance_cents": 10_000}
_END = b"\r\n\r\n"
_REASONS = {200: "OK", 500: "Internal Server Error"}


@dataclass(frozen=True)
class Behaviour:
    """What the server does for a request.

    `spin`: units of work before the answer. `sleep_ms`: whole milliseconds, because asyncio sleeps
    1.08 ms for any less. `broken`: the right shape with values the contract forbids.
    """

    spin: int = 0
    sleep_ms: int = 0
    status: int = 200
    broken: int = 0

    def arguments(self) -> list[str]:
        """As command line."""
        return [f"--{field.name}={getattr(self, field.name)}" for field in fields(self)]


def spin(units: int) -> int:
    """Do a fixed piece of work. Time grows in proportion to `units`: no number gets longer."""
    seen = 0
    for _ in range(units):
        for number in range(ROUNDS_PER_UNIT):
            seen ^= number
    return seen


def unit_ns(units: int = 2_000, repeats: int = 15) -> float:
    """CPU time of one unit here and now: the least of some tries, by the thread's own clock."""
    best = float("inf")
    for _ in range(repeats):
        start = time.thread_time_ns()
        spin(units)
        best = min(best, time.thread_time_ns() - start)
    return best / units


def answer(behaviour: Behaviour, path: bytes, app_ms: float) -> bytes:
    """The whole HTTP answer."""
    content: dict[str, object] = dict(WALLET if path.endswith(b"/wallet") else PRODUCT)
    if behaviour.broken and "price_cents" in content:
        content["price_cents"] = -1
    if behaviour.status != 200:
        content = {"code": "internal_error"}
    body = json.dumps(content).encode()
    head = (
        f"HTTP/1.1 {behaviour.status} {_REASONS.get(behaviour.status, '')}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"Server-Timing: app;dur={app_ms:.3f}, db;dur=0\r\n\r\n"
    )
    return head.encode() + body


class _Connection(asyncio.Protocol):
    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._left = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self._left = (self._left + data).split(_END)
        for request in requests:
            self._serve(request.split(b" ", 2)[1])

    def _serve(self, path: bytes) -> None:
        start = time.perf_counter()
        spin(self._behaviour.spin)
        if self._behaviour.sleep_ms:
            loop = asyncio.get_running_loop()
            loop.call_later(self._behaviour.sleep_ms / 1000, self._send, path, start)
        else:
            self._send(path, start)

    def _send(self, path: bytes, start: float) -> None:
        if self._transport is not None and not self._transport.is_closing():
            app_ms = (time.perf_counter() - start) * 1000
            self._transport.write(answer(self._behaviour, path, app_ms))


async def serve(behaviour: Behaviour, host: str, port: int) -> None:
    """Serve until cancelled."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(_Connection, behaviour), host, port, backlog=1024)
    await server.serve_forever()


def main() -> None:
    """Serve on SHOP_BIND."""
    parser = argparse.ArgumentParser()
    for field in fields(Behaviour):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default)
    behaviour = Behaviour(**vars(parser.parse_args()))
    host, _, port = os.environ["SHOP_BIND"].rpartition(":")
    asyncio.run(serve(behaviour, host, int(port)))


if __name__ == "__main__":
    main()
