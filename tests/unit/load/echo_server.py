"""A server that answers like the shop and states its own time; it can freeze, fail or be odd.

Prints its port. `--freeze-after S` blocks the whole process for `--freeze-for S` seconds, S
after the first request; `--status`, `--body` answer every request so; `--service-ms` makes each
request hold the one server for so long (an M/D/1 queue under Poisson arrivals); what it really
held is stated as `db`; `--refuse` so many requests for load before it takes any. GET /heard gives
all requests so far.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

from aiohttp import web

from bench.contract.openapi import response_of
from bench.load.operations import OPERATIONS

ROUTES = {
    "/api/v1/orders": "order_list",
    "/api/v1/products": "product_list",
    "/api/v1/wallet": "wallet_read",
    "/api/v1/wallet/deposits": "deposit",
    "/api/v1/users/me": "profile_read",
    "/api/v1/account/overview": "overview",
    "/api/v1/auth/tokens": "login",
}


def example_of(name: str) -> tuple[int, str]:
    """The contract's own example of an operation's first accepted answer."""
    operation = OPERATIONS[name]
    status = min(operation.statuses)
    response = response_of(operation.method, operation.route, status)
    assert response is not None
    return status, json.dumps(response["content"]["application/json"]["example"])


ANSWERS = {name: example_of(name) for name in OPERATIONS}


def answer_of(method: str, path: str) -> tuple[int, str]:
    """The right status and a body of the right shape."""
    name = ROUTES.get(path, "product_read")
    if path.startswith("/api/v1/orders/"):
        name = "order_read"
    elif method == "POST" and path == "/api/v1/orders":
        name = "order"
    return ANSWERS[name]


class Server:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.turn = asyncio.Lock()
        self.freeze_at: float | None = None
        self.keys: set[str] = set()
        self.refused = 0
        self.heard: list[dict[str, object]] = []

    async def tell(self, _: web.Request) -> web.Response:
        return web.json_response(self.heard)

    async def handle(self, request: web.Request) -> web.Response:
        start = time.perf_counter()
        self.freeze_if_due(start)
        body = (await request.read()).decode()
        self.heard.append(
            {
                "at": time.time(),
                "method": request.method,
                "path": request.path_qs,
                "body": body,
                "token": request.headers.get("Authorization", ""),
                "key": request.headers.get("Idempotency-Key", ""),
                "type": request.headers.get("Content-Type", ""),
            }
        )
        if self.refused < self.options.refuse:
            self.refused += 1
            return web.json_response({"code": "overloaded"}, status=503)
        service_ms = 0.0
        if self.options.service_ms:
            async with self.turn:
                began = time.perf_counter()
                await asyncio.sleep(self.options.service_ms / 1000)
                service_ms = (time.perf_counter() - began) * 1000
        if self.options.delay_ms:
            await asyncio.sleep(self.options.delay_ms / 1000)
        status, body = answer_of(request.method, request.path)
        key = request.headers.get("Idempotency-Key")
        if request.method == "POST" and not request.path.endswith("/tokens"):
            if key is None or key in self.keys:
                status = 400
            else:
                self.keys.add(key)
        text = self.options.body if self.options.body is not None else body
        app_ms = (time.perf_counter() - start) * 1000
        return web.Response(
            status=self.options.status or status,
            text=text,
            content_type="application/json",
            headers={"Server-Timing": f"app;dur={app_ms:.3f}, db;dur={service_ms:.3f}"},
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
    parser.add_argument("--refuse", type=int, default=0)
    parser.add_argument("--body")
    parser.add_argument("--service-ms", type=float, default=0.0)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    app = web.Application()
    server = Server(parser.parse_args())
    app.router.add_get("/heard", server.tell)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)  # 128 loses SYNs in a freeze
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
