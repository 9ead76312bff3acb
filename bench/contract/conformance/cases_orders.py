"""Placing and reading orders."""

import uuid
from typing import Any

from bench.contract.conformance.expect import equal, expect, expect_problem, require
from bench.contract.conformance.registry import case
from bench.contract.conformance.world import Person, World

AREA = "orders"


def _orders(world: World, person: Person, **query: object) -> dict[str, Any]:
    answer = world.call("GET", "/orders", token=person.token, query=query)
    page: dict[str, Any] = expect(answer, 200).json()
    return page


def _line(product: dict[str, Any], quantity: int) -> dict[str, Any]:
    return {
        "product_id": product["id"],
        "name": product["name"],
        "unit_price_cents": product["price_cents"],
        "quantity": quantity,
    }


@case("an order takes stock and money, and reads back as answered", AREA, "shop")
def place(world: World) -> None:
    buyer = world.buyer(10_000)
    tea, cup = world.new_product(price_cents=450), world.new_product(price_cents=1299)
    order = world.confirmed_order(buyer, (cup["id"], 3), (tea["id"], 2))
    equal(order["items"], [_line(cup, 3), _line(tea, 2)], "items in the request's order")
    equal(order["total_cents"], 3 * 1299 + 2 * 450, "total_cents")
    equal(order["reason"], None, "reason")
    read = expect(world.call("GET", f"/orders/{order['id']}", token=buyer.token), 200)
    equal(read.json(), order, "GET /orders/{id}")
    equal(_orders(world, buyer), {"items": [order], "next_cursor": None}, "GET /orders")
    equal(world.available(cup["id"]), 7, "available")
    equal(world.available(tea["id"]), 8, "available")
    equal(world.balance(buyer), 10_000 - order["total_cents"], "balance_cents")


@case("an order without stock is 409 and stored as rejected", AREA, "shop")
def out_of_stock(world: World) -> None:
    buyer = world.buyer(10_000)
    product, other = world.new_product(quantity=2), world.new_product(quantity=5)
    answer = world.order(buyer, (other["id"], 1), (product["id"], 3))
    expect_problem(answer, "out_of_stock")
    lines = [_line(other, 1), _line(product, 3)]
    _check_rejected(world, buyer, "out_of_stock", lines)
    world.eventually(lambda: world.available(product["id"]), 2, "available")
    world.eventually(lambda: world.available(other["id"]), 5, "available of the other line")
    equal(world.balance(buyer), 10_000, "balance_cents")


@case("an order without money is 402 and stored as rejected", AREA, "shop")
def insufficient_funds(world: World) -> None:
    buyer, product = world.buyer(899), world.new_product(quantity=2)
    expect_problem(world.order(buyer, (product["id"], 2)), "insufficient_funds")
    _check_rejected(world, buyer, "insufficient_funds", [_line(product, 2)])
    world.eventually(lambda: world.available(product["id"]), 2, "available")
    equal(world.balance(buyer), 899, "balance_cents")


def _check_rejected(world: World, buyer: Person, reason: str, lines: list[dict[str, Any]]) -> None:
    (order,) = _orders(world, buyer)["items"]
    equal(order["status"], "rejected", "status")
    equal(order["reason"], reason, "reason")
    equal(order["items"], lines, "items")
    total_cents = sum(line["unit_price_cents"] * line["quantity"] for line in lines)
    equal(order["total_cents"], total_cents, "total_cents")
    equal(order["payment_id"], None, "payment_id")
    read = expect(world.call("GET", f"/orders/{order['id']}", token=buyer.token), 200)
    equal(read.json(), order, "GET /orders/{id}")


@case("an unknown product is 422 and leaves no order", AREA, "shop")
def unknown_product(world: World) -> None:
    buyer, product = world.buyer(), world.new_product()
    answer = world.order(buyer, (product["id"], 1), (str(uuid.uuid4()), 1))
    expect_problem(answer, "unknown_product")
    world.eventually(lambda: _orders(world, buyer)["items"], [], "GET /orders")
    world.eventually(lambda: world.available(product["id"]), 10, "available")


@case("unknown_product goes before out_of_stock before insufficient_funds", AREA, "shop")
def precedence(world: World) -> None:
    poor, product = world.new_person(), world.new_product(quantity=1)
    ghost = str(uuid.uuid4())
    expect_problem(world.order(poor, (product["id"], 2), (ghost, 1)), "unknown_product")
    expect_problem(world.order(poor, (ghost, 1), (product["id"], 2)), "unknown_product")
    expect_problem(world.order(poor, (product["id"], 2)), "out_of_stock")
    expect_problem(world.order(poor, (product["id"], 1)), "insufficient_funds")


@case("an order keeps names and prices of its moment", AREA, "shop")
def frozen_prices(world: World) -> None:
    buyer, product = world.buyer(), world.new_product()
    order = world.confirmed_order(buyer, (product["id"], 1))
    changes = {"name": "Renamed", "price_cents": 9_999}
    path = f"/products/{product['id']}"
    expect(world.call("PATCH", path, token=world.staff().token, payload=changes), 200)
    read = expect(world.call("GET", f"/orders/{order['id']}", token=buyer.token), 200)
    equal(read.json(), order, "the old order")
    new = world.confirmed_order(buyer, (product["id"], 1))
    equal(new["items"], [_line({**product, **changes}, 1)], "items of the new order")


@case("fifty lines make one order", AREA, "shop")
def fifty_lines(world: World) -> None:
    buyer = world.buyer()
    products = [world.new_product(price_cents=number) for number in range(1, 51)]
    lines = [(product["id"], 1 + number % 3) for number, product in enumerate(products)]
    order = world.confirmed_order(buyer, *reversed(lines))
    wanted = [_line(product, n) for product, (_, n) in zip(products, lines, strict=True)]
    equal(order["items"], wanted[::-1], "items")
    total_cents = sum(line["unit_price_cents"] * line["quantity"] for line in wanted)
    equal(order["total_cents"], total_cents, "total_cents")
    equal(world.balance(buyer), 100_000 - total_cents, "balance_cents")


@case("own orders come newest first, in pages, rejected ones too", "pagination", "shop")
def order_pages(world: World) -> None:
    buyer, product = world.buyer(4), world.new_product(price_cents=1)
    orders = []
    for quantity in (1, 2, 5, 1, 11):
        answer = world.order(buyer, (product["id"], quantity))
        wanted = {1: 201, 2: 201, 5: 402, 11: 409}[quantity]
        expect(answer, wanted)
        orders.append(_orders(world, buyer, limit=1)["items"][0])
    whole = _orders(world, buyer)
    equal(whole, {"items": orders[::-1], "next_cursor": None}, "the whole list")
    for limit in (1, 2, 5):
        joined, page = [], _orders(world, buyer, limit=limit)
        joined += page["items"]
        while page["next_cursor"] is not None:
            page = _orders(world, buyer, limit=limit, cursor=page["next_cursor"])
            joined += page["items"]
        equal(joined, orders[::-1], f"joined pages of {limit}")


@case("an order's cursor is stable while orders come", "pagination", "shop")
def order_cursor_stability(world: World) -> None:
    buyer, product = world.buyer(), world.shared_product()
    orders = [world.confirmed_order(buyer, (product["id"], 1)) for _ in range(3)]
    page = _orders(world, buyer, limit=1)
    world.confirmed_order(buyer, (product["id"], 1))
    rest = _orders(world, buyer, limit=10, cursor=page["next_cursor"])
    equal(rest["items"], [orders[1], orders[0]], "the rest")


@case("query values of the order list outside the contract are 422", "pagination", "orders")
def bad_order_queries(world: World) -> None:
    token = world.person().token
    for query in ("limit=0", "limit=101", "limit=x", "cursor=x", "sort=name", "q=x", "cursor=W10"):
        answer = world.call("GET", "/orders", token=token, query=query)
        expect_problem(answer, "validation_failed", field=query.split("=", maxsplit=1)[0])


@case("cursors of products and of orders do not mix", "pagination", "shop")
def foreign_cursors(world: World) -> None:
    buyer, product = world.buyer(), world.shared_product()
    for _ in range(2):
        world.confirmed_order(buyer, (product["id"], 1))
    of_orders = _orders(world, buyer, limit=1)["next_cursor"]
    listed = world.call("GET", "/products", query={"limit": 1})
    query = {"cursor": listed["next_cursor"]}
    answer = world.call("GET", "/orders", token=buyer.token, query=query)
    expect_problem(answer, "validation_failed", field="cursor")
    answer = world.call("GET", "/products", query={"cursor": of_orders})
    expect_problem(answer, "validation_failed", field="cursor")


@case("a new customer has no orders", AREA, "orders")
def no_orders(world: World) -> None:
    page = _orders(world, world.new_person())
    equal(page, {"items": [], "next_cursor": None}, "GET /orders")


@case("the whole balance and the last unit can be spent, then nothing more", AREA, "shop")
def to_the_last(world: World) -> None:
    buyer, product = world.buyer(900), world.new_product(quantity=2)
    world.confirmed_order(buyer, (product["id"], 2))
    equal(world.balance(buyer), 0, "balance_cents")
    equal(world.available(product["id"]), 0, "available")
    expect_problem(world.order(buyer, (product["id"], 1)), "out_of_stock")
    shared = world.shared_product()
    expect_problem(world.order(buyer, (shared["id"], 1)), "insufficient_funds")


@case("an order moves no product's version", AREA, "shop")
def version_stays(world: World) -> None:
    buyer, product = world.buyer(), world.new_product()
    order = world.confirmed_order(buyer, (product["id"], 1))
    expect(world.cancel(buyer, order["id"]), 200)
    equal(expect(world.call("GET", f"/products/{product['id']}"), 200).json(), product, "product")


@case("created_at and updated_at of an order are in order", AREA, "shop")
def times(world: World) -> None:
    buyer, product = world.buyer(), world.shared_product()
    first = world.confirmed_order(buyer, (product["id"], 1))
    second = world.confirmed_order(buyer, (product["id"], 1))
    require(_instant(first) < _instant(second), f"{first} is not older than {second}")
    cancelled = expect(world.cancel(buyer, first["id"]), 200)
    equal(cancelled["created_at"], first["created_at"], "created_at after cancelling")
    require(cancelled["updated_at"] != first["updated_at"], "updated_at did not move")


def _instant(order: dict[str, Any]) -> str:
    return str(order["created_at"]).rstrip("Z").ljust(26, "0")
