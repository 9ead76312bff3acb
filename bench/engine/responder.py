"""A server that is never the limit: one answer to every request, at once or after a known delay.

For measuring the load generator itself. `python -m bench.engine.responder` prints its port.
It reads no more of HTTP/1.1 than a load generator sends: requests without a body, one after the
other on a connection.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import math
from collections.abc import Callable, Iterator
from statistics import NormalDist
from typing import cast

BODY = (
    b'{"id":"00000000-0000-7000-8000-000000000001","sku":"SKU-1","name":"Tea","description":"Green '
    b'tea, loose.","category":"tea","price_cents":450,"available":100,"version":1}'
)
_GOLDEN = (math.sqrt(5) - 1) / 2
_END = b"\r\n\r\n"


def answer(body: bytes = BODY) -> bytes:
    """The whole HTTP answer with `body`, JSON."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + _END + body


def delays_s(median_ms: float, sigma: float) -> Iterator[float]:
    """Log-normal delays without end, in seconds.

    The quantiles are visited by the golden ratio's multiples (an even spread), not drawn: any few
    thousand requests in a row meet the same distribution, so that two clients can be compared
    more closely than chance would let them.
    """
    normal = NormalDist()
    for number in itertools.count(1):
        share = (number * _GOLDEN) % 1.0
        yield median_ms / 1000 * math.exp(sigma * normal.inv_cdf(min(max(share, 1e-6), 1 - 1e-6)))


class _Responder(asyncio.Protocol):
    """Answers each request; `later` holds an answer back, None sends it at once."""

    def __init__(self, later: Callable[[Callable[[], None]], None] | None) -> None:
        self._later = later
        self._answer = answer()
        self._left = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        if self._left:
            data = self._left + data
        for _ in range(data.count(_END)):
            if self._later is None:
                self._send()
            else:
                self._later(self._send)
        self._left = b"" if data.endswith(_END) else data[data.rfind(_END) + 4 :]

    def _send(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._answer)


async def serve(median_ms: float, sigma: float) -> None:
    """Serve on a free port until cancelled; print the port first."""
    loop = asyncio.get_running_loop()
    later: Callable[[Callable[[], None]], None] | None = None
    if median_ms > 0:
        delays = delays_s(median_ms, sigma)

        def later(send: Callable[[], None]) -> None:
            loop.call_later(next(delays), send)

    server = await loop.create_server(lambda: _Responder(later), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve, on uvloop if it is there and no delay is asked for (its timers count whole ms)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--median-ms", type=float, default=0.0)
    parser.add_argument("--sigma", type=float, default=0.5)
    options = parser.parse_args()
    factory = None
    if options.median_ms == 0:
        try:
            import uvloop
        except ImportError:  # Windows
            pass
        else:
            factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(options.median_ms, options.sigma))


if __name__ == "__main__":
    main()
