"""The floor of the benchmark: bare aiohttp handlers and the same SQL. No part of the shop.

`python -m microservices.floor` listens on SHOP_BIND and reads the `*_DATABASE_URL`, the pool and
timeout settings and SIGNING_KEY_FILE, as the services do; one process, uvloop, a pool a database.

What is the same: the statements (imported from where the services run them), their order, their
commits and their databases, the pool's settings, the encoder and shape of the answers, and the
outbox relay with its batches, because settling is part of what an order costs. What is left out:
request ids, Server-Timing, deadlines, validation, problems, idempotent replay, saga, recovery,
peers, shedding. The wallet and the order verify the caller's token: without it nobody knows whose
wallet is meant.

- `GET /floor/products/{id}`: GET_PRODUCT
- `GET /floor/wallet`: BALANCE
- `POST /floor/orders`: PLACE, RESERVE, CHARGE, CONFIRM, a commit each; later CLAIM, SETTLE, DELETE
"""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import jwt
import msgspec
import uvloop
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg_pool import AsyncConnectionPool

from microservices.chassis import outbox
from microservices.chassis.database import PREPARE_THRESHOLD, Connection
from microservices.chassis.jwk import ALGORITHM, load_private_key
from microservices.chassis.server import BACKLOG, KEEP_ALIVE_SECONDS
from microservices.chassis.settings import Settings, load, required
from microservices.chassis.tokens import AUDIENCE, ISSUER
from microservices.inventory.catalogue import GET_PRODUCT
from microservices.inventory.messages import Product
from microservices.inventory.stock import RESERVE, SETTLE
from microservices.orders.messages import PublicOrder
from microservices.orders.model import Line
from microservices.orders.repository import FOREVER, LEASE_S
from microservices.orders.statements import CONFIRM, PLACE
from microservices.payments.messages import Wallet
from microservices.payments.repository import BALANCE, CHARGE

COMPONENTS = ("inventory", "payments", "orders")
JSON = "application/json"
PATH = "/floor/orders"
Pool = AsyncConnectionPool[Connection]
POOLS = web.AppKey("pools", dict[str, Pool])
PACE = web.AppKey("pace", outbox.Pace)
KEY = web.AppKey("key", ec.EllipticCurvePublicKey)
_encode = msgspec.json.Encoder().encode


async def get_product(request: web.Request) -> web.Response:
    parameters = (request.match_info["product_id"],)
    row = await _one(request.app[POOLS]["inventory"], GET_PRODUCT, parameters)
    return web.Response(body=_encode(Product(*row)), content_type=JSON)


async def get_wallet(request: web.Request) -> web.Response:
    row = await _one(request.app[POOLS]["payments"], BALANCE, (_user_of(request),))
    return web.Response(body=_encode(Wallet(row[0])), content_type=JSON)


async def create_order(request: web.Request) -> web.Response:
    user_id = _user_of(request)
    key = request.headers["Idempotency-Key"]
    items = msgspec.json.decode(await request.read())["items"]
    body = await _buy(request.app[POOLS], user_id, key, items)
    request.app[PACE].wake()
    return web.Response(status=201, body=body, content_type=JSON)


async def get_ready(request: web.Request) -> web.Response:
    return web.Response(body=b'{"status":"ok"}', content_type=JSON)


def _user_of(request: web.Request) -> str:
    token = request.headers["Authorization"].removeprefix("Bearer ")
    key = request.app[KEY]
    claims = jwt.decode(token, key, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=ISSUER)
    return str(claims["sub"])


async def _buy(pools: dict[str, Pool], user_id: str, key: str, items: list[Any]) -> bytes:
    """An order that nothing refuses: four statements, four commits."""
    order_id, now = str(uuid4()), datetime.now(UTC)
    products = [item["product_id"] for item in items]
    quantities = [item["quantity"] for item in items]
    lines = {"product_ids": products, "quantities": quantities}
    scope = {"id": order_id, "user_id": user_id, "path": PATH, "key": key}
    placing = {**scope, **lines, "fingerprint": "0" * 64, "lease_s": LEASE_S, "now": now}
    await _one(pools["orders"], PLACE, placing)
    reserved = await _all(pools["inventory"], RESERVE, {"order_id": order_id, **lines})
    quoted = {row[0]: row for row in reserved}
    names = [quoted[product][1] for product in products]
    prices = [quoted[product][2] for product in products]
    total = sum(price * quantity for price, quantity in zip(prices, quantities, strict=True))
    charging = {"order_id": order_id, "user_id": user_id, "amount_cents": total}
    (payment_id,) = await _one(pools["payments"], CHARGE, {**charging, "payment_id": str(uuid4())})
    shown = tuple(map(Line, products, names, prices, quantities))
    placed = tuple(Line(line.product_id, None, None, line.quantity) for line in shown)
    order = PublicOrder(order_id, "confirmed", None, shown, total, payment_id, now, now)
    body = _encode(order)
    waiting = PublicOrder(order_id, "pending", None, placed, None, None, now, now)
    confirming = {**scope, "held": "pending", "attempt": 1, "total_cents": total}
    confirming |= {"payment_id": payment_id, "updated_at": now, "answer_status": 201}
    confirming |= {"answer": body, "accepted": _encode(waiting), "until": FOREVER}
    confirming |= {"product_ids": products, "names": names, "prices": prices}
    await _one(pools["orders"], CONFIRM, confirming)
    return body


async def _one(pool: Pool, sql: str, parameters: Any) -> Any:
    async with pool.connection() as connection:
        return await (await connection.execute(sql, parameters)).fetchone()


async def _all(pool: Pool, sql: str, parameters: Any) -> list[Any]:
    async with pool.connection() as connection:
        return await (await connection.execute(sql, parameters)).fetchall()


async def _relay(pools: dict[str, Pool], pace: outbox.Pace) -> None:
    """The outbox's batches: claim, settle, delete."""
    while True:
        rows = await _all(pools["orders"], outbox.CLAIM, (outbox.BATCH,))
        if rows:
            await _one(pools["inventory"], SETTLE, {"order_ids": [row[2] for row in rows]})
            done = ([row[0] for row in rows],)
            async with pools["orders"].connection() as connection:
                await connection.execute(outbox.DELETE, done)
        if len(rows) < outbox.BATCH:
            await pace.pause(len(rows))


async def _open_pools(app: web.Application) -> AsyncIterator[None]:
    settings = load(Settings)
    options = f"-c statement_timeout={settings.statement_timeout_ms} -c timezone=UTC"
    connecting = {
        "autocommit": True,
        "prepare_threshold": PREPARE_THRESHOLD,
        "options": options,
        "application_name": "floor",
    }
    for name in COMPONENTS:
        url = required(os.environ, f"{name.upper()}_DATABASE_URL")
        size = settings.pool_max
        pool: Pool = AsyncConnectionPool(
            url, min_size=size, max_size=size, kwargs=connecting, open=False
        )
        app[POOLS][name] = pool
        await pool.open(wait=True)
    relay = asyncio.create_task(_relay(app[POOLS], app[PACE]))
    yield
    relay.cancel()
    await asyncio.wait((relay,), timeout=1.0)
    for pool in app[POOLS].values():
        await pool.close()


def create_app() -> web.Application:
    app = web.Application()
    key_file = required(os.environ, "SIGNING_KEY_FILE")
    app[KEY] = load_private_key("SIGNING_KEY_FILE", key_file).public_key()
    app[POOLS] = {}
    app[PACE] = outbox.Pace()
    app.cleanup_ctx.append(_open_pools)
    app.router.add_get("/floor/products/{product_id}", get_product)
    app.router.add_get("/floor/wallet", get_wallet)
    app.router.add_post(PATH, create_order)
    app.router.add_get("/ready", get_ready)
    return app


def main() -> None:
    host, port = load(Settings).address
    web.run_app(
        create_app(),
        host=host,
        port=port,
        access_log=None,
        print=None,
        backlog=BACKLOG,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        loop=uvloop.new_event_loop(),
    )


if __name__ == "__main__":
    main()
