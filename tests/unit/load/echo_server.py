"""A server that answers like the shop and states its own time; it can freeze, fail or be odd.

Prints its port. `--freeze-after S` blocks the whole process for `--freeze-for S` seconds, S
after the first request; `--status`, `--body` answer every request so; `--service-ms` makes each
request hold the one server for so long (an M/D/1 queue under Poisson arrivals).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

from aiohttp import web

NOW = "2026-01-01T00:00:00Z"
PRODUCT = {
    "id": "00000000-0000-7000-8000-000000000000",
    "sku": "s",
    "name": "n",
    "description": "d",
    "category": "c",
    "price_cents": 1,
    "available": 1,
    "version": 1,
}
ORDER = {
    "id": "00000000-0000-7000-8000-00000000000a",
    "status": "confirmed",
    "reason": None,
    "items": [],
    "total_cents": 1,
    "payment_id": None,
    "created_at": NOW,
    "updated_at": NOW,
}
WALLET = {"balance_cents": 5}
USER = {"id": "u", "email": "e", "full_name": "f", "created_at": NOW}


def answer_of(method: str, path: str) -> tuple[int, object]:
    """The right status and a body of the right shape."""
    path = path.removeprefix("/api/v1")
    if path == "/orders":
        return (201, ORDER) if method == "POST" else (200, {"items": [ORDER], "next_cursor": None})
    if path.startswith("/orders/"):
        return 200, ORDER
    overview = {
        "user": USER,
        "wallet": WALLET,
        "recent_orders": [ORDER],
        "recommended": [PRODUCT],
        "degraded": [],
    }
    answers: dict[str, tuple[int, object]] = {
        "/products": (200, {"items": [PRODUCT] * 20, "next_cursor": "x"}),
        "/wallet": (200, WALLET),
        "/wallet/deposits": (201, WALLET),
        "/users/me": (200, USER),
        "/account/overview": (200, overview),
        "/auth/tokens": (200, {"access_token": "t", "token_type": "Bearer", "expires_in": 3600}),
    }
    return answers.get(path, (200, PRODUCT))


class Server:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.turn = asyncio.Lock()
        self.freeze_at: float | None = None
        self.keys: set[str] = set()

    async def handle(self, request: web.Request) -> web.Response:
        start = time.perf_counter()
        self.freeze_if_due(start)
        await request.read()
        if self.options.service_ms:
            async with self.turn:
                until = time.perf_counter() + self.options.service_ms / 1000
                while time.perf_counter() < until:
                    pass
        if self.options.delay_ms:
            await asyncio.sleep(self.options.delay_ms / 1000)
        status, body = answer_of(request.method, request.path)
        key = request.headers.get("Idempotency-Key")
        if request.method == "POST" and not request.path.endswith("/tokens"):
            if key is None or key in self.keys:
                status = 400
            else:
                self.keys.add(key)
        text = self.options.body if self.options.body is not None else json.dumps(body)
        app_ms = (time.perf_counter() - start) * 1000
        return web.Response(
            status=self.options.status or status,
            text=text,
            content_type="application/json",
            headers={"Server-Timing": f"app;dur={app_ms:.3f}, db;dur=0.25"},
        )

    def freeze_if_due(self, now: float) -> None:
        if self.options.freeze_after is None:
            return
        if self.freeze_at is None:
            self.freeze_at = now + self.options.freeze_after
        elif now >= self.freeze_at:
            self.freeze_at = float("inf")
            time.sleep(self.options.freeze_for)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--freeze-after", type=float)
    parser.add_argument("--freeze-for", type=float, default=1.0)
    parser.add_argument("--status", type=int)
    parser.add_argument("--body")
    parser.add_argument("--service-ms", type=float, default=0.0)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", Server(parser.parse_args()).handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
