"""The shop in a test: people, products, and requests through Django's test client."""

import json
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

from django.db import connection, connections
from django.test import Client

from bench.contract.seed import password_hash
from monolith.common.tokens import issue_token

API = "/api/v1"


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    raw: bytes
    headers: Any

    @property
    def code(self) -> str:
        return str(self.body["code"])


class Person:
    """Somebody with a token, or nobody without."""

    other = ""  # a second product, where a test needs one

    def __init__(self, user_id: str | None = None, *, staff: bool = False) -> None:
        self.user_id = user_id
        self.headers = {}
        if user_id is not None:
            token = issue_token(uuid.UUID(user_id), staff)
            self.headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"}

    def get(self, path: str) -> Answer:
        return _answer(Client().get(API + path, **self.headers))

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a body as JSON, bytes as they are."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body)
        headers = {"content_type": "application/json", **self.headers, **headers}
        return _answer(Client().generic(method, API + path, raw, **headers))

    def keyed(self, path: str, body: Any = None, key: str | None = None) -> Answer:
        return self.send("POST", path, body, HTTP_IDEMPOTENCY_KEY=key or str(uuid.uuid4()))

    def buy(self, *lines: tuple[str, int], key: str | None = None) -> Answer:
        items = [{"product_id": product, "quantity": quantity} for product, quantity in lines]
        return self.keyed("/orders", {"items": items}, key)

    def cancel(self, order_id: str, key: str | None = None) -> Answer:
        return self.keyed(f"/orders/{order_id}/cancellation", None, key)

    @property
    def balance(self) -> int:
        return int(self.get("/wallet").body["balance_cents"])


def _answer(response: Any) -> Answer:
    body = json.loads(response.content) if response.content else None
    return Answer(response.status_code, body, response.content, response.headers)


def person(balance_cents: int = 0, *, staff: bool = False) -> Person:
    """A new user; money comes by deposits, as it does for everyone."""
    user_id = str(uuid.uuid4())
    run(
        "INSERT INTO users (id, email, password_hash, full_name, staff)"
        " VALUES (%s, %s, %s, %s, %s)",
        (user_id, f"{user_id}@shop.example", f"argon2{password_hash(1)}", "Ada", staff),
    )
    someone = Person(user_id, staff=staff)
    while balance_cents:
        part = min(balance_cents, 100_000_000)
        assert someone.keyed("/wallet/deposits", {"amount_cents": part}).status == 201
        balance_cents -= part
    return someone


def product(price_cents: int = 450, quantity: int = 10, **changes: Any) -> str:
    """A new product's id."""
    body = {
        "sku": uuid.uuid4().hex,
        "name": "Green tea",
        "description": "Loose leaves",
        "category": "tea",
        "price_cents": price_cents,
        "quantity": quantity,
    }
    made = person(staff=True).keyed("/products", {**body, **changes})
    assert made.status == 201
    return str(made.body["id"])


def available(product_id: str) -> int:
    return int(Person().get(f"/products/{product_id}").body["available"])


def run(statement: str, parameters: Sequence[Any] = ()) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def rows(statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def at_once(count: int, work: Callable[[int], Answer]) -> list[Answer]:
    """Run `work(0..count-1)` in as many threads, released together."""
    barrier = Barrier(count)

    def one(index: int) -> Answer:
        barrier.wait()
        try:
            return work(index)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def books_balance() -> bool:
    """The ledger adds up to zero, and every wallet to the sum of its entries."""
    (total,) = rows("SELECT coalesce(sum(amount_cents), 0) FROM ledger_entries")[0]
    wrong = rows(
        "SELECT 1 FROM wallets w WHERE balance_cents <> (SELECT coalesce(sum(amount_cents), 0)"
        " FROM ledger_entries WHERE account = 'wallet:' || w.user_id)"
    )
    return total == 0 and not wrong
