"""People in the shop for plain Locust: closed loop, with think times, web UI and all.

    locust -f bench/locustfile.py --host http://127.0.0.1:8000
    locust -f bench/locustfile.py --headless -u 20 -r 10 -t 30s --host ... --tags checkout

Tags `browse`, `checkout` and `overview` choose journeys; all together are the mixed load. Use it
to watch a shop, not to compare two: closed people wait for a slow server and so flatter it.
`shopbench run` has the open-loop arrivals that measure.
"""

# mypy: disable-error-code="untyped-decorator"
# Locust has no types.

from __future__ import annotations

import itertools
import json
import random
import uuid
from typing import Any, ClassVar

import msgspec
from locust import FastHttpUser, between, tag, task
from locust.exception import StopUser

from bench.contract.seed import PASSWORD, SeedSpec, user_email
from bench.load.operations import OPERATIONS, Order, ProductPage, Token, check_answer

_NUMBERS = itertools.count(random.randrange(SeedSpec.users))  # every process starts elsewhere
_PREFIX = "/api/v1"


class Person(FastHttpUser):  # type: ignore[misc]  # Locust has no types
    """A customer of the seed: logs in once, then looks, buys, cancels, as people do."""

    wait_time = between(0.5, 2.0)
    network_timeout = connection_timeout = 10.0
    default_headers: ClassVar[dict[str, str]] = {"Accept": "application/json"}

    def on_start(self) -> None:
        """Log in. Raises StopUser if the shop does not let the customer in."""
        email = user_email(next(_NUMBERS) % SeedSpec.users + 1)
        self._token = ""
        self._shelf: list[str] = []
        token = self._do("login", "/auth/tokens", {"email": email, "password": PASSWORD})
        if not isinstance(token, Token):
            raise StopUser
        self._token = token.access_token

    @tag("browse")
    @task(45)
    def look(self) -> None:
        """List products, look at two."""
        self._list_products()
        for product in self._choose(2):
            self._do("product_read", f"/products/{product}")

    @tag("browse")
    @task(10)
    def account(self) -> None:
        """See the wallet and the orders."""
        self._do("wallet_read", "/wallet")
        self._do("order_list", "/orders?limit=20")

    @tag("checkout")
    @task(25)
    def buy(self) -> None:
        """Look at a product, order it, see the order."""
        order = self._order()
        if order is not None:
            self._do("order_read", f"/orders/{order.id}")

    @tag("checkout")
    @task(5)
    def buy_and_cancel(self) -> None:
        """Order and change one's mind."""
        order = self._order()
        if order is not None and order.status == "confirmed":
            self._do("order_cancel", f"/orders/{order.id}/cancellation")

    @tag("checkout")
    @task(5)
    def top_up(self) -> None:
        """Put money into the wallet."""
        self._do("deposit", "/wallet/deposits", {"amount_cents": random.randint(100, 10_000)})
        self._do("wallet_read", "/wallet")

    @tag("overview")
    @task(10)
    def home(self) -> None:
        """Open the account's first page: user, wallet, orders and recommendations together."""
        self._do("overview", "/account/overview")

    def _list_products(self) -> None:
        page = self._do("product_list", "/products?limit=20&sort=" + random.choice(_SORTS))
        if isinstance(page, ProductPage):
            self._shelf = [product.id for product in page.items]

    def _choose(self, count: int) -> list[str]:
        """Products last seen; a person who saw none looks at the list first."""
        if not self._shelf:
            self._list_products()
        return random.sample(self._shelf, min(count, len(self._shelf)))

    def _order(self) -> Order | None:
        wanted = self._choose(random.randint(1, 3))
        if not wanted:
            return None
        self._do("product_read", f"/products/{wanted[0]}")
        lines = [{"product_id": product, "quantity": random.randint(1, 3)} for product in wanted]
        order = self._do("order", "/orders", {"items": lines})
        return order if isinstance(order, Order) else None

    def _do(
        self, name: str, path: str, body: dict[str, Any] | None = None
    ) -> msgspec.Struct | None:
        """Send one operation; any answer its contract does not name is a failure (and None)."""
        operation = OPERATIONS[name]
        headers = {"Authorization": f"Bearer {self._token}"} if operation.authorized else {}
        if operation.keyed:
            headers["Idempotency-Key"] = str(uuid.uuid4())
        if body is not None:
            headers["Content-Type"] = "application/json"
        with self.client.request(
            operation.method,
            _PREFIX + path,
            name=name,
            data=None if body is None else json.dumps(body),
            headers=headers,
            catch_response=True,
        ) as response:
            if response.status_code == 0:  # no answer: Locust has the reason
                return None
            error, answer = check_answer(operation, response.status_code, response.content or b"")
            if error:
                response.failure(error)
            else:
                response.success()
        return answer


_SORTS = ("name", "price", "-price")
