"""Products: creation, change, restocking."""

import uuid

from bench.contract.conformance.expect import equal, expect, expect_problem
from bench.contract.conformance.registry import case
from bench.contract.conformance.world import World

AREA = "inventory"


@case("staff adds a product; it reads back the same, at version 1", AREA, "inventory")
def create_and_read(world: World) -> None:
    payload = world.product_payload(name=" Tea\n“ünï” ", description="", quantity=0)
    answer = world.call(
        "POST", "/products", token=world.staff().token, key=world.new_key(), payload=payload
    )
    created = expect(answer, 201).json()
    wanted = {**payload, "id": created["id"], "available": 0, "version": 1}
    del wanted["quantity"]
    equal(created, wanted, "the product")
    read = expect(world.call("GET", f"/products/{created['id']}"), 200)
    equal(read.json(), created, "GET /products/{id}")


@case("a taken SKU is 409, another case of it is not", AREA, "inventory")
def sku_taken(world: World) -> None:
    sku = world.new_product()["sku"]
    payload = world.product_payload(sku=sku)
    answer = world.call(
        "POST", "/products", token=world.staff().token, key=world.new_key(), payload=payload
    )
    expect_problem(answer, "sku_taken")
    equal(world.new_product(sku=sku.lower())["sku"], sku.lower(), "sku")


@case("a change moves only its fields, and the version by one", AREA, "inventory")
def change(world: World) -> None:
    product = world.new_product()
    path, token = f"/products/{product['id']}", world.staff().token
    changes = (
        {"price_cents": 451},
        {"name": "Other name"},
        {"description": ""},
        {"category": "other", "name": "Third name", "price_cents": 1, "description": "d"},
        {"price_cents": 1},
    )
    for step in changes:
        product = {**product, **step, "version": product["version"] + 1}
        equal(expect(world.call("PATCH", path, token=token, payload=step), 200).json(), product, "")
        equal(expect(world.call("GET", path), 200).json(), product, "GET after PATCH")


@case("restocking adds units and leaves the version alone", AREA, "inventory")
def restock(world: World) -> None:
    product = world.new_product(quantity=3)
    path = f"/products/{product['id']}"
    for quantity, wanted in ((1, 4), (1_000_000, 1_000_004), (1_000_000, 2_000_004)):
        answer = world.call(
            "POST",
            f"{path}/restocks",
            token=world.staff().token,
            key=world.new_key(),
            payload={"quantity": quantity},
        )
        wanted_body = {"product_id": product["id"], "available": wanted}
        equal(expect(answer, 201).json(), wanted_body, "the answer")
    equal(expect(world.call("GET", path), 200).json(), {**product, "available": wanted}, "product")


@case("validation comes before the product is looked up", AREA, "inventory")
def validation_before_lookup(world: World) -> None:
    token = world.staff().token
    path = f"/products/{uuid.uuid4()}"
    answer = world.call("PATCH", path, token=token, payload={"price_cents": 0})
    expect_problem(answer, "validation_failed", field="price_cents")
    answer = world.call(
        "POST", f"{path}/restocks", token=token, key=world.new_key(), payload={"quantity": 0}
    )
    expect_problem(answer, "validation_failed", field="quantity")
    expect_problem(world.call("PATCH", path, token=token, payload={"name": "x"}), "not_found")
