"""Cancelling: what goes back, what cannot be cancelled."""

from typing import Any

from bench.contract.conformance.expect import equal, expect, expect_problem
from bench.contract.conformance.registry import case
from bench.contract.conformance.world import World

AREA = "cancellation"


@case("a cancelled order gives money and stock back", AREA, "shop")
def cancel(world: World) -> None:
    buyer = world.buyer(10_000)
    tea, cup = world.new_product(price_cents=450), world.new_product(price_cents=1299)
    order = world.confirmed_order(buyer, (tea["id"], 2), (cup["id"], 1))
    answer = expect(world.cancel(buyer, order["id"]), 200).json()
    wanted = {**order, "status": "cancelled", "updated_at": answer["updated_at"]}
    equal(answer, wanted, "the answer")
    read = expect(world.call("GET", f"/orders/{order['id']}", token=buyer.token), 200)
    equal(read.json(), wanted, "GET /orders/{id}")
    equal(world.balance(buyer), 10_000, "balance_cents")
    equal(world.available(tea["id"]), 10, "available")
    equal(world.available(cup["id"]), 10, "available")


@case("an empty object is as good as no body", AREA, "shop")
def with_empty_object(world: World) -> None:
    buyer, product = world.buyer(), world.shared_product()
    forms: tuple[dict[str, Any], ...] = ({"payload": {}}, {"body": b""}, {}, {"body": b" {\n} "})
    for more in forms:
        order = world.confirmed_order(buyer, (product["id"], 1))
        equal(
            expect(world.cancel(buyer, order["id"], **more), 200)["status"], "cancelled", "status"
        )


@case("no body and an empty object are one request to the key", AREA, "shop")
def body_forms_share_a_key(world: World) -> None:
    buyer, product = world.buyer(), world.shared_product()
    order = world.confirmed_order(buyer, (product["id"], 1))
    key = world.new_key()
    first = expect(world.cancel(buyer, order["id"], key), 200)
    second = expect(world.cancel(buyer, order["id"], key, payload={}), 200)
    equal(second.json(), first.json(), "the replayed body")


@case("a body with anything in it is 422", AREA, "shop")
def with_members(world: World) -> None:
    buyer, product = world.buyer(), world.shared_product()
    order = world.confirmed_order(buyer, (product["id"], 1))
    payloads: tuple[object, ...] = ({"reason": "x"}, [], None, "x", 0, {"status": "cancelled"})
    for payload in payloads:
        answer = world.cancel(buyer, order["id"], payload=payload)
        expect_problem(answer, "validation_failed")


@case("a cancelled order is not cancellable", AREA, "shop")
def cancelled_twice(world: World) -> None:
    buyer, product = world.buyer(1_000), world.new_product()
    order = world.confirmed_order(buyer, (product["id"], 2))
    expect(world.cancel(buyer, order["id"]), 200)
    expect_problem(world.cancel(buyer, order["id"]), "not_cancellable")
    equal(world.balance(buyer), 1_000, "balance_cents")
    equal(world.available(product["id"]), 10, "available")


@case("a rejected order is not cancellable", AREA, "shop")
def rejected(world: World) -> None:
    buyer, product = world.new_person(), world.new_product()
    expect_problem(world.order(buyer, (product["id"], 1)), "insufficient_funds")
    (order,) = expect(world.call("GET", "/orders", token=buyer.token), 200)["items"]
    expect_problem(world.cancel(buyer, order["id"]), "not_cancellable")
    read = expect(world.call("GET", f"/orders/{order['id']}", token=buyer.token), 200)
    equal(read.json(), order, "the order afterwards")


@case("an order of nobody is 404", AREA, "orders")
def nothing_to_cancel(world: World) -> None:
    person = world.person()
    expect_problem(world.cancel(person, "0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90"), "not_found")
