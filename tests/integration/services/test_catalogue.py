"""The catalogue through the whole app: pages, search, and the changes staff may make."""

import asyncio
import base64
import json
from uuid import uuid4

import pytest

from tests.integration.services.shop import Shop


async def walk(shop: Shop, query: str) -> list[str]:
    """Names of all pages, two at a time."""
    names: list[str] = []
    cursor = ""
    while True:
        page = (await shop.get(f"/api/v1/products?limit=2&{query}{cursor}")).json
        names += [item["name"] for item in page["items"]]
        if page["next_cursor"] is None:
            return names
        cursor = f"&cursor={page['next_cursor']}"


async def stocked(shop: Shop) -> None:
    for name, category, price_cents in (
        ("banana", "fruit", 30),
        ("Apple", "fruit", 20),
        ("apple", "fruit", 20),
        ("Éclair", "cake", 20),
        ("100% cocoa", "cake", 90),
        ("a_b", "misc", 10),
    ):
        await shop.product(name=name, category=category, price_cents=price_cents)


async def test_products_are_sorted_by_name_in_byte_order(shop: Shop) -> None:
    await stocked(shop)
    assert await walk(shop, "") == ["100% cocoa", "Apple", "a_b", "apple", "banana", "Éclair"]
    assert await walk(shop, "category=fruit") == ["Apple", "apple", "banana"]
    assert await walk(shop, "category=none") == []


async def test_ties_in_price_go_by_ascending_id_in_both_directions(shop: Shop) -> None:
    await stocked(shop)
    ids = {
        item["name"]: item["id"]
        for item in (await shop.get("/api/v1/products?limit=100")).json["items"]
    }
    tied = sorted(("Apple", "apple", "Éclair"), key=lambda name: ids[name])
    assert await walk(shop, "sort=price") == ["a_b", *tied, "banana", "100% cocoa"]
    assert await walk(shop, "sort=-price") == ["100% cocoa", "banana", *tied, "a_b"]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("APPLE", ["Apple", "apple"]),
        ("%25", ["100% cocoa"]),
        ("_", ["a_b"]),
        ("%C3%89", ["Éclair"]),
        ("%C3%A9", []),  # only ASCII case is ignored
        ("nana", ["banana"]),
    ],
)
async def test_search_is_by_substring_of_the_name(shop: Shop, q: str, found: list[str]) -> None:
    await stocked(shop)
    assert await walk(shop, f"q={q}") == found


def cursor(*parts: object) -> str:
    text = json.dumps(parts, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


SOME_ID = "8b0ee401-2827-4e56-ba7a-c949525b4e49"  # fixed: a test's name must be the same everywhere


@pytest.mark.parametrize(
    "query",
    [
        "cursor=abc",
        f"cursor={cursor('name', 5, SOME_ID)}",
        f"cursor={cursor('name', chr(0), SOME_ID)}",
        f"cursor={cursor('price', 5, SOME_ID)}",
        f"sort=price&cursor={cursor('price', 'x', SOME_ID)}",
        f"sort=price&cursor={cursor('price', True, SOME_ID)}",
        f"sort=-price&cursor={cursor('-price', 10**30, SOME_ID)}",
        f"sort=price&cursor={cursor('price', 5, 'no id')}",
        "sort=sku",
        "limit=0",
        "limit=101",
        "q=",
        "page=2",
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(shop: Shop, query: str) -> None:
    refused = await shop.get(f"/api/v1/products?{query}")
    assert (refused.status, refused.json["code"]) == (422, "validation_failed")


async def test_only_a_change_moves_the_version_and_by_one(shop: Shop) -> None:
    staff, tea = shop.user(staff=True), await shop.product(quantity=5)
    path = f"/api/v1/products/{tea}"
    await shop.post(f"{path}/restocks", staff, {"quantity": 7})
    product = (await shop.get(path)).json
    assert (product["version"], product["available"]) == (1, 12)
    changed = await shop.patch(path, staff, {"price_cents": 100})
    assert (changed.status, changed.json["version"]) == (200, 2)
    await asyncio.gather(*(shop.patch(path, staff, {"description": ""}) for _ in range(10)))
    assert (await shop.get(path)).json["version"] == 12


@pytest.mark.parametrize("body", [{}, {"version": 3}, {"sku": "x"}, {"name": None}, {"name": " "}])
async def test_a_change_of_nothing_or_of_what_is_fixed_is_refused(shop: Shop, body: object) -> None:
    path = f"/api/v1/products/{await shop.product()}"
    assert (await shop.patch(path, shop.user(staff=True), body)).status == 422


async def test_a_sku_is_given_once(shop: Shop) -> None:
    staff = shop.user(staff=True)
    body = {
        "sku": "s-1",
        "name": "Tea",
        "description": "",
        "category": "tea",
        "price_cents": 1,
        "quantity": 0,
    }
    answers = await asyncio.gather(
        *(shop.post("/api/v1/products", staff, body, f"k{i}") for i in range(10))
    )
    assert sorted(answer.status for answer in answers) == [201] + [409] * 9
    refused = next(i for i, answer in enumerate(answers) if answer.status == 409)
    assert answers[refused].json["code"] == "sku_taken"
    again = await shop.post("/api/v1/products", staff, body, f"k{refused}")
    assert again == answers[refused]


async def test_20_uses_of_one_key_restock_once(shop: Shop) -> None:
    staff, tea = shop.user(staff=True), await shop.product(quantity=0)
    path = f"/api/v1/products/{tea}/restocks"
    answers = await asyncio.gather(
        *(shop.post(path, staff, {"quantity": 5}, "k") for _ in range(20))
    )
    assert {answer.status for answer in answers} <= {201, 409}
    assert (await shop.post(path, staff, {"quantity": 5}, "k")).json["available"] == 5
    assert (await shop.get(f"/api/v1/products/{tea}")).json["available"] == 5


async def test_the_unknown_is_not_found(shop: Shop) -> None:
    staff, path = shop.user(staff=True), f"/api/v1/products/{uuid4()}"
    assert (await shop.get(path)).status == 404
    assert (await shop.patch(path, staff, {"name": "Tea"})).status == 404
    missing = await shop.post(f"{path}/restocks", staff, {"quantity": 1}, "k")
    assert missing.status == 404
    assert await shop.post(f"{path}/restocks", staff, {"quantity": 1}, "k") == missing


async def test_the_overview_recommends_from_the_category_of_the_newest_purchase(
    shop: Shop,
) -> None:
    bought = await shop.product(name="b", category="tea")
    for name, quantity in (("a", 1), ("c", 0), ("d", 1), ("e", 1), ("f", 1), ("g", 1)):
        await shop.product(name=name, category="tea", quantity=quantity)
    await shop.product(name="0", category="other")
    user = await shop.buyer()
    await shop.register(user)
    nothing = await shop.get("/api/v1/account/overview", user)
    assert nothing.json["recommended"] == [], nothing
    order = await shop.order(user, (bought, 1))
    overview = (await shop.get("/api/v1/account/overview", user)).json
    assert [product["name"] for product in overview["recommended"]] == ["a", "b", "d", "e", "f"]
    assert overview["recent_orders"] == [order.json]
    assert overview["wallet"] == {"balance_cents": 100_000 - 100}
