"""What can happen in a journey: each action draws one request from the story so far.

Requests are drawn by position (the third product, the last order), never by an answer's value.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from bench.contract.conformance.client import Answer
from bench.contract.conformance.world import Person, World
from bench.contract.seed import PASSWORD


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    person: Person | None = None
    key: str | None = None
    payload: Any = None
    body: bytes | None = None
    query: str = ""


@dataclass
class Story:
    """Who and what there is. Made with four customers and eight products."""

    world: World
    mark: str
    random: Random
    people: list[Person] = field(default_factory=list)
    products: list[dict[str, Any]] = field(default_factory=list)
    orders: list[tuple[Person, dict[str, Any]]] = field(default_factory=list)
    keyed: list[Request] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    page: tuple[Request, str] | None = None
    made: int = 0

    def __post_init__(self) -> None:
        for _ in range(4):
            self.people.append(self.world.buyer(20_000))
        for _ in range(8):
            self.products.append(self.world.new_product(**self.product_fields()))

    def product_fields(self) -> dict[str, Any]:
        """A product with a name of its own, so that no order of a list hangs on an id."""
        self.made += 1
        return {
            "sku": f"{self.mark}-{self.made}",
            "name": f"{self.random.choice('aAbBzZé')} article {self.made} {self.mark}",
            "description": f"Article {self.made}",
            "category": f"{self.mark}-{self.random.randint(1, 3)}",
            "price_cents": self.random.randint(1, 40) * 50 + self.made,
            "quantity": self.random.choice([0, 1, 5, 40, 60]),
        }

    def person(self) -> Person:
        return self.random.choice(self.people)

    def product(self) -> dict[str, Any]:
        return self.random.choice(self.products)

    def order(self) -> tuple[Person, str]:
        """An order and its owner; an order of nobody while there is none."""
        if not self.orders:
            return self.person(), str(uuid.uuid4())
        owner, order = self.random.choice(self.orders)
        return owner, order["id"]

    def key(self) -> str:
        self.made += 1
        return f"{self.mark}-{self.made}"

    def remember(self, request: Request, answer: Answer) -> None:
        """Keep what later steps refer to."""
        if request.key is not None and answer.status != 400:
            self.keyed.append(request)
        if answer.status == 201 and request.path == "/orders" and request.person is not None:
            self.orders.append((request.person, answer.json()))
        if answer.status == 201 and request.path == "/products":
            self.products.append(answer.json())
        if answer.status == 201 and request.path == "/users":
            self.emails.append(answer["email"])
        if answer.status == 200 and request.path in ("/orders", "/products"):
            cursor = answer["next_cursor"]
            self.page = None if cursor is None else (request, cursor)


def _items(story: Story, count: int, most: int) -> list[dict[str, Any]]:
    chosen = story.random.sample(story.products, count)
    return [
        {"product_id": product["id"], "quantity": story.random.randint(1, most)}
        for product in chosen
    ]


def _order(story: Story, items: list[dict[str, Any]]) -> Request:
    payload = {"items": items}
    return Request("POST", "/orders", story.person(), story.key(), payload)


def place_order(story: Story) -> Request:
    return _order(story, _items(story, story.random.randint(1, 3), 2))


def place_greedy_order(story: Story) -> Request:
    return _order(story, _items(story, story.random.randint(1, 2), 30))


def place_order_of_unknown_product(story: Story) -> Request:
    items = _items(story, story.random.randint(0, 2), 20)
    ghost = {"product_id": str(uuid.uuid4()), "quantity": 1}
    items.insert(story.random.randint(0, len(items)), ghost)
    return _order(story, items)


def place_invalid_order(story: Story) -> Request:
    (line,) = _items(story, 1, 2)
    broken: list[Any] = [
        [],
        [line, line],
        [{**line, "quantity": 0}],
        [{**line, "quantity": "1"}],
        [{**line, "price_cents": 1}],
        [{**line, "product_id": "x"}],
        None,
    ]
    return _order(story, story.random.choice(broken))


def cancel(story: Story) -> Request:
    owner, order_id = story.order()
    return Request("POST", f"/orders/{order_id}/cancellation", owner, story.key())


def cancel_for_another(story: Story) -> Request:
    return replace(cancel(story), person=story.person())


def replay(story: Story) -> Request:
    return story.random.choice(story.keyed) if story.keyed else deposit(story)


def reuse_key(story: Story) -> Request:
    request = replay(story)
    bodies: dict[str, Any] = {
        "orders": {"items": _items(story, 1, 9)},
        "products": {**story.product_fields(), "sku": "reused"},
        "deposits": {"amount_cents": 77},
        "restocks": {"quantity": 77},
        "cancellation": {"surprise": 1},
    }
    return replace(request, payload=bodies[request.path.rsplit("/", 1)[1]], body=None)


def deposit(story: Story) -> Request:
    payload = {
        "amount_cents": story.random.choice([1, 500, 2_500, 5_000, 5_000, 0, -5, "7", 10**9])
    }
    return Request("POST", "/wallet/deposits", story.person(), story.key(), payload)


def read_account(story: Story) -> Request:
    path = story.random.choice(["/wallet", "/users/me", "/account/overview", "/orders"])
    return Request("GET", path, story.person())


def list_orders(story: Story) -> Request:
    query = story.random.choice(["limit=1", "limit=3", "limit=100", "limit=0", "cursor=x", "a=1"])
    return Request("GET", "/orders", story.person(), query=query)


def next_page(story: Story) -> Request:
    if story.page is None:
        return Request("GET", "/orders", story.person(), query="limit=2")
    request, cursor = story.page
    query = request.query.split("&cursor=", maxsplit=1)[0]
    return replace(request, query=f"{query}&cursor={cursor}")


def read_order(story: Story) -> Request:
    owner, order_id = story.order()
    person = owner if story.random.random() < 0.8 else story.person()
    return Request("GET", f"/orders/{order_id}", person)


def read_payment(story: Story) -> Request:
    if not story.orders:
        return Request("GET", f"/payments/{uuid.uuid4()}", story.person())
    owner, order = story.random.choice(story.orders)
    person = owner if story.random.random() < 0.8 else story.person()
    return Request("GET", f"/payments/{order['payment_id']}", person)


def read_product(story: Story) -> Request:
    return Request("GET", f"/products/{story.product()['id']}")


def search(story: Story) -> Request:
    category = f"category={story.mark}-{story.random.randint(1, 4)}"
    sort = story.random.choice(["", "&sort=name", "&sort=price", "&sort=-price", "&sort=x"])
    q = story.random.choice(["", "", "&q=ARTICLE", "&q=A", "&q=%C3%A9", "&q=%25", "&q="])
    limit = story.random.choice(["", "&limit=2", "&limit=100", "&limit=101"])
    return Request("GET", "/products", query=category + sort + q + limit)


def add_product(story: Story) -> Request:
    payload = story.product_fields()
    if story.random.random() < 0.3:
        payload["sku"] = story.product()["sku"]
    elif story.random.random() < 0.2:
        payload["price_cents"] = 0
    return Request("POST", "/products", story.world.staff(), story.key(), payload)


def change_product(story: Story) -> Request:
    made = story.key()
    changes: list[dict[str, Any]] = [
        {"price_cents": story.random.randint(1, 2_000)},
        {"name": f"renamed {made}"},
        {"category": f"{story.mark}-{story.random.randint(1, 3)}"},
        {"description": "", "price_cents": 99},
        {"price_cents": None},
        {"version": 5},
        {},
    ]
    path = f"/products/{story.product()['id']}"
    return Request("PATCH", path, story.world.staff(), payload=story.random.choice(changes))


def restock(story: Story) -> Request:
    known = story.random.random() < 0.9
    product_id = story.product()["id"] if known else str(uuid.uuid4())
    payload = {"quantity": story.random.choice([1, 5, 20, 0])}
    path = f"/products/{product_id}/restocks"
    return Request("POST", path, story.world.staff(), story.key(), payload)


def restock_as_customer(story: Story) -> Request:
    return replace(restock(story), person=story.person())


def register(story: Story) -> Request:
    email = f"Journey-{story.key()}@Shop.Example"
    if story.emails and story.random.random() < 0.4:
        email = story.random.choice(story.emails).upper()
    payload = {"email": email, "password": PASSWORD, "full_name": "Journey"}
    return Request("POST", "/users", payload=payload)


def sign_in(story: Story) -> Request:
    email = story.random.choice([*story.emails, "nobody@shop.example"])
    password = PASSWORD if story.random.random() < 0.7 else "not-the-password"
    return Request("POST", "/auth/tokens", payload={"email": email, "password": password})


def break_a_rule(story: Story) -> Request:
    person, key = story.person(), story.key()
    return story.random.choice(
        [
            Request("GET", "/wallet"),
            Request("GET", "/nothing/here", person),
            Request("DELETE", "/orders", person),
            Request("POST", "/orders", person, key, body=b"{"),
            Request("POST", "/orders", person, None, {"items": []}),
            Request("POST", "/orders", person, "x" * 256, {"items": []}),
            Request("POST", "/wallet/deposits", person, key, [1]),
            Request("POST", "/wallet/deposits", person, key, body=b"x" * 65_537),
            Request("GET", "/products", query="page=2"),
            Request("GET", f"/products/{uuid.uuid4()}"),
            Request("GET", "/products/0192F0C1-2B4E-4D5A-9C3E-7A1F5B6C8D90"),
            Request("GET", f"/orders/{uuid.uuid4()}", person),
        ]
    )


ACTIONS: tuple[tuple[Callable[[Story], Request], int], ...] = (
    (place_order, 22),
    (place_greedy_order, 8),
    (place_order_of_unknown_product, 3),
    (place_invalid_order, 3),
    (cancel, 8),
    (cancel_for_another, 2),
    (replay, 7),
    (reuse_key, 3),
    (deposit, 7),
    (read_account, 9),
    (list_orders, 4),
    (next_page, 4),
    (read_order, 4),
    (read_payment, 3),
    (read_product, 4),
    (search, 6),
    (add_product, 4),
    (change_product, 5),
    (restock, 5),
    (restock_as_customer, 1),
    (register, 2),
    (sign_in, 2),
    (break_a_rule, 5),
)
