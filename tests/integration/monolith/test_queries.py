"""How many statements each operation costs, BEGIN and COMMIT included; printed with `pytest -s`.

Each is pinned: one that comes on top is seen here, before it is measured.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.integration.monolith.shop import Answer, Person, person, product

pytestmark = pytest.mark.django_db(transaction=True)

Operation = Callable[[Person, str, dict[str, Any]], Answer]
NEW = {"sku": "s", "name": "n", "description": "", "category": "c", "price_cents": 1, "quantity": 1}
REGISTRATION = {"email": "a@shop.example", "password": "long enough", "full_name": "Ada"}
CREDENTIALS = {"email": "a@shop.example", "password": "long enough"}

# The person is staff with a wallet, and has bought the product once: `order`.
OPERATIONS: dict[str, tuple[int, Operation]] = {
    "register": (1, lambda me, tea, order: me.send("POST", "/users", REGISTRATION)),
    "sign in": (1, lambda me, tea, order: me.send("POST", "/auth/tokens", CREDENTIALS)),
    "user": (1, lambda me, tea, order: me.get("/users/me")),
    "key set": (0, lambda me, tea, order: me.get("/auth/jwks")),
    "products": (1, lambda me, tea, order: me.get("/products?q=tea&category=tea&sort=-price")),
    "product": (1, lambda me, tea, order: me.get(f"/products/{tea}")),
    "new product": (9, lambda me, tea, order: me.keyed("/products", NEW)),
    "change": (4, lambda me, tea, order: me.send("PATCH", f"/products/{tea}", {"name": "x"})),
    "restock": (7, lambda me, tea, order: me.keyed(f"/products/{tea}/restocks", {"quantity": 1})),
    "wallet": (1, lambda me, tea, order: me.get("/wallet")),
    "deposit": (9, lambda me, tea, order: me.keyed("/wallet/deposits", {"amount_cents": 1})),
    "payment": (1, lambda me, tea, order: me.get(f"/payments/{order['payment_id']}")),
    "order": (15, lambda me, tea, order: me.buy((tea, 1))),
    "order of two": (15, lambda me, tea, order: me.buy((tea, 1), (me.other, 1))),
    "out of stock": (11, lambda me, tea, order: me.buy((tea, 1000))),
    "replay": (4, lambda me, tea, order: me.buy((tea, 1), key="first")),
    "orders": (2, lambda me, tea, order: me.get("/orders")),
    "one order": (2, lambda me, tea, order: me.get(f"/orders/{order['id']}")),
    "cancellation": (14, lambda me, tea, order: me.cancel(order["id"])),
    "overview": (6, lambda me, tea, order: me.get("/account/overview")),
}
EXPECTED = {"sign in": 401, "out of stock": 409}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_costs_so_many_statements(name: str) -> None:
    wanted, operation = OPERATIONS[name]
    me, tea = person(10_000, staff=True), product(100)
    order = me.buy((tea, 1), key="first").body
    me.other = product(1)
    with CaptureQueriesContext(connection) as queries:
        answer = operation(me, tea, order)
    assert answer.status == EXPECTED.get(name, answer.status) < 500
    said = "\n".join(query["sql"][:120] for query in queries)
    print(f"{name}: {len(queries)} statements\n{said}")
    assert len(queries) == wanted, said
