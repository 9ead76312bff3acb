"""The bare aiohttp handlers answer rightly, in a process as the floor experiment starts them."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from uuid import uuid4

import aiohttp
import pytest

from tests.integration.services.shop import Shop, SigningKey, User, until


class Floor:
    """The running process as a client sees it."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url, self._session = url, session

    async def ask(self, method: str, path: str, user: User | None = None, **sent: object) -> object:
        headers = {"Idempotency-Key": str(uuid4()), **(user.headers if user else {})}
        url = f"{self._url}{path}"
        async with self._session.request(method, url, headers=headers, **sent) as answer:  # type: ignore[arg-type]
            return answer.status, await answer.json()

    async def is_ready(self) -> bool:
        try:
            return await self.ask("GET", "/ready") == (200, {"status": "ok"})
        except aiohttp.ClientError:
            return False


@pytest.fixture
async def floor(
    dsns: Mapping[str, str], signing_key: SigningKey, unused_tcp_port: int
) -> AsyncIterator[Floor]:
    environ = {f"{name.upper()}_DATABASE_URL": dsn for name, dsn in dsns.items()}
    environ |= {"SIGNING_KEY_FILE": str(signing_key.path)}
    environ |= {"SHOP_BIND": f"127.0.0.1:{unused_tcp_port}"}
    command = (sys.executable, "-m", "microservices.floor")
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **environ})
    async with aiohttp.ClientSession() as session:
        floor = Floor(f"http://127.0.0.1:{unused_tcp_port}", session)
        try:
            await until(floor.is_ready, 20.0)
            yield floor
        finally:
            process.terminate()
            assert await process.wait() == 0


async def test_reads_are_answered_as_the_shop_answers_them(shop: Shop, floor: Floor) -> None:
    product, buyer = await shop.product(name="Tee \N{GRINNING FACE}"), await shop.buyer(700)
    answer = await shop.get(f"/api/v1/products/{product}")
    assert await floor.ask("GET", f"/floor/products/{product}") == (200, answer.json)
    assert await floor.ask("GET", "/floor/wallet", buyer) == (200, {"balance_cents": 700})


async def test_an_order_is_placed_paid_and_settled(shop: Shop, floor: Floor) -> None:
    product, buyer = await shop.product(10, price_cents=300), await shop.buyer(1000)
    body = {"items": [{"product_id": product, "quantity": 2}]}
    status, order = await floor.ask("POST", "/floor/orders", buyer, json=body)  # type: ignore[misc]
    assert (status, order["status"], order["total_cents"]) == (201, "confirmed", 600)
    shown = (await shop.get(f"/api/v1/orders/{order['id']}", buyer)).json
    assert shown | {"updated_at": order["updated_at"]} == order
    assert await shop.wallet(buyer) == 400

    async def settled() -> bool:
        return await shop.stock(product) == (2, 0)

    await until(settled, 20.0)
