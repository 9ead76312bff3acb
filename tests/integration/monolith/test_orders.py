"""Buying: the one transaction and its savepoint."""

import uuid

import pytest

from tests.integration.monolith.shop import (
    Person,
    available,
    books_balance,
    person,
    product,
    rows,
)

pytestmark = pytest.mark.django_db(transaction=True)


def orders_of(someone: Person) -> list[dict[str, object]]:
    orders: list[dict[str, object]] = someone.get("/orders").body["items"]
    return orders


def test_an_order_takes_stock_and_money_and_can_be_read() -> None:
    buyer, tea, cup = person(10_000), product(450), product(1299)
    placed = buyer.buy((cup, 1), (tea, 2))
    assert placed.status == 201
    order = placed.body
    assert (order["status"], order["reason"], order["total_cents"]) == ("confirmed", None, 2199)
    assert [line["product_id"] for line in order["items"]] == [cup, tea]
    assert (available(cup), available(tea), buyer.balance) == (9, 8, 7801)
    assert buyer.get(f"/orders/{order['id']}").body == order
    payment = buyer.get(f"/payments/{order['payment_id']}").body
    assert (payment["order_id"], payment["amount_cents"]) == (order["id"], 2199)
    assert payment["status"] == "captured"
    assert books_balance()


def test_an_order_out_of_stock_is_stored_as_rejected_and_moves_nothing() -> None:
    buyer, tea, cup = person(10_000), product(450, 3), product(1299)
    refused = buyer.buy((cup, 1), (tea, 4))
    assert (refused.status, refused.code) == (409, "out_of_stock")
    (order,) = orders_of(buyer)
    assert (order["status"], order["reason"]) == ("rejected", "out_of_stock")
    assert (order["total_cents"], order["payment_id"]) == (3099, None)
    assert (available(cup), available(tea), buyer.balance) == (10, 3, 10_000)


def test_an_order_that_cannot_be_paid_gives_its_stock_back_by_the_savepoint() -> None:
    buyer, tea = person(899), product(450)
    refused = buyer.buy((tea, 2))
    assert (refused.status, refused.code) == (402, "insufficient_funds")
    (order,) = orders_of(buyer)
    assert (order["status"], order["reason"]) == ("rejected", "insufficient_funds")
    assert (available(tea), buyer.balance) == (10, 899)
    assert rows("SELECT sold FROM stock WHERE product_id = %s", (tea,)) == [(0,)]
    assert rows("SELECT 1 FROM payments") == []


def test_an_unknown_product_goes_first_and_leaves_no_order() -> None:
    buyer, tea = person(), product(450, 1)
    refused = buyer.buy((tea, 5), (str(uuid.uuid4()), 1))
    assert (refused.status, refused.code) == (422, "unknown_product")
    assert refused.body["errors"][0]["field"] == "items[1].product_id"
    assert orders_of(buyer) == []


def test_names_and_prices_stay_as_ordered() -> None:
    buyer, tea = person(10_000), product(450)
    order = buyer.buy((tea, 1)).body
    changed = person(staff=True).send("PATCH", f"/products/{tea}", {"price_cents": 9, "name": "X"})
    assert (changed.body["version"], changed.body["price_cents"]) == (2, 9)
    assert buyer.get(f"/orders/{order['id']}").body == order


def test_somebody_elses_order_and_payment_do_not_exist() -> None:
    buyer, other, tea = person(10_000), person(), product()
    order = buyer.buy((tea, 1)).body
    assert other.get(f"/orders/{order['id']}").status == 404
    assert other.get(f"/payments/{order['payment_id']}").status == 404
    assert other.cancel(order["id"]).status == 404
    assert buyer.get(f"/orders/{order['id']}").body["status"] == "confirmed"


def test_pages_of_orders_are_newest_first_and_complete() -> None:
    buyer, tea = person(10_000), product(1, 100)
    placed = [buyer.buy((tea, 1)).body["id"] for _ in range(5)]
    seen: list[str] = []
    path = "/orders?limit=2"
    while path:
        page = buyer.get(path).body
        seen += [order["id"] for order in page["items"]]
        cursor = page["next_cursor"]
        path = f"/orders?limit=2&cursor={cursor}" if cursor else ""
    assert seen == placed[::-1]


def test_a_token_that_outlived_its_user_is_refused() -> None:
    nobody, tea = Person(str(uuid.uuid4())), product()
    assert nobody.get("/users/me").status == 401
    assert nobody.get("/account/overview").status == 401
    assert nobody.keyed("/wallet/deposits", {"amount_cents": 1}).status == 401
    assert nobody.buy((tea, 1)).status == 401


def test_fifty_lines_are_sold_at_once() -> None:
    buyer = person(1_000_000)
    staff = person(staff=True)
    tea = product(450, 100)
    template = {"name": "n", "description": "", "category": "c", "price_cents": 1, "quantity": 2}
    many = [
        staff.keyed("/products", {**template, "sku": uuid.uuid4().hex}).body["id"]
        for _ in range(49)
    ]
    order = buyer.buy((tea, 1), *((each, 2) for each in many)).body
    assert order["total_cents"] == 450 + 49 * 2
    assert {available(each) for each in many} == {0}
