"""The account overview, whole (its degraded forms are the failure tests' business)."""

import uuid
from typing import Any

from bench.contract.conformance.expect import equal, expect
from bench.contract.conformance.registry import case
from bench.contract.conformance.world import Person, World

AREA = "overview"


def _overview(world: World, person: Person) -> dict[str, Any]:
    answer = world.call("GET", "/account/overview", token=person.token)
    overview: dict[str, Any] = expect(answer, 200).json()
    return overview


@case("a new customer sees itself, 0, no orders and nothing recommended", AREA, "shop")
def empty(world: World) -> None:
    person = world.new_person()
    wanted = {
        "user": expect(world.call("GET", "/users/me", token=person.token), 200).json(),
        "wallet": {"balance_cents": 0},
        "recent_orders": [],
        "recommended": [],
        "degraded": [],
    }
    equal(_overview(world, person), wanted, "the overview")


@case("recent_orders are the first five of GET /orders", AREA, "shop")
def recent_orders(world: World) -> None:
    buyer, product = world.buyer(), world.shared_product()
    for number in range(1, 8):
        world.confirmed_order(buyer, (product["id"], number))
        listed = expect(world.call("GET", "/orders", token=buyer.token, query={"limit": 5}), 200)
        overview = _overview(world, buyer)
        equal(overview["recent_orders"], listed["items"], "recent_orders")
        equal(overview["wallet"], {"balance_cents": world.balance(buyer)}, "wallet")


@case("recommended are the five lowest (name, id) in stock of the category", AREA, "shop")
def recommended(world: World) -> None:
    buyer, category = world.buyer(), f"shelf-{uuid.uuid4().hex}"
    names = ("b", "a", "Z", "é", "c", "a", "d")
    products = [world.new_product(name=name, category=category) for name in names]
    world.new_product(name="A, sold out", category=category, quantity=0)
    other = world.new_product()
    world.confirmed_order(buyer, (products[0]["id"], 1), (other["id"], 1))
    equal(_overview(world, buyer)["recommended"], _lowest(world, category), "recommended")
    equal(len(_lowest(world, category)), 5, "products")
    world.confirmed_order(buyer, (other["id"], 1), (products[0]["id"], 1))
    equal(
        _overview(world, buyer)["recommended"],
        _lowest(world, other["category"]),
        "recommended after an order of another category",
    )


def _lowest(world: World, category: str) -> list[dict[str, Any]]:
    query = {"category": category, "limit": 100}
    listed = expect(world.call("GET", "/products", query=query), 200)
    in_stock = [item for item in listed["items"] if item["available"] > 0]
    return sorted(in_stock, key=lambda item: (item["name"].encode(), item["id"]))[:5]


@case("only the newest confirmed order counts, by its first line's category now", AREA, "shop")
def current_category(world: World) -> None:
    buyer = world.buyer(900)
    first, second = world.new_product(), world.new_product(quantity=1)
    world.confirmed_order(buyer, (first["id"], 1))
    newest = world.confirmed_order(buyer, (second["id"], 1))
    equal(_overview(world, buyer)["recommended"], [], "recommended when it is sold out")
    expect(world.cancel(buyer, newest["id"]), 200)
    expect(world.order(buyer, (second["id"], 2)), 409)
    shown = _overview(world, buyer)["recommended"]
    equal([item["id"] for item in shown], [first["id"]], "recommended after cancel and refusal")
    category = f"moved-{uuid.uuid4().hex}"
    path = f"/products/{first['id']}"
    payload = {"category": category}
    expect(world.call("PATCH", path, token=world.staff().token, payload=payload), 200)
    neighbour = world.new_product(category=category, name="A")
    shown = _overview(world, buyer)["recommended"]
    equal([item["id"] for item in shown], [neighbour["id"], first["id"]], "the category moved")
