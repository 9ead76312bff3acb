"""A server whose truth is known: it spins for a fixed amount of work, answers, may do more after.

One process may play several: a path of a variant begins with its number (`/1/products/…`). Two
processes of the same code differ by up to 3 % in speed (memory layout, measured here); variants of
one process differ by their behaviour alone.

`python -m bench.experiments.selftest.reference_server`, bound by SHOP_BIND. Plain asyncio, one
thread: a written answer leaves at once, so work after the write delays no answer but the next.
It reads no more of HTTP/1.1 than the load generator sends: requests without a body.

It states what its variant did beyond the base, as `db` in Server-Timing (it has no database): the
time of `extra` in this answer, or the CPU of `after` in the answer before. Units are no measure of
that: the last of a piece of work are up to 8 % cheaper than the first, which find cold caches.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import Mapping, Sequence
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

    `spin`, `extra`, `after`: units of work, two pieces before and one after the answer is sent.
    `sleep_ms`: whole milliseconds, because asyncio sleeps 1.08 ms for any less. `states`: the
    share of its own time that it admits in Server-Timing. `broken`: the right shape with values
    the contract forbids. `backlog`: put-off jobs that are never done.
    """

    spin: int = 0
    extra: int = 0
    after: int = 0
    sleep_ms: int = 0
    states: float = 1.0
    status: int = 200
    broken: int = 0
    backlog: int = 0

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


def answer(behaviour: Behaviour, path: bytes, app_ms: float, beyond_ms: float = 0.0) -> bytes:
    """The whole HTTP answer. `beyond_ms`: what `extra` and `after` took, stated as `db`."""
    if path == b"/backlog":
        content: dict[str, object] = {"left": behaviour.backlog}
    elif path.endswith(b"/wallet"):
        content = dict(WALLET)
    else:
        content = {**PRODUCT, "price_cents": -1} if behaviour.broken else dict(PRODUCT)
    if behaviour.status != 200:
        content = {"code": "internal_error"}
    body = json.dumps(content).encode()
    head = (
        f"HTTP/1.1 {behaviour.status} {_REASONS.get(behaviour.status, '')}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"Server-Timing: app;dur={app_ms * behaviour.states:.3f}, db;dur={beyond_ms:.4f}\r\n\r\n"
    )
    return head.encode() + body


class _Played:
    """A behaviour, and what it still has to state: the CPU of the last `after`, in ms."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.after_ms = 0.0


class _Connection(asyncio.Protocol):
    def __init__(self, usual: _Played, variants: Mapping[bytes, _Played]) -> None:
        self._usual = usual
        self._variants = variants
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
        start = between = time.perf_counter()
        played = self._variants.get(path[:2], self._usual)
        behaviour = played.behaviour
        if path != b"/backlog":
            spin(behaviour.spin)
            between = time.perf_counter()
            spin(behaviour.extra)
            if behaviour.sleep_ms:
                loop = asyncio.get_running_loop()
                loop.call_later(behaviour.sleep_ms / 1000, self._send, played, path, start, between)
                return
        self._send(played, path, start, between)

    def _send(self, played: _Played, path: bytes, start: float, between: float) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        now = time.perf_counter()
        behaviour = played.behaviour
        beyond_ms = (now - between) * 1000 if behaviour.extra else played.after_ms
        self._transport.write(answer(behaviour, path, (now - start) * 1000, beyond_ms))
        if behaviour.after:
            before = time.thread_time()
            spin(behaviour.after)
            played.after_ms = (time.thread_time() - before) * 1000


async def serve(behaviour: Behaviour, variants: Sequence[Behaviour], host: str, port: int) -> None:
    """Serve until cancelled."""
    loop = asyncio.get_running_loop()
    numbered = {b"/%d" % number: _Played(each) for number, each in enumerate(variants)}
    made = partial(_Connection, _Played(behaviour), numbered)
    server = await loop.create_server(made, host, port, backlog=1024)
    await server.serve_forever()


def main() -> None:
    """Serve on SHOP_BIND."""
    parser = argparse.ArgumentParser()
    for field in fields(Behaviour):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default)
    parser.add_argument("--variants", type=json.loads, default=[])
    given = vars(parser.parse_args())
    variants = [Behaviour(**each) for each in given.pop("variants")]
    host, _, port = os.environ["SHOP_BIND"].rpartition(":")
    asyncio.run(serve(Behaviour(**given), variants, host, int(port)))


if __name__ == "__main__":
    main()
