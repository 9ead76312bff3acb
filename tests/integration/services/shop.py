"""A whole shop in this process for the tests: four databases, the app from its factory, users."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import msgspec
import psycopg
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from microservices.chassis.database import Database
from microservices.chassis.jwk import jwk_of
from microservices.chassis.settings import Settings
from microservices.chassis.wiring import DATABASES

COMPONENTS = ("users", "inventory", "payments", "orders")
KEPT = ("schema_migrations", "verification_keys")


@dataclass(frozen=True)
class SigningKey:
    """The key that users sign with; its file is what the app gets."""

    private: ec.EllipticCurvePrivateKey
    path: Path

    @classmethod
    def create(cls, path: Path) -> "SigningKey":
        private = ec.generate_private_key(ec.SECP256R1())
        pem = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path.write_bytes(pem)
        return cls(private, path)

    def token(self, user_id: str, staff: bool = False) -> str:
        now = int(time.time())
        claims = {
            "iss": "shop",
            "aud": "shop",
            "sub": user_id,
            "staff": staff,
            "iat": now,
            "exp": now + 600,
        }
        kid = jwk_of(self.private.public_key())["kid"]
        return jwt.encode(claims, self.private, algorithm="ES256", headers={"kid": kid})


@dataclass(frozen=True)
class User:
    id: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answered:
    status: int
    json: Any


class Shop:
    """The running app as a client sees it, and its databases."""

    def __init__(
        self, client: TestClient[Any, Any], dsns: Mapping[str, str], key: SigningKey
    ) -> None:
        self.client = client
        self.dsns = dsns
        self._key = key

    def database(self, component: str) -> Database:
        """The pool the app itself uses."""
        return self.client.server.app[DATABASES][component]  # type: ignore[attr-defined]

    def user(self, staff: bool = False) -> User:
        user_id = str(uuid4())
        return User(user_id, {"Authorization": f"Bearer {self._key.token(user_id, staff)}"})

    async def get(self, path: str, user: User | None = None) -> Answered:
        headers = dict(user.headers) if user else {}
        return await _answered(self.client.get(path, headers=headers))

    async def post(
        self, path: str, user: User, body: Any = None, key: str | None = None
    ) -> Answered:
        headers = {**user.headers, "Idempotency-Key": key or str(uuid4())}
        return await _answered(self.client.post(path, headers=headers, json=body))

    async def patch(self, path: str, user: User, body: Any) -> Answered:
        return await _answered(self.client.patch(path, headers=dict(user.headers), json=body))

    async def product(self, quantity: int = 100, price_cents: int = 100, **fields: Any) -> str:
        """A new product; its id."""
        body = {
            "sku": str(uuid4()),
            "name": "Tea",
            "description": "",
            "category": "tea",
            "price_cents": price_cents,
            "quantity": quantity,
        }
        created = await self.post("/api/v1/products", self.user(staff=True), body | fields)
        assert created.status == 201, created
        return str(created.json["id"])

    async def buyer(self, wallet_cents: int = 100_000) -> User:
        user = self.user()
        if wallet_cents:
            body = {"amount_cents": wallet_cents}
            assert (await self.post("/api/v1/wallet/deposits", user, body)).status == 201
        return user

    async def register(self, user: User) -> None:
        """Make the user known to users; the other components know no users, only tokens."""
        sql = """INSERT INTO users (id, email, password_hash, full_name, staff)
                 VALUES (%s, %s, '$argon2id$' || repeat('x', 90), 'Ann', false)"""
        await self.rows("users", sql, user.id, f"{user.id}@shop.example")

    async def order(self, user: User, *lines: tuple[str, int], key: str | None = None) -> Answered:
        items = [{"product_id": product, "quantity": quantity} for product, quantity in lines]
        return await self.post("/api/v1/orders", user, {"items": items}, key)

    async def until_answered(self, user: User, line: tuple[str, int], key: str) -> Answered:
        """The order once more, until the shop is back and nobody else is at it."""
        found: list[Answered] = []

        async def settled() -> bool:
            found.append(await self.order(user, line, key=key))
            return found[-1].json.get("code") not in {
                "dependency_unavailable",
                "overloaded",
                "request_in_progress",
            }

        await until(settled, 20.0)
        return found[-1]

    async def cancel(self, user: User, order_id: str, key: str | None = None) -> Answered:
        return await self.post(f"/api/v1/orders/{order_id}/cancellation", user, None, key)

    async def wallet(self, user: User) -> int:
        return int((await self.get("/api/v1/wallet", user)).json["balance_cents"])

    async def rows(self, component: str, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        return await query(self.dsns[component], sql, *params)

    async def stock(self, product_id: str) -> tuple[int, int]:
        """Units sold and reserved."""
        sql = "SELECT sold, reserved FROM audit_stock WHERE product_id = %s"
        sold, reserved = (await self.rows("inventory", sql, product_id))[0]
        return sold, reserved

    async def quiet(self) -> None:
        """Wait until no order is unfinished and the outbox is empty."""

        async def idle() -> bool:
            sql = """
                SELECT (SELECT count(*) FROM audit_orders WHERE status = 'pending')
                     + (SELECT count(*) FROM orders WHERE status = 'confirmed'
                                                      AND cancel_requested_at IS NOT NULL)
                     + (SELECT count(*) FROM audit_outbox)"""
            return (await self.rows("orders", sql))[0][0] == 0

        await until(idle, 20.0)


async def _answered(response: Awaitable[ClientResponse]) -> Answered:
    async with await response as answer:  # type: ignore[attr-defined]
        return Answered(answer.status, await answer.json(content_type=None))


async def until(condition: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Poll until the condition holds."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        await asyncio.sleep(0.02)


async def query(dsn: str, sql: str, *params: Any) -> list[tuple[Any, ...]]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        cursor = await connection.execute(sql, params)  # type: ignore[arg-type]
        return await cursor.fetchall() if cursor.description else []


async def empty(dsn: str) -> None:
    """Delete all rows, as a new seed does; keys and migrations stay."""
    sql = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL(%s)"
    tables = ", ".join(row[0] for row in await query(dsn, sql, list(KEPT)))
    await query(dsn, f"TRUNCATE {tables} CASCADE")


def arm(faults_dir: Path, point: str, action: str, *, once: bool = True) -> Path:
    """Make the app fail at a point; deleting the file ends it."""
    path = faults_dir / f"{point}.json"
    path.write_bytes(msgspec.json.encode({"action": action, "seconds": 0.1, "once": once}))
    return path


def settings(**changes: Any) -> Settings:
    return Settings(**{"pool_max": 4, **changes})
