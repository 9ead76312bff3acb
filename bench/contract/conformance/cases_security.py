"""Who may do what: other people's things, staff routes, mass assignment, what errors give away."""

import re

from bench.contract.conformance.attempts import attempt
from bench.contract.conformance.expect import equal, expect, expect_problem, require
from bench.contract.conformance.operations import all_operations, operation
from bench.contract.conformance.registry import case
from bench.contract.conformance.world import World

AREA = "security"
TELLTALE = re.compile(
    r"traceback|psycopg|postgres|django|rest_framework|aiohttp|gunicorn|msgspec|sqlstate|"
    r"\bselect\b.*\bfrom\b|\binsert into\b|relation \"|\.py\b|/(?:usr|var|home|root)/|line \d+",
    re.IGNORECASE,
)


@case("another user's order and payment are 404, for staff too", AREA, "shop")
def other_peoples_things(world: World) -> None:
    owner, product = world.buyer(), world.shared_product()
    order = world.confirmed_order(owner, (product["id"], 1))
    for stranger in (world.person("bob"), world.staff()):
        for path in (f"/orders/{order['id']}", f"/payments/{order['payment_id']}"):
            expect_problem(world.call("GET", path, token=stranger.token), "not_found")
            expect(world.call("HEAD", path, token=stranger.token), 404)


@case("another user's order cannot be cancelled", AREA, "shop")
def other_peoples_cancellation(world: World) -> None:
    owner, stranger = world.buyer(1_000), world.person("bob")
    order = world.confirmed_order(owner, (world.new_product()["id"], 1))
    key = world.new_key()
    expect_problem(world.cancel(stranger, order["id"], key), "not_found")
    expect_problem(world.cancel(world.staff(), order["id"], key), "not_found")
    read = expect(world.call("GET", f"/orders/{order['id']}", token=owner.token), 200)
    equal(read.json(), order, "the order afterwards")
    equal(expect(world.cancel(owner, order["id"], key), 200)["status"], "cancelled", "status")


@case("lists, wallet and overview show only one's own", AREA, "shop")
def only_ones_own(world: World) -> None:
    owner, stranger = world.buyer(1_000), world.new_person()
    world.confirmed_order(owner, (world.shared_product()["id"], 1))
    listed = expect(world.call("GET", "/orders", token=stranger.token), 200)
    equal(listed["items"], [], "the stranger's orders")
    equal(world.balance(stranger), 0, "the stranger's wallet")
    overview = expect(world.call("GET", "/account/overview", token=stranger.token), 200).json()
    equal(overview["recent_orders"], [], "recent_orders")
    equal(overview["user"]["id"], stranger.id, "user")


@case("another user's cursor opens nobody's orders", AREA, "shop")
def other_peoples_cursor(world: World) -> None:
    owner, stranger = world.buyer(), world.new_person()
    for _ in range(3):
        world.confirmed_order(owner, (world.shared_product()["id"], 1))
    page = expect(world.call("GET", "/orders", token=owner.token, query={"limit": 1}), 200)
    query = {"cursor": page["next_cursor"]}
    answer = expect(world.call("GET", "/orders", token=stranger.token, query=query), 200)
    equal(answer.json(), {"items": [], "next_cursor": None}, "the stranger's page")


@case("another user's idempotency key replays nothing of theirs", AREA, "shop")
def other_peoples_keys(world: World) -> None:
    owner, stranger = world.buyer(), world.buyer()
    product, key = world.shared_product(), world.new_key()
    mine = expect(world.order(owner, (product["id"], 2), key=key), 201)
    theirs = expect(world.order(stranger, (product["id"], 2), key=key), 201)
    require(mine["id"] != theirs["id"], "the stranger got the owner's order")
    other = expect(world.order(stranger, (product["id"], 3), key=f"{key}-b"), 201)
    require(other["id"] != mine["id"], "the stranger got the owner's order")


@case("nobody becomes staff by asking", AREA, "shop")
def staff_by_asking(world: World) -> None:
    email = world.new_email()
    payload = {"email": email, "password": "12345678", "full_name": "x"}
    for name in ("staff", "is_staff", "is_superuser", "role", "id"):
        answer = world.call("POST", "/users", payload={**payload, name: True})
        expect_problem(answer, "validation_failed", field=name)
    expect(world.call("POST", "/users", payload=payload), 201)
    token = world.login(email, "12345678")
    expect_problem(attempt(world, operation("create_product"), token=token), "forbidden")


@case("a customer changes nothing on staff routes", AREA, "shop")
def staff_routes(world: World) -> None:
    token, product = world.person().token, world.new_product()
    for operation_id in ("create_product", "update_product", "restock_product"):
        answer = attempt(world, operation(operation_id), token=token, path_id=product["id"])
        expect_problem(answer, "forbidden")
    read = expect(world.call("GET", f"/products/{product['id']}"), 200)
    equal(read.json(), product, "the product afterwards")


@case("prices, totals, owners and states cannot be sent along", AREA, "shop")
def mass_assignment(world: World) -> None:
    buyer, stranger = world.buyer(1_000), world.person("bob")
    product = world.new_product()
    items = [{"product_id": product["id"], "quantity": 1}]
    extras: dict[str, object] = {
        "status": "confirmed",
        "total_cents": 1,
        "user_id": stranger.id,
        "payment_id": stranger.id,
        "reason": None,
        "id": stranger.id,
    }
    op = operation("create_order")
    for name, value in extras.items():
        answer = attempt(world, op, token=buyer.token, payload={"items": items, name: value})
        expect_problem(answer, "validation_failed", field=name)
    for name in ("price_cents", "unit_price_cents", "name", "discount"):
        payload = {"items": [{**items[0], name: 1}]}
        answer = attempt(world, op, token=buyer.token, payload=payload)
        expect_problem(answer, "validation_failed")
    for name in ("user_id", "balance_cents", "currency"):
        deposit = {"amount_cents": 5, name: 1}
        answer = attempt(world, operation("create_deposit"), token=buyer.token, payload=deposit)
        expect_problem(answer, "validation_failed", field=name)
    equal(world.balance(buyer), 1_000, "balance_cents")


@case("quotes, comments and templates are only text", AREA, "shop")
def injections(world: World) -> None:
    texts = ("'; DROP TABLE products; --", '"><script>', "${7*7}{{7*7}}", "%s%n", "\\'; --", "$1")
    for text in texts:
        product = world.new_product(name=text, category=text, description=text)
        listed = world.call("GET", "/products", query={"category": text, "q": text, "limit": 100})
        found = {item["id"] for item in expect(listed, 200)["items"]}
        require(product["id"] in found, f"{text!r} is not found by itself")


@case("no refusal tells of the inside", AREA, "shop")
def quiet_errors(world: World) -> None:
    for op in all_operations():
        answers = [
            attempt(world, op, query={"surprise": "'"}),
            attempt(world, op, token="a.b.c") if op.auth != "none" else None,
            attempt(world, op, body=b'{"a": ') if op.has_body else None,
            attempt(world, op, payload={"a": [None]}) if op.has_body else None,
            world.call("PUT", op.path("x"), prefix="", body=b"{}"),
        ]
        for answer in filter(None, answers):
            text = answer.body.decode("utf-8", "replace")
            told = TELLTALE.search(text)
            require(told is None, f"{told and told[0]!r} stands in {answer}")
