"""People in the shop: the one description of what the load does.

    locust -f bench/locustfile.py --host http://127.0.0.1:8000
    locust -f bench/locustfile.py --headless -u 20 -r 10 -t 30s --host ... --tags checkout

Plain Locust runs it closed-loop, with think times, web UI and all. Tags `browse`, `checkout` and
`overview` choose journeys; all together are the mixed load. `shopbench run` makes the same visits,
open-loop or as paired requests: closed people wait for a slow server and so flatter it.
"""

# mypy: disable-error-code="untyped-decorator"
# Locust has no types.

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec
from locust import FastHttpUser, between, tag, task
from locust.exception import RescheduleTask, StopUser

from bench.contract.seed import (
    PASSWORD,
    SeedSpec,
    category_names,
    product_ids,
    product_weights,
    user_email,
)
from bench.load.mixes import share_of
from bench.load.operations import API_PREFIX, OPERATIONS, Order, Token, check_answer

ORDER_LINES = (1, 2, 3)
ORDER_LINE_WEIGHTS = (0.5, 0.3, 0.2)
PAGE_LIMIT = 20

_numbers = itertools.count(random.randrange(SeedSpec.users))  # every process starts elsewhere


class Shopper(FastHttpUser):  # type: ignore[misc]  # Locust has no types
    """A customer of the seed `shop`. With `tokens`, one a customer, each visit is another's.

    A visit takes one number from `random` at its beginning and draws all else from that, so that
    whoever seeds `random` before a visit knows all of it, whatever runs beside it.
    """

    abstract = True
    wait_time = between(0.5, 2.0)
    network_timeout = connection_timeout = 10.0
    concurrency = 1  # connections: a visitor asks for one thing after the other
    default_headers: ClassVar[dict[str, str]] = {"Accept": "application/json"}
    shop: ClassVar[SeedSpec] = SeedSpec()
    tokens: ClassVar[Sequence[str]] = ()  # signed beforehand: a login takes 20-40 ms of CPU
    prefix: ClassVar[str] = API_PREFIX

    def on_start(self) -> None:
        """Log in. Raises StopUser if the shop does not let the customer in."""
        self._customer = next(_numbers) % self.shop.users
        self._token = ""
        try:
            token = self.log_in()
        except RescheduleTask:
            raise StopUser from None
        self._token = token.access_token

    def begin_visit(self) -> random.Random:
        """Give what the visit draws from."""
        draw = random.Random(random.getrandbits(64))
        if self.tokens:
            self._customer = draw.randrange(len(self.tokens))
            self._token = self.tokens[self._customer]
        return draw

    def log_in(self) -> Token:
        """Ask for a token."""
        email = user_email(self._customer + 1)
        token: Token = self.send("login", "/auth/tokens", {"email": email, "password": PASSWORD})
        return token

    def list_products(self, draw: random.Random) -> None:
        """Three in four list a category, as a shop's visitors do; one in four of all by price."""
        path = f"/products?limit={PAGE_LIMIT}"
        if draw.random() < 0.75:
            path += f"&category={quote(draw.choice(category_names(self.shop)), safe='')}"
        if draw.random() < 0.25:
            path += "&sort=price"
        self.send("product_list", path)

    def read_product(self, draw: random.Random) -> None:
        """Look at a product."""
        self.send("product_read", f"/products/{self._product(draw)}")

    def place_order(self, draw: random.Random) -> Order:
        """Order one to three products."""
        wanted = draw.choices(ORDER_LINES, ORDER_LINE_WEIGHTS)[0]
        products: list[str] = []
        while len(products) < min(wanted, self.shop.products):
            product = self._product(draw)
            if product not in products:  # the contract takes each product once
                products.append(product)
        lines = [{"product_id": id_, "quantity": draw.randint(1, 3)} for id_ in products]
        order: Order = self.send("order", "/orders", {"items": lines})
        return order

    def pay_in(self, draw: random.Random) -> None:
        """Put money into the wallet."""
        self.send("deposit", "/wallet/deposits", {"amount_cents": draw.randint(100, 10_000)})

    def send(self, name: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send one operation; return the decoded answer.

        Raises RescheduleTask, which ends the visit, on an answer that its contract does not name:
        a failure in Locust's statistics, with the reason.
        """
        operation = OPERATIONS[name]
        headers = {"Authorization": f"Bearer {self._token}"} if operation.authorized else {}
        if operation.keyed:
            headers["Idempotency-Key"] = str(uuid.uuid4())
        answer: msgspec.Struct | None = None
        with self.client.request(
            operation.method,
            self.prefix + path,
            name=name,
            json=body,
            headers=headers,
            catch_response=True,
        ) as response:
            if response.status_code:  # else Locust has the reason why there is no answer
                error, answer = check_answer(
                    operation, response.status_code, response.content or b""
                )
                if error:
                    response.failure(error)
                else:
                    response.success()
        if answer is None:
            raise RescheduleTask
        return answer

    def _product(self, draw: random.Random) -> str:
        return draw.choices(product_ids(self.shop), cum_weights=_popularity(self.shop))[0]


class Person(Shopper):
    """Looks, buys, cancels, as people do."""

    @tag("browse")
    @task(share_of("look"))
    def look(self) -> None:
        """List products, look at two."""
        draw = self.begin_visit()
        self.list_products(draw)
        self.read_product(draw)
        self.read_product(draw)

    @tag("browse")
    @task(share_of("account"))
    def account(self) -> None:
        """See the wallet and the orders."""
        self.begin_visit()
        self.send("wallet_read", "/wallet")
        self.send("order_list", f"/orders?limit={PAGE_LIMIT}")

    @tag("overview")
    @task(share_of("home"))
    def home(self) -> None:
        """Open the account's first page: user, wallet, orders and recommendations together."""
        self.begin_visit()
        self.send("overview", "/account/overview")

    @tag("checkout")
    @task(share_of("buy"))
    def buy(self) -> None:
        """Look at a product, order, see the order."""
        draw = self.begin_visit()
        self.read_product(draw)
        order = self.place_order(draw)
        self.send("order_read", f"/orders/{order.id}")

    @tag("checkout")
    @task(share_of("buy_and_cancel"))
    def buy_and_cancel(self) -> None:
        """Order and change one's mind; only a confirmed order can be cancelled."""
        order = self.place_order(self.begin_visit())
        order = self.send("order_read", f"/orders/{order.id}")
        if order.status == "confirmed":
            self.send("order_cancel", f"/orders/{order.id}/cancellation")

    @tag("checkout")
    @task(share_of("top_up"))
    def top_up(self) -> None:
        """Put money into the wallet and see it there."""
        self.pay_in(self.begin_visit())
        self.send("wallet_read", "/wallet")


class SingleOperation(Shopper):
    """One request a visit, for `shopbench`; plain Locust leaves a class without weight out."""

    weight = 0

    @task
    def product_read(self) -> None:
        self.read_product(self.begin_visit())

    @task
    def product_list(self) -> None:
        self.list_products(self.begin_visit())

    @task
    def wallet_read(self) -> None:
        self.begin_visit()
        self.send("wallet_read", "/wallet")

    @task
    def profile_read(self) -> None:
        self.begin_visit()
        self.send("profile_read", "/users/me")

    @task
    def order(self) -> None:
        self.place_order(self.begin_visit())

    @task
    def order_list(self) -> None:
        self.begin_visit()
        self.send("order_list", f"/orders?limit={PAGE_LIMIT}")

    @task
    def deposit(self) -> None:
        self.pay_in(self.begin_visit())

    @task
    def overview(self) -> None:
        self.begin_visit()
        self.send("overview", "/account/overview")

    @task
    def login(self) -> None:
        self.begin_visit()
        self.log_in()


@lru_cache(maxsize=8)
def _popularity(shop: SeedSpec) -> tuple[float, ...]:
    return tuple(accumulate(product_weights(shop)))
